/*
 * Where a bank's own page sends the person back to. It hands the bank's answer to the server, and leads back to the
 * link page where that was left in this same tab; in a tab of its own it says that it can be closed.
 *
 *   #main[data-screen]   returning, then one of: returned (the link goes on or is done), ended, offline, unknown
 *   #main[data-status]   how the link's session stands, once known
 *   #next                the main button, where there is something to do
 */
(function () {
  'use strict';

  // Left behind by the link page before it went to the bank, in this tab's own memory.
  const KEY = 'kubewa-return';
  const TIMEOUT_MS = 40000;

  const reference = location.pathname.split('/').filter(Boolean).pop();
  const fields = {};
  new URLSearchParams(location.search).forEach(function (value, name) { fields[name] = value; });
  let cameFrom = null;
  try { cameFrom = sessionStorage.getItem(KEY); } catch (problem) { /* a browser that keeps nothing */ }
  // What the bank gave along is not to stay in the address or the history.
  history.replaceState(null, '', location.pathname);

  async function bring() {
    const cancel = new AbortController();
    const timer = setTimeout(function () { cancel.abort(); }, TIMEOUT_MS);
    let reply, value;
    try {
      reply = await fetch('/api/v1/widget/returns', {
        method: 'POST', credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', signal: cancel.signal,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ reference: reference, fields: fields })
      });
      value = await reply.json();
    } catch (problem) {
      offline('The connection was lost before your bank’s answer was delivered.');
      return;
    } finally {
      clearTimeout(timer);
    }
    if (reply.ok) returned(value);
    else if (reply.status >= 500 || reply.status === 429) offline('Your bank’s answer could not be checked just now.');
    else unknown();
  }

  function returned(told) {
    if (goBack()) return;
    const isOpen = told.status === 'active' || told.status === 'done';
    const at = told.bank || 'your bank', business = told.business || 'the website';
    if (!isOpen) {
      show('ended', told.status === 'failed' ? 'It did not work' : 'This link has ended',
        (told.message || 'It was left, or took too long. Nothing was linked.') +
        ' Go back to ' + business + ' to try again. You can close this page.', null, told.status);
      return;
    }
    show('returned', told.status === 'done' ? 'Your bank is linked' : 'Thank you',
      told.status === 'done' ? business + ' can now read what you agreed to at ' + at + '. You can close this page.'
        : 'You are back from ' + at + '. Go on in the page where you began; you can close this one.', null, told.status);
  }

  /* Whether the link page was in this very tab. */
  function goBack() {
    let url = null;
    try {
      url = new URL(cameFrom);
    } catch (problem) {
      return false;
    }
    if (url.origin !== location.origin) return false;
    location.replace(url.href);
    return true;
  }

  function offline(lead) {
    show('offline', 'Not delivered yet', lead + ' Nothing is lost.', { text: 'Try again', press: function () {
      document.getElementById('next').disabled = true;
      bring();
    } });
  }

  function unknown() {
    show('unknown', 'This way back is not known', 'It belongs to no link here, or was changed on its way. ' +
      'Nothing was linked. Go back to where you began, and begin again.');
  }

  function node(name, attributes, children) {
    const made = document.createElement(name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    children.forEach(function (child) { made.append(child); });
    return made;
  }

  function show(screen, title, lead, next, status) {
    const main = document.getElementById('main');
    main.textContent = '';
    main.setAttribute('data-screen', screen);
    if (status) main.setAttribute('data-status', status);
    const heading = node('h1', { id: 'title', tabindex: '-1' }, [title]);
    const body = node('div', { class: 'body' }, [heading, node('p', { class: 'lead' }, [lead])]);
    if (next) {
      const button = node('button', { id: 'next', class: 'main', type: 'button' }, [node('span', {}, [next.text])]);
      button.addEventListener('click', next.press);
      body.append(node('div', { class: 'actions' }, [button]));
    }
    main.append(body);
    document.title = title;
    heading.focus();
  }

  document.addEventListener('DOMContentLoaded', bring);
})();
