/*
 * The link page. scripts/embed-page joins its files in the order of their names: this one, colours, server, host,
 * tabs, search, view, forms, screens, problems, flow, end. It runs on the browsers of cheap phones: ES2017 only.
 *
 * What tests and assistive tools may hold on to:
 *   #main[data-screen]   the screen: loading consent banks bank_warning login_type credentials otp question form
 *                        accounts preview upload statement wait redirect done locked bank_down failed expired abandoned
 *                        resume second_tab
 *                        offline blocked init_error; "noscript" stands in a <noscript>
 *   #main[data-code]     on screens that tell of an error: its code
 *   #main[data-busy]     while an answer is on its way
 *   dialog#close         the question whether to leave (data-screen="close"): #stay, #leave
 *   #close-button, #back, #next (the main button of a screen), #other (the second one)
 *   #bank-search, #bank-list button[data-bank=<slug>], button[data-login-type=ind|corp]
 *   fields               input[name=<key of the bank's field>], such as username, password, otp, answer;
 *                        input[name=accounts][value=<id>], #all-accounts
 *   #problem             why a form is asked again; #say is read out by screen readers
 * The name of a screen and ".shown" is the name of its event (callbacks.json).
 */
(function () {
  'use strict';

  const link = window.kubewaLink = {};

  // Written by scripts/embed-page: event name → [callback, code, recommended action], and under ''
  // the names of those that go to onEvent, with their own name as the code, and ask for nothing.
  link.catalogue = {/*{{callbacks}}*/};

  /* Makes an element. Text only ever becomes a text node: whatever a name holds, it is shown and never run. */
  link.h = function (name, attributes, children) {
    const node = document.createElement(name);
    Object.keys(attributes || {}).forEach(function (key) {
      const value = attributes[key];
      if (value === null || value === undefined || value === false) return;
      if (key.slice(0, 2) === 'on') node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? '' : String(value));
    });
    link.add(node, children);
    return node;
  };

  link.add = function (node, children) {
    [].concat(children === undefined ? [] : children).forEach(function (child) {
      if (child === null || child === undefined || child === false || child === '') return;
      node.appendChild(typeof child === 'object' ? child : document.createTextNode(String(child)));
    });
  };

  /* A drawing of 24 × 24, one path, hidden from screen readers. */
  link.icon = function (path, className) {
    const space = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(space, 'svg');
    const line = document.createElementNS(space, 'path');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    svg.setAttribute('class', 'icon ' + (className || ''));
    line.setAttribute('d', path);
    svg.appendChild(line);
    return svg;
  };

  link.icons = {
    check: 'M5 13l4 4L19 7',
    close: 'M6 6l12 12M18 6L6 18',
    back: 'M15 5l-7 7 7 7',
    forward: 'M9 5l7 7-7 7',
    alert: 'M12 8v5m0 3.5v.1M12 3l9.5 17h-19z',
    lock: 'M7 11V8a5 5 0 0110 0v3M5 11h14v10H5z',
    clock: 'M12 7v5l3 3M12 3a9 9 0 100 18 9 9 0 000-18z',
    cloud: 'M4 4l16 16M7 18a4 4 0 01-.5-8M10 7a6 6 0 017 4 4 4 0 012 6.5',
    tabs: 'M4 8h11v12H4zM9 8V4h11v12h-5',
    out: 'M14 4h6v6m0-6l-9 9M18 14v6H4V6h6'
  };

  link.isText = function (value) {
    return typeof value === 'string' && value !== '';
  };

  link.after = function (ms) {
    return new Promise(function (resolve) { setTimeout(resolve, ms); });
  };

  /* A short fingerprint, for names of storage entries; not for secrets. */
  link.fingerprint = function (text) {
    let a = 0xdeadbeef, b = 0x41c6ce57;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 2654435761);
      b = Math.imul(b ^ code, 1597334677);
    }
    return (a >>> 0).toString(36) + (b >>> 0).toString(36);
  };
})();
