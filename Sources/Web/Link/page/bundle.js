/*
 * The loader: shows the link page in a frame over the customer's page, and passes on what it tells.
 *
 *   Okra.buildWithOptions({key, token, products, …, onSuccess, onError, onClose, beforeClose, onEvent})
 *   Okra.buildWithShortUrl({short_url, …})
 *   Okra.close()
 *   Okra.baseUrl    where the page is; the server that this script came from, until it is set
 *
 * `Kubewa` is the same object. It runs in pages of others: one global, no style sheet, nothing that a strict content
 * security policy of theirs would stop but the frame itself (frame-src) and, for telling why a frame stayed empty,
 * one request (connect-src).
 */
(function () {
  'use strict';

  // Written by scripts/embed-page: event name → [callback, code, recommended action].
  const catalogue = {/*{{callbacks}}*/};
  const LOAD_MS = 45000, GREETING_MS = 3000, PROBE_MS = 8000;

  const script = document.currentScript;
  const api = { baseUrl: script && script.src ? new URL(script.src).origin : location.origin };
  let open = null;

  function say(name, more) {
    const entry = catalogue[name];
    return Object.assign({}, more, { event_name: name, code: entry[1], recommended_action: entry[2] });
  }

  /* A callback that throws shows up in the console of its page and stops nothing here. */
  function call(options, names, value) {
    names.some(function (name) {
      if (!options || typeof options[name] !== 'function') return false;
      try {
        if (value === undefined) options[name]();
        else options[name](value);
      } catch (problem) {
        setTimeout(function () { throw problem; }, 0);
      }
      return true;
    });
  }

  function fail(options, name, message) {
    console.warn('Okra: ' + message);
    call(options, ['onError'], say(name, { error: true, message: message }));
  }

  function style(node, rules) {
    Object.keys(rules).forEach(function (name) { node.style.setProperty(name, rules[name]); });
  }

  /* What goes to the page: plain data, with the spellings of the environment made one. */
  function prepared(given, isLink) {
    const data = JSON.parse(JSON.stringify(given));
    const sandbox = ['sandbox', 'production-sandbox', 'production_sandbox', 'test'];
    if (sandbox.indexOf(String(data.env).toLowerCase()) >= 0) data.env = 'production-sandbox';
    data.source = data.source || 'integration';
    data.hideCardOnExit = true;
    data.iframeData = true;
    data.withOptions = true;
    if (isLink) {
      data.ref = String(data.short_url);
      data.withShortURL = true;
      delete data.short_url;
    }
    return data;
  }

  function address(data) {
    const url = new URL(api.baseUrl);
    const slug = data.withShortURL ? data.ref.split(/[?#]/)[0].split('/').filter(Boolean).pop() : '';
    url.pathname = '/' + encodeURIComponent(slug || '');
    url.search = '?isIframe=true&withOptions=true';
    // The server says by the public key which websites may frame the page; the key is no secret.
    if (!slug && data.key) url.search += '&key=' + encodeURIComponent(data.key);
    return url;
  }

  function begin(given, isLink) {
    if (!given || typeof given !== 'object' || isLink && !given.short_url) {
      fail(given, 'init.bad_options', isLink ? 'short_url is missing.' : 'Options must be an object.');
      return;
    }
    let data, url;
    try {
      data = prepared(given, isLink);
      url = address(data);
    } catch (problem) {
      fail(given, 'init.bad_options', 'The options or Okra.baseUrl cannot be used: ' + problem.message);
      return;
    }
    api.close();
    open = show(given, data, url);
  }

  api.buildWithOptions = function (options) { begin(options, false); };
  api.buildWithShortUrl = function (options) { begin(options, true); };
  api.close = function () {
    if (open) open.end(say('closed.by_page', { close: true }));
  };

  /* ---- one opening ---- */

  function show(options, data, url) {
    const dialog = document.createElement('dialog');
    const frame = document.createElement('iframe');
    const cover = document.createElement('div');
    const focused = document.activeElement;
    const overflow = document.documentElement.style.overflow;
    const timers = [];
    let isGreeted = false, isOver = false, wasTriedAgain = false;

    style(dialog, { position: 'fixed', top: '0', left: '0', width: '100%', height: '100%', 'max-width': '100%',
      'max-height': '100%', margin: '0', padding: '0', border: '0', background: 'transparent', overflow: 'hidden',
      'z-index': '2147483647' });
    style(frame, { position: 'absolute', top: '0', left: '0', width: '100%', height: '100%', border: '0',
      'color-scheme': data.mode === 'dark' || data.mode === 'light' ? data.mode : 'light dark' });
    style(cover, { position: 'absolute', top: '0', left: '0', width: '100%', height: '100%', display: 'flex',
      'flex-direction': 'column', 'align-items': 'center', 'justify-content': 'center', gap: '16px', padding: '24px',
      'box-sizing': 'border-box', background: 'rgba(11,20,18,.8)', color: '#fff',
      font: '16px/1.5 system-ui,sans-serif', 'text-align': 'center' });
    dialog.setAttribute('aria-label', 'Link your bank');
    frame.title = 'Link your bank';
    frame.src = url.href;
    // The page learns from the referrer to which origin it may say that it is there.
    frame.referrerPolicy = 'origin';

    function wait() {
      cover.textContent = '';
      style(frame, { visibility: 'visible' });
      const text = document.createElement('p');
      text.setAttribute('role', 'status');
      text.textContent = 'Opening…';
      style(text, { margin: '0' });
      cover.append(text, button('Cancel', giveUp));
    }

    function button(text, press) {
      const made = document.createElement('button');
      made.type = 'button';
      made.textContent = text;
      style(made, { font: 'inherit', 'font-weight': '600', color: '#fff', background: 'transparent',
        border: '2px solid #fff', 'border-radius': '12px', padding: '10px 24px', 'min-height': '48px',
        cursor: 'pointer' });
      made.addEventListener('click', press);
      return made;
    }

    function giveUp() {
      call(options, ['beforeClose', 'BeforeClose'], say('close.not_loaded', { beforeClose: true }));
      end(say('closed.not_loaded', { close: true }));
    }

    /* ---- messages of the page ---- */

    function receive(event) {
      // The very origin, not one that begins like it; and this frame, not another one of the same server.
      if (event.origin !== url.origin || event.source !== frame.contentWindow) return;
      const message = event.data;
      if (!message || typeof message !== 'object') return;
      if (message.ifameLoaded) {
        isGreeted = true;
        timers.forEach(clearTimeout);
        cover.remove();
        frame.contentWindow.postMessage(data, url.origin);
        frame.focus();
      } else if (message.close) {
        end(message);
      } else if (message.success) {
        call(options, ['onSuccess'], message);
      } else if (message.error) {
        call(options, ['onError'], message);
      } else if (message.beforeClose) {
        call(options, ['beforeClose', 'BeforeClose'], message);
      } else if (message.event) {
        call(options, ['onEvent'], message);
      }
    }

    function end(message) {
      if (isOver) return;
      isOver = true;
      open = null;
      timers.forEach(clearTimeout);
      window.removeEventListener('message', receive);
      document.documentElement.style.overflow = overflow;
      dialog.remove();
      if (focused && focused.focus) focused.focus();
      call(options, ['onClose'], message);
    }

    /* ---- a page that does not come ---- */

    async function find() {
      if (isGreeted || isOver) return;
      const answers = await probe(url);
      if (isGreeted || isOver) return;
      if (answers && !wasTriedAgain) {
        // On a bad line a file of the page may have been lost; a forbidden frame stays empty the second time too.
        wasTriedAgain = true;
        load();
        return;
      }
      const name = answers ? 'init.frame_blocked' : 'init.unreachable';
      fail(options, name, answers ? 'The browser did not show the page in a frame.' : 'The server does not answer.');
      const text = document.createElement('p');
      text.setAttribute('role', 'alert');
      style(text, { margin: '0', 'max-width': '360px' });
      text.textContent = answers
        ? 'This website is not allowed to open the page for linking your bank. Please tell its owner.'
        : 'The page for linking your bank cannot be reached. Please check your internet connection.';
      cover.textContent = '';
      // What the browser draws in place of a page that did not come is no help to anybody.
      style(frame, { visibility: 'hidden' });
      const again = button('Try again', load);
      cover.append(text, again, button('Close', giveUp));
      again.focus();
    }

    function load() {
      wait();
      timers.forEach(clearTimeout);
      timers.push(setTimeout(find, LOAD_MS));
      frame.src = url.href;
    }

    // Browsers tell that a frame is loaded also when they show their own error page in it.
    frame.addEventListener('load', function () {
      if (!isGreeted && !isOver) timers.push(setTimeout(find, GREETING_MS));
    });

    function escape(event) {
      event.preventDefault();
      if (isGreeted) frame.contentWindow.postMessage({ kubewaEscape: true }, url.origin);
      else giveUp();
    }
    dialog.addEventListener('cancel', escape);
    dialog.addEventListener('keydown', function (event) { if (event.key === 'Escape') escape(event); });
    // Browsers may close a dialog all the same when Escape or "back" comes twice.
    dialog.addEventListener('close', function () { if (!isOver && dialog.showModal) dialog.showModal(); });

    window.addEventListener('message', receive);
    wait();
    dialog.append(frame, cover);
    (document.body || document.documentElement).appendChild(dialog);
    document.documentElement.style.overflow = 'hidden';
    if (dialog.showModal) dialog.showModal();
    else dialog.setAttribute('open', '');
    timers.push(setTimeout(find, LOAD_MS));
    return { end: end };
  }

  /* Whether the server answers at all; what it answers cannot be read from here, and need not be. */
  function probe(url) {
    const slow = new Promise(function (resolve) { setTimeout(resolve, PROBE_MS, false); });
    const asked = fetch(url.origin + '/v2/bundle.js', { mode: 'no-cors', cache: 'no-store', credentials: 'omit' });
    return Promise.race([asked.then(function () { return true; }, function () { return false; }), slow]);
  }

  window.Okra = window.Kubewa = api;
})();
