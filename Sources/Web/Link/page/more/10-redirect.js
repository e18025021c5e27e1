/* The bank's own page: in this tab where the page is one of its own, in a tab beside it where a website frames it. */
(function (link) {
  'use strict';

  link.moreScreens.redirect = function (step, way) {
    const isFramed = link.host.mode === 'iframe';

    function visit() {
      link.host.tell('redirect.opened');
      if (!isFramed) {
        // For /link/return, which leads back here.
        try { sessionStorage.setItem('kubewa-return', location.href); } catch (problem) { /* it tells how to go on */ }
        link.host.go(step.url);
        return;
      }
      // A bank's page does not let itself be framed: it gets a tab, and this one follows the session.
      if (/^https?:/.test(step.url)) window.open(step.url, '_blank', 'noopener');
      show('Go on in the tab of ' + way.bank, 'Log in and agree there. When you are back, this page goes on by itself.',
        { other: { text: 'Open it again', press: visit } });
      // Also where the person never comes back, the bank may tell how it went.
      way.watch();
    }

    function show(title, lead, more) {
      link.view.show(Object.assign({
        name: 'redirect', step: 3, back: way.back, entry: true, icon: link.icons.out, title: title, lead: lead
      }, more));
    }

    show('Go on at ' + way.bank,
      'The bank asks you to log in and agree on its own page. Afterwards you come back here.',
      { next: { text: 'Go to ' + way.bank, press: visit } });
  };
})(window.kubewaLink);
