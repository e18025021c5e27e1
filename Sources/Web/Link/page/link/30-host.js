/*
 * Who opened this page, what they asked for, and how they are told: the website that frames it (window messages),
 * the app whose web view shows it (bridges), or nobody (a page of its own, with redirect_url at the end).
 */
(function (link) {
  'use strict';

  const OPTIONS_WAIT_MS = 15000;
  const LONG = 64 * 1024;

  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const isFramed = window.parent !== window;
  const isWebview = !isFramed && (query.get('isWebview') === 'true' || hasBridge());

  /* The kinds of callbacks, in the order in which loaders test a message's keys, and their names on bridges. */
  const kinds = {
    onClose: ['close', 'option close', 'onClose'],
    onSuccess: ['success', 'option success', 'onSuccess'],
    onError: ['error', 'option error', 'onError'],
    beforeClose: ['beforeClose', 'option before close', 'onBeforeClose'],
    onEvent: ['event', 'option event', 'onEvent']
  };

  const host = link.host = {
    mode: isFramed ? 'iframe' : isWebview ? 'webview' : 'page',
    /* The one origin that messages go to; nothing is sent while it is not known. */
    target: null,
    opening: null,
    whenEscape: function () {}
  };

  /* ---- telling ---- */

  const plain = link.catalogue[''].split(' ');

  /* Fires a callback of the catalogue. `more` stands beside the keys, so both data.auth and data.success work. */
  host.tell = function (name, more) {
    const isPlain = plain.indexOf(name) >= 0;
    const entry = isPlain ? ['onEvent', name.replace('.', '_'), 'Nothing.'] : link.catalogue[name];
    if (!entry) return;
    const kind = kinds[entry[0]];
    const message = {};
    message[kind[0]] = true;
    Object.assign(message, more, { event_name: name, code: entry[1] || name.split('.')[1], recommended_action: entry[2] });
    if (isFramed && host.target) window.parent.postMessage(message, host.target);
    if (!isFramed) tellBridges(kind, message);
  };

  function quietly(action) {
    // An app's bridge may throw; the person's linking goes on.
    try { action(); } catch (problem) { /* nothing that could be done here */ }
  }

  function tellBridges(kind, message) {
    const event = { event: kind[1], data: message };
    const text = JSON.stringify(event);
    const native = window.ReactNativeWebView, android = window.Android, flutter = window.FlutterOkra;
    const apple = window.webkit && window.webkit.messageHandlers || {};
    if (native && native.postMessage) quietly(function () { native.postMessage(text); });
    ['kubewa', 'okra'].forEach(function (name) {
      if (apple[name]) quietly(function () { apple[name].postMessage(event); });
    });
    if (flutter) quietly(function () { flutter.postMessage(text); });
    else if (apple.FlutterOkra) quietly(function () { apple.FlutterOkra.postMessage(text); });
    if (window.flutter_inappwebview) {
      quietly(function () { window.flutter_inappwebview.callHandler('kubewa', event); });
    }
    if (android && android[kind[2]]) quietly(function () { android[kind[2]](JSON.stringify(message)); });
    else if (android && android.postMessage) quietly(function () { android.postMessage(text); });
  }

  function hasBridge() {
    const apple = window.webkit && window.webkit.messageHandlers || {};
    return !!(window.ReactNativeWebView || window.flutter_inappwebview || window.FlutterOkra || window.Android ||
      apple.kubewa || apple.okra || apple.FlutterOkra);
  }
  host.hasBridge = hasBridge;

  /* ---- being asked ---- */

  function noOptions() {
    return link.api.failure('no_options', 'No options came.');
  }

  function readObject(value) {
    let found = value;
    if (typeof value === 'string') {
      if (value.length > 2 * LONG) throw link.api.failure('too_large', 'The options are over 64 KiB.');
      try { found = JSON.parse(value); } catch (problem) { throw noOptions(); }
    }
    if (!found || typeof found !== 'object' || Array.isArray(found)) throw noOptions();
    return found;
  }

  /* base64url of UTF-8 JSON; plain JSON is taken too. */
  function readEncoded(text) {
    if (text.trim()[0] === '{') return readObject(text);
    try {
      const bytes = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
      return readObject(decodeURIComponent(bytes.replace(/[^]/g, function (c) {
        return '%' + ('0' + c.charCodeAt(0).toString(16)).slice(-2);
      })));
    } catch (problem) {
      throw problem.isFailure ? problem : noOptions();
    }
  }

  /* Options written into the address one by one, as links made by hand have them; null when there are none. */
  function readAddress() {
    const encoded = fragment.get('options') || query.get('options');
    if (encoded) return readEncoded(encoded);
    const found = {};
    [query, fragment].forEach(function (part) {
      part.forEach(function (value, name) {
        if (['isIframe', 'withOptions', 'isWebview'].indexOf(name) < 0 && name.length < 60) found[name] = read(value);
      });
    });
    function read(value) {
      if (value === 'true' || value === 'false' || /^[[{]/.test(value)) {
        try { return JSON.parse(value); } catch (problem) { return value; }
      }
      return value;
    }
    if (link.isText(found.products)) found.products = found.products.split(',');
    return Object.keys(found).length ? found : null;
  }

  function shortName(value) {
    const last = String(value || '').split(/[?#]/)[0].split('/').filter(Boolean).pop() || '';
    return /^[A-Za-z0-9_-]{10,40}$/.test(last) ? last : null;
  }

  function make(options, origin) {
    const given = Object.assign({}, options);
    const ref = shortName(given.ref || given.short_url) || shortName(location.pathname);
    ['ref', 'short_url', 'withShortURL', 'iframeData', 'withOptions', 'hideCardOnExit', 'isIframe'].forEach(
      function (name) { delete given[name]; });
    const opening = { options: given, mode: host.mode };
    if (origin) opening.origin = origin;
    if (ref) opening.ref = ref;
    if (!ref && !given.key && !given.token) throw link.api.failure('no_options', 'No options came.');
    host.opening = opening;
    return opening;
  }

  /* The origin of the website around this page, as the browser tells it. */
  function framingOrigin() {
    const above = location.ancestorOrigins && location.ancestorOrigins[0];
    let found = above || null;
    if (!found && document.referrer) {
      try { found = new URL(document.referrer).origin; } catch (problem) { found = null; }
    }
    return found && found !== 'null' ? found : null;
  }

  function fromFrame() {
    return new Promise(function (resolve, reject) {
      const origin = framingOrigin();
      if (!origin) {
        reject(link.api.failure('no_origin', 'The page around this one has no address of its own.'));
        return;
      }
      host.target = origin;
      // The older form: a short link framed with nothing to come by message.
      const waits = query.get('withOptions') === 'true' || !shortName(location.pathname);
      const timer = setTimeout(function () { finish(reject, noOptions()); }, OPTIONS_WAIT_MS);
      function finish(action, value) {
        clearTimeout(timer);
        window.removeEventListener('message', receive);
        action(value);
      }
      function receive(event) {
        if (event.source !== window.parent || event.origin === 'null') return;
        const data = event.data;
        if (!data || typeof data !== 'object') return;
        // Tools and extensions talk in windows too: only what a loader marks as its options is taken for them.
        if (!data.withOptions && !data.iframeData && !data.withShortURL && !data.token) return;
        host.target = event.origin;
        try { finish(resolve, make(data, event.origin)); } catch (problem) { finish(reject, problem); }
      }
      window.addEventListener('message', receive);
      // A later message can only be the loader's, passing on the Escape key or the back button.
      window.addEventListener('message', function (event) {
        const isAsk = event.data && event.data.kubewaEscape === true;
        if (isAsk && event.source === window.parent && event.origin === host.target) host.whenEscape();
      });
      window.parent.postMessage({ ifameLoaded: true }, origin);
      if (!waits) {
        try { finish(resolve, make(readAddress() || {}, origin)); } catch (problem) { finish(reject, problem); }
      }
    });
  }

  function fromWebview() {
    return new Promise(function (resolve, reject) {
      const timer = setTimeout(function () { reject(noOptions()); }, OPTIONS_WAIT_MS);
      window.openOkraWidget = function (options) {
        clearTimeout(timer);
        try { resolve(make(readObject(options), null)); } catch (problem) { reject(problem); }
      };
    });
  }

  /* What the server is asked to open. - Throws: a failure with `no_options` or `no_origin`. */
  host.ask = async function () {
    if (isFramed) return fromFrame();
    const options = readAddress();
    if (options && (options.key || options.token)) return make(options, null);
    if (shortName(location.pathname)) return make(options || {}, null);
    if (isWebview) return fromWebview();
    throw noOptions();
  };

  /* ---- going away ---- */

  /* Only http and https: an address comes from the server, which checked it, and is checked again here. */
  host.go = function (url) {
    let found = null;
    try { found = new URL(url, location.href); } catch (problem) { return false; }
    if (found.protocol !== 'https:' && found.protocol !== 'http:') return false;
    location.assign(found.href);
    return true;
  };
})(window.kubewaLink);
