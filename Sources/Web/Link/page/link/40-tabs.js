/*
 * Coming back, and coming twice. The browser keeps one entry per opening, {session id, expiry}, and nothing else;
 * whether the session is still good is the server's word, never this machine's clock.
 */
(function (link) {
  'use strict';

  const PREFIX = 'kubewa-link:';
  const ANSWER_MS = 250;
  const me = Math.random().toString(36).slice(2);
  let entry = null, channel = null, current = null, whenTaken = function () {};

  function quietly(action, otherwise) {
    // Storage may be switched off, full, or forbidden in a frame; then there is nothing to come back to.
    try { return action(); } catch (problem) { return otherwise; }
  }

  function post(kind, session) {
    if (channel) quietly(function () { channel.postMessage({ kind: kind, session: session, from: me }); });
  }

  const tabs = link.tabs = {
    /* - Parameter taken: called when another tab goes on with the session of this one. */
    begin: function (opening, taken) {
      entry = PREFIX + link.fingerprint(JSON.stringify([opening.ref || '', opening.options, opening.origin]));
      whenTaken = taken;
      channel = quietly(function () { return new BroadcastChannel('kubewa-link'); }, null);
      if (channel) channel.onmessage = hear;
    },

    remember: function (session) {
      current = session.id;
      quietly(function () {
        localStorage.setItem(entry, JSON.stringify({ session: session.id, expires_at: session.expires_at }));
      });
      post('mine', session.id);
    },

    forget: function () {
      current = null;
      quietly(function () { localStorage.removeItem(entry); });
    },

    /* This tab no longer works on the session; the entry is the other tab's now. */
    release: function () { current = null; },

    remembered: function () {
      const found = quietly(function () { return JSON.parse(localStorage.getItem(entry)); }, null);
      return found && link.isText(found.session) ? found.session : null;
    },

    /* Whether another tab works on this session now. */
    isElsewhere: function (session) {
      if (!channel) return Promise.resolve(false);
      return new Promise(function (resolve) {
        const timer = setTimeout(function () { finish(false); }, ANSWER_MS);
        function finish(value) {
          clearTimeout(timer);
          channel.removeEventListener('message', listen);
          resolve(value);
        }
        function listen(event) {
          if (event.data && event.data.kind === 'mine' && event.data.session === session) finish(true);
        }
        channel.addEventListener('message', listen);
        post('ask', session);
      });
    },

    take: function (session) { post('take', session); }
  };

  function hear(event) {
    const data = event.data || {};
    if (data.from === me || !current || data.session !== current) return;
    if (data.kind === 'ask') post('mine', current);
    if (data.kind === 'take') {
      tabs.release();
      whenTaken(data.session);
    }
  }
})(window.kubewaLink);
