/* The frame around the screens: title bar, progress, focus, the browser's back button, the question before leaving. */
(function (link) {
  'use strict';

  const h = link.h;
  const STEPS = 5;
  const main = document.getElementById('main');
  const top = document.getElementById('top');
  const live = document.getElementById('say');
  document.documentElement.setAttribute('data-mode', link.host.mode);
  let depth = 0, goBack = null, whenClose = null, business = '', progress = null;

  const view = link.view = {
    screen: 'loading',
    /* Whether the person would lose something by leaving. */
    needsConfirm: false
  };

  view.say = function (text) {
    live.textContent = '';
    // Screen readers only read a change: let the empty text be seen first.
    setTimeout(function () { live.textContent = text; }, 60);
  };

  view.busy = function (isBusy) {
    const next = document.getElementById('next');
    if (isBusy) main.setAttribute('data-busy', '');
    else main.removeAttribute('data-busy');
    main.setAttribute('aria-busy', String(isBusy));
    if (!next) return;
    // Stays in the tab order and keeps its focus; a second press is refused where the answer is sent.
    next.setAttribute('aria-disabled', String(isBusy));
    next.classList.toggle('working', isBusy);
  };

  view.isBusy = function () { return main.hasAttribute('data-busy'); };

  /* ---- title bar ---- */

  view.bar = function (options) {
    business = options.business || '';
    whenClose = options.close;
    const brand = h('div', { class: 'brand' });
    if (options.logo) {
      const image = h('img', { class: 'logo', src: options.logo, alt: '', referrerpolicy: 'no-referrer' });
      image.addEventListener('error', function () { image.remove(); });
      brand.appendChild(image);
    }
    if (business) link.add(brand, h('span', { class: 'business' }, business));
    progress = h('p', { class: 'progress' });
    top.textContent = '';
    link.add(top, [
      h('button', { id: 'back', class: 'round', type: 'button', 'aria-label': 'Back', hidden: true,
        onclick: pressBack }, link.icon(link.icons.back)),
      brand,
      h('button', { id: 'close-button', class: 'round', type: 'button', 'aria-label': 'Close', hidden: !whenClose,
        onclick: view.askClose }, link.icon(link.icons.close)),
      progress
    ]);
  };

  function showProgress(step) {
    if (!progress) return;
    progress.textContent = '';
    progress.hidden = !step;
    if (!step) return;
    const marks = [];
    for (let i = 1; i <= STEPS; i += 1) marks.push(h('i', { class: i <= step ? 'on' : '' }));
    link.add(progress, [h('span', { class: 'marks', 'aria-hidden': 'true' }, marks),
      h('span', { class: 'away' }, 'Step ' + step + ' of ' + STEPS)]);
  }

  /* ---- screens ---- */

  /*
   * Shows a screen and tells its event.
   *   name, title, body   what it is; `lead` a first sentence; `icon` and `tone` for messages
   *   next, other         {text, press, submit} of the two buttons at the bottom
   *   form                called when the screen's form is sent; makes the body a form
   *   back                what the back button does; null where there is no way back
   *   step                1 to 5 of the progress
   *   entry               true for a step forward, which gets its own entry in the browser's history
   *   focus               element that gets the focus instead of the title
   *   field               the field to begin with, where a keyboard does not cover half of the screen
   *   isLast              nothing is left to close
   *   leaving             called when another screen takes its place
   */
  view.show = function (screen) {
    if (view.leaving) view.leaving();
    view.leaving = screen.leaving || null;
    const isNew = screen.name !== view.screen;
    view.screen = screen.name;
    main.textContent = '';
    main.setAttribute('data-screen', screen.name);
    if (screen.code) main.setAttribute('data-code', screen.code);
    else main.removeAttribute('data-code');
    const title = h('h1', { tabindex: '-1', id: 'title' }, screen.title);
    const inner = h(screen.form ? 'form' : 'div', { class: 'body', novalidate: !!screen.form,
      'aria-labelledby': screen.form ? 'title' : null }, [
      screen.icon && h('p', { class: 'badge ' + (screen.tone || '') }, link.icon(screen.icon)),
      title, screen.lead && h('p', { class: 'lead' }, screen.lead)
    ].concat(screen.body || []));
    if (screen.form) {
      inner.addEventListener('submit', function (event) {
        event.preventDefault();
        if (!view.isBusy()) screen.form(inner);
      });
    }
    link.add(inner, buttons(screen));
    main.appendChild(inner);
    view.busy(false);
    showProgress(screen.step);
    setBack(screen.back || null, isNew && screen.entry);
    document.title = screen.title + (business ? ' · ' + business : '');
    const close = document.getElementById('close-button');
    if (close) close.hidden = !whenClose || !!screen.isLast && link.host.mode === 'page';
    const hasKeyboard = window.matchMedia('(hover: hover) and (pointer: fine)').matches;
    const begin = screen.focus || hasKeyboard && screen.field || title;
    begin.focus({ preventScroll: begin === title });
    main.scrollTop = 0;
    if (isNew || screen.retell) link.host.tell(screen.name + '.shown', screen.tell);
  };

  function buttons(screen) {
    if (!screen.next && !screen.other) return null;
    return h('div', { class: 'actions' }, [
      screen.note && h('p', { class: 'note' }, screen.note),
      screen.next && h('button', {
        id: 'next', class: 'main', type: screen.form ? 'submit' : 'button',
        onclick: screen.form ? undefined : guarded(screen.next.press)
      }, [h('span', { class: 'spinner', 'aria-hidden': 'true' }), h('span', {}, screen.next.text)]),
      screen.other && h('button', { id: 'other', class: 'plain', type: 'button', onclick: screen.other.press },
        screen.other.text)
    ]);
  }

  /* Two quick presses are one. */
  function guarded(press) {
    return function () { if (!view.isBusy()) press(); };
  }

  /* ---- back ---- */

  function setBack(action, isForward) {
    goBack = action;
    const button = document.getElementById('back');
    if (button) button.hidden = !action;
    if (!isForward) return;
    depth += 1;
    history.pushState({ kubewa: depth }, '');
  }

  function pressBack() {
    if (!goBack) return;
    if (depth > 0) history.back();
    else stepBack();
  }

  function stepBack() {
    link.host.tell('back.pressed', { screen: view.screen });
    goBack();
  }

  window.addEventListener('popstate', function (event) {
    const now = event.state && event.state.kubewa || 0;
    const isForward = now > depth;
    depth = now;
    if (isForward) {
      // There is no forward: what was answered is answered.
      history.back();
      return;
    }
    const dialog = document.getElementById('close');
    if (dialog) {
      stay(dialog);
      depth += 1;
      history.pushState({ kubewa: depth }, '');
      return;
    }
    if (goBack) stepBack();
  });

  /* The first screen stands on the entry that the page itself has. */
  view.root = function () {
    depth = 0;
    history.replaceState({ kubewa: 0 }, '');
  };

  /* ---- leaving ---- */

  view.askClose = function () {
    if (!whenClose || document.getElementById('close')) return;
    if (!view.needsConfirm) {
      whenClose();
      return;
    }
    const dialog = h('dialog', { id: 'close', 'data-screen': 'close', 'aria-labelledby': 'close-title',
      'aria-describedby': 'close-text' }, [
      h('h2', { id: 'close-title' }, 'Leave without linking?'),
      h('p', { id: 'close-text' },
        'You are not finished. If you leave now, nothing is linked and your login is forgotten.'),
      h('div', { class: 'actions' }, [
        h('button', { id: 'stay', class: 'main', type: 'button', onclick: function () { stay(dialog); } }, 'Stay here'),
        h('button', { id: 'leave', class: 'plain', type: 'button', onclick: function () { leave(dialog); } },
          'Yes, leave')
      ])
    ]);
    dialog.addEventListener('cancel', function (event) {
      event.preventDefault();
      stay(dialog);
    });
    document.body.appendChild(dialog);
    if (dialog.showModal) dialog.showModal();
    else dialog.setAttribute('open', '');
    document.getElementById('stay').focus();
    link.host.tell('close.asked', { screen: view.screen });
  };

  function stay(dialog) {
    dialog.remove();
    link.host.tell('close.cancelled', { screen: view.screen });
    const place = document.getElementById('close-button');
    if (place) place.focus();
  }

  function leave(dialog) {
    dialog.remove();
    whenClose(true);
  }

  document.addEventListener('keydown', function (event) {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    const dialog = document.getElementById('close');
    event.preventDefault();
    if (dialog) stay(dialog);
    else view.askClose();
  });

  link.host.whenEscape = view.askClose;
})(window.kubewaLink);
