/* Success, and the ways out of the page. */
(function (link) {
  'use strict';

  const api = link.api, host = link.host, view = link.view, screens = link.screens, tabs = link.tabs;
  const flow = link.flow, now = flow.now;
  const RETURN_MS = 4000;

  async function finish() {
    const turn = now.turn += 1;
    view.needsConfirm = false;
    try {
      now.result = await api.result(now.session.id);
    } catch (problem) {
      if (turn === now.turn) link.problems.answer(problem, finish);
      return;
    }
    if (turn !== now.turn) return;
    if (!now.result.success) {
      link.problems.ended(now.session);
      return;
    }
    now.ended = 'finished';
    tabs.forget();
    host.tell(now.open.reauth ? 'link.repaired' : 'link.success', now.result.success);
    const words = now.open.branding, target = flow.destination();
    const accounts = now.result.success.accounts || [];
    screens.done({
      title: words.success_title || (now.open.reauth ? 'Linked again' : 'Your bank is linked'),
      lead: words.success_message || words.widget_success ||
        now.open.name + ' can now read what you agreed to at ' + (now.bank ? now.bank.name : 'your bank') + '.',
      detail: accounts.length ? (accounts.length === 1 ? '1 account is shared.' : accounts.length +
        ' accounts are shared.') : '',
      note: target ? 'You are taken back in a moment.' : ''
    }, { text: words.continue_cta || 'Continue', press: flow.close });
    if (target && host.mode === 'page') {
      setTimeout(function () { if (view.screen === 'done') flow.close(); }, RETURN_MS);
    }
  }

  flow.finish = finish;

  /* Where a page of its own leads in the end; null when it is framed, or has nowhere to lead. */
  flow.destination = function () {
    if (host.mode === 'iframe') return null;
    const given = now.result && now.result.redirect;
    return given || (now.ended === 'finished' && now.open.branding.success_url) || null;
  };

  flow.leaveWaiting = function () {
    now.ended = 'waiting';
    now.turn += 1;
    flow.close();
  };

  let isClosing = false;

  /* - Parameter isSure: the person was asked and wants to leave all the same. */
  flow.close = async function (isSure) {
    if (isClosing) return;
    isClosing = true;
    const kind = isSure === true ? 'unfinished' : now.ended || 'early';
    const id = now.session && now.session.id;
    const isUnfinished = kind === 'unfinished' && !!id;
    now.turn += 1;
    view.needsConfirm = false;
    if (kind !== 'unfinished') host.tell('close.' + kind);
    const wasDone = isUnfinished && await abandon(id);
    isClosing = false;
    if (wasDone) {
      finish();
      return;
    }
    host.tell('closed.' + kind);
    if (host.mode !== 'iframe') await link.problems.afterClose(kind, id);
  };

  /* Ends the session; tells whether the bank was quicker, and it is linked. */
  async function abandon(id) {
    const wasWaiting = view.screen === 'wait';
    tabs.forget();
    async function end() {
      await api.abandon(id, 'The person closed the page.');
      return wasWaiting && (await api.read(id)).status === 'done';
    }
    // The frame goes with the next message; the request should be on its way by then.
    return Promise.race([end().catch(function () { return false; }), link.after(1500)]);
  }

  // Nothing of this is to be reached from outside the files.
  delete window.kubewaLink;
  document.addEventListener('DOMContentLoaded', flow.start);
})(window.kubewaLink);
