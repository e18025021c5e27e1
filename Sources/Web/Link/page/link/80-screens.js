/* What stands on each screen. What follows from a press is decided in 90-flow. */
(function (link) {
  'use strict';

  const h = link.h;
  const FIRST_ROWS = 24;
  const SLOW_MS = 5000, LONG_MS = 20000;

  const screens = link.screens = {};

  function show(screen) { link.view.show(screen); }

  screens.consent = function (open, agree) {
    const points = (open.consent.points || []).map(function (text) {
      return h('li', {}, [link.icon(link.icons.check), h('span', {}, text)]);
    });
    show({
      name: 'consent', step: 1,
      title: (open.reauth ? 'Link your bank again to ' : 'Link your bank to ') + open.name,
      lead: open.branding.connect_message,
      body: [
        h('p', { class: points.length ? 'terms' : 'lead', id: 'consent-text' }, open.consent.text),
        points.length > 0 && h('ul', { class: 'points', id: 'consent-points' }, points),
        h('p', { class: 'small', id: 'consent-withdraw' },
          'You can withdraw this at any time: tell ' + open.business + ', or end the access at your bank.'),
        link.flow.isTest() && h('p', { class: 'test' }, 'Test mode: nothing here is real, and no bank is asked.')
      ],
      next: { text: 'I agree', press: agree }
    });
  };

  /* ---- choosing a bank ---- */


  function row(bank, choose) {
    return h('li', {}, h('button', { type: 'button', class: 'row', 'data-bank': bank.slug,
      onclick: function () { if (!link.view.isBusy()) choose(bank); } }, [
      h('span', { class: 'letter', 'aria-hidden': 'true' }, Array.from(bank.name.trim())[0] || '?'),
      h('span', { class: 'grow' }, bank.name),
      bank.note && h('span', { class: 'health ' + bank.health }, bank.note),
      link.icon(link.icons.forward, 'dim')
    ]));
  }

  /* A first screenful at once, the rest when the phone has time. */
  function fill(list, banks, choose) {
    let place = 0;
    list.textContent = '';
    const token = list.fillToken = {};
    (function more() {
      if (list.fillToken !== token) return;
      const part = document.createDocumentFragment();
      for (const end = place + FIRST_ROWS; place < end && place < banks.length; place += 1) {
        part.appendChild(row(banks[place], choose));
      }
      list.appendChild(part);
      if (place < banks.length) (window.requestIdleCallback || setTimeout)(more, { timeout: 500 });
    })();
  }

  screens.banks = function (banks, choose, back, isBack) {
    const entries = link.searchable(banks);
    const list = h('ul', { id: 'bank-list', class: 'rows', 'aria-label': 'Banks' });
    const none = h('p', { class: 'empty', hidden: true });
    const search = h('input', { id: 'bank-search', type: 'search', autocomplete: 'off', autocapitalize: 'none',
      autocorrect: 'off', spellcheck: 'false', enterkeyhint: 'search', placeholder: 'Name, such as GTB or UBA',
      'aria-controls': 'bank-list' });
    let shown = banks, timer = 0;
    function update() {
      shown = link.search(entries, search.value);
      fill(list, shown, choose);
      none.hidden = shown.length > 0;
      none.textContent = 'No bank is called “' + search.value.trim() + '”. Try its full name, or fewer letters.';
      clearTimeout(timer);
      timer = setTimeout(function () {
        link.view.say(shown.length === 1 ? '1 bank' : shown.length + ' banks');
      }, 600);
    }
    search.addEventListener('input', update);
    search.addEventListener('keydown', function (event) {
      if (event.key === 'Escape' && search.value) {
        event.preventDefault();
        search.value = '';
        update();
      }
      if (event.key === 'Enter') {
        event.preventDefault();
        if (search.value.trim() && shown.length) choose(shown[0]);
      }
    });
    const body = h('div', { class: 'find' }, [
      h('label', { for: 'bank-search', class: 'away' }, 'Search for your bank'), search, none, list
    ]);
    body.addEventListener('keydown', function (event) { walk(event, search, list); });
    show({ name: 'banks', step: 2, back: back, entry: !isBack, title: 'Choose your bank', body: body,
      field: search, leaving: function () { clearTimeout(timer); } });
    fill(list, banks, choose);
  };

  /* Arrow keys walk from the search field down the list and up again. */
  function walk(event, search, list) {
    const down = event.key === 'ArrowDown', up = event.key === 'ArrowUp';
    if (!down && !up) return;
    const now = document.activeElement.closest('li');
    let next = null;
    if (now) next = down ? now.nextElementSibling : now.previousElementSibling;
    else if (down) next = list.firstElementChild;
    event.preventDefault();
    if (next) next.firstChild.focus();
    else if (up) search.focus();
  }

  screens.bankWarning = function (bank, tryIt, other, back) {
    show({
      name: 'bank_warning', step: 2, back: back, entry: true, icon: link.icons.cloud, tone: 'warn',
      title: bank.name + ' is not answering', code: 'down',
      lead: 'The bank had trouble a few minutes ago. You can try all the same, or come back later.',
      next: { text: 'Try all the same', press: tryIt },
      other: other && { text: 'Choose another bank', press: other }
    });
  };

  screens.loginType = function (bank, choose, back, isBack) {
    function option(type, title, text) {
      return h('li', {}, h('button', { type: 'button', class: 'row', 'data-login-type': type,
        onclick: function () { if (!link.view.isBusy()) choose(type); } }, [
        h('span', { class: 'grow' }, [h('b', {}, title), h('small', {}, text)]), link.icon(link.icons.forward, 'dim')
      ]));
    }
    show({
      name: 'login_type', step: 2, back: back, entry: !isBack, title: 'Which login do you use?',
      lead: 'At ' + bank.name + '.',
      body: h('ul', { class: 'rows' }, [
        option('ind', 'Personal', 'For your own account'), option('corp', 'Business', 'For a company’s account')
      ])
    });
  };

  /* ---- waiting ---- */

  /* - Parameter since: performance.now() when the waiting began; the machine's clock plays no part. */
  screens.wait = function (bank, business, since, leave, back) {
    const slow = h('p', { class: 'lead', id: 'wait-text' }, 'This takes a few seconds. Please keep this page open.');
    const timers = [];
    function later(ms, name, text) {
      timers.push(setTimeout(function () {
        slow.textContent = text;
        link.view.say(text);
        link.host.tell(name);
        if (name === 'wait.long') offer.hidden = false;
      }, Math.max(0, since + ms - performance.now())));
    }
    const offer = h('div', { class: 'actions', hidden: true },
      h('button', { id: 'leave-waiting', class: 'plain', type: 'button', onclick: leave }, 'Leave, and be told later'));
    show({
      name: 'wait', step: 4, back: back, title: 'Talking to ' + bank,
      body: [h('p', { class: 'center' }, h('span', { class: 'spinner big', 'aria-hidden': 'true' })), slow, offer],
      leaving: function () { timers.forEach(clearTimeout); }
    });
    later(SLOW_MS, 'wait.slow', bank + ' is slow today. It is still working; you need not do anything.');
    later(LONG_MS, 'wait.long', bank + ' is taking long. You can wait, or leave: the linking goes on without you, ' +
      'and ' + business + ' is told how it ended.');
  };

  /* ---- messages: each says what happened, that nothing is lost, and what to do ---- */

  screens.done = function (words, next) {
    show({
      name: 'done', step: 5, icon: link.icons.check, tone: 'good', title: words.title, lead: words.lead,
      body: words.detail && h('p', { class: 'detail' }, words.detail), note: words.note, next: next
    });
  };

  /* - Parameter more: icon, tone, name, title, lead, code, next, other and steps, a list of what to do. */
  screens.message = function (more) {
    show(Object.assign({ tone: 'warn', icon: link.icons.alert }, more, {
      body: [
        more.steps && h('ol', { class: 'steps' }, more.steps.map(function (text) { return h('li', {}, text); })),
        more.small && h('p', { class: 'small' }, more.small)
      ]
    }));
  };
})(window.kubewaLink);
