/* The server, as this page speaks to it: JSON over fetch, with time-outs, and retries where they are harmless. */
(function (link) {
  'use strict';

  const TIMEOUT_MS = 40000;
  const RETRY_AFTER_MS = [700, 2000];

  /* What went wrong: `code` is the server's, "network" when there was no answer. */
  function failure(code, message, more) {
    return Object.assign(new Error(message), { code: code, isFailure: true }, more);
  }

  async function exchange(method, path, body) {
    const cancel = window.AbortController ? new AbortController() : null;
    const timer = setTimeout(function () { if (cancel) cancel.abort(); }, TIMEOUT_MS);
    let reply, value = null;
    try {
      reply = await fetch(path, {
        method: method, credentials: 'omit', cache: method === 'GET' ? 'default' : 'no-store',
        referrerPolicy: 'no-referrer', signal: cancel ? cancel.signal : undefined,
        headers: body ? { 'Content-Type': 'application/json' } : {}, body: body ? JSON.stringify(body) : undefined
      });
      const text = await reply.text();
      value = text ? JSON.parse(text) : null;
    } catch (problem) {
      // No answer, or half of one, or a portal's HTML page instead: all mean that the server was not reached.
      const isOnlyText = reply && !reply.ok && problem instanceof SyntaxError;
      if (!isOnlyText) throw failure('network', 'The server was not reached.');
    } finally {
      clearTimeout(timer);
    }
    if (reply.ok) return value;
    const told = value && value.error || {};
    throw failure(told.code || (reply.status >= 500 ? 'unavailable' : 'unexpected'), told.message || '', {
      status: reply.status, field: told.field, requestId: told.request_id,
      retryAfterMs: 1000 * (Number(reply.headers.get('retry-after')) || 0)
    });
  }

  /* For requests that may come twice without harm: reads, and answers, which carry their revision. */
  async function patient(method, path, body) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await exchange(method, path, body);
      } catch (problem) {
        if (problem.code !== 'network' || attempt >= RETRY_AFTER_MS.length) throw problem;
        await link.after(RETRY_AFTER_MS[attempt]);
      }
    }
  }

  function session(id, tail) {
    return '/api/v1/link_sessions/' + encodeURIComponent(id) + (tail || '');
  }

  const moreURL = document.currentScript.getAttribute('data-more');
  let more = null;

  /* Fetches the second script, once. */
  link.more = function () {
    more = more || new Promise(function (done, fail) {
      window.kubewaLink = link;
      document.head.appendChild(link.h('script', { src: moreURL, onload: function () {
        delete window.kubewaLink;
        done();
      }, onerror: function () {
        more = null;
        fail(failure('network', ''));
      } }));
    });
    return more;
  };

  link.api = {
    failure: failure,
    open: function (opening) { return patient('POST', '/api/v1/widget/open', opening); },
    institutions: function (env) {
      return patient('GET', '/api/v1/widget/institutions?env=' + encodeURIComponent(env));
    },
    begin: function (opening, institution, loginType) {
      return exchange('POST', '/api/v1/widget/sessions',
        Object.assign({}, opening, { institution: institution, login_type: loginType }));
    },
    read: function (id, waitSeconds, revision) {
      return patient('GET', session(id, waitSeconds ? '?wait=' + waitSeconds + '&revision=' + revision : ''));
    },
    answer: function (id, answer) { return patient('POST', session(id, '/answers'), answer); },
    abandon: function (id, reason) {
      return patient('DELETE', session(id, reason ? '?reason=' + encodeURIComponent(reason) : ''));
    },
    result: function (id) {
      return patient('GET', '/api/v1/widget/sessions/' + encodeURIComponent(id) + '/result');
    }
  };
})(window.kubewaLink);
