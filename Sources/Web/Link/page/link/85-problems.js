/* What can go wrong, in the words of the person it happens to, each with a way on. */
(function (link) {
  'use strict';

  const host = link.host, view = link.view;
  const problems = link.problems = {};

  function now() { return link.flow.now; }
  function bankName() { return now().bank ? now().bank.name : 'Your bank'; }
  function siteName() { return now().open ? now().open.name : 'the website that sent you here'; }

  function tellError(name, more) {
    host.tell(name, more);
  }

  function retrying(action) {
    return function () {
      host.tell('retry.pressed', { screen: view.screen });
      action();
    };
  }

  /* Another bank where there is a choice, else the way out. */
  function otherWay() {
    if (now().open && !now().open.institution) {
      return { text: 'Choose another bank', press: function () { link.flow.toBanks(); } };
    }
    return leaving();
  }

  function leaving() {
    const text = host.mode === 'iframe' ? 'Close' : 'Leave';
    return { text: text, press: function () { link.flow.close(); } };
  }

  /* ---- before the widget is open ---- */

  const links = {
    link_unknown: ['This link does not exist',
      'Perhaps a part of it was lost. Open it again from the message you got.'],
    link_expired: ['This link has expired', 'Ask whoever sent it for a new one.'],
    link_used: ['This link was used already',
      'It works once. Ask whoever sent it for a new one if you need it again.']
  };

  problems.init = function (problem) {
    const code = problem.code || 'unexpected';
    const name = link.catalogue['init.' + code] ? 'init.' + code : 'init.failed';
    const isBlocked = code === 'origin_refused' || code === 'no_origin';
    const known = links[code];
    now().ended = 'failed';
    tellError(name, { message: problem.message, reason: code, field: problem.field, request_id: problem.requestId });
    link.screens.message({
      name: isBlocked ? 'blocked' : 'init_error', code: code, isLast: true, tell: { reason: code },
      icon: isBlocked ? link.icons.lock : known ? link.icons.clock : link.icons.alert,
      title: known ? known[0] :
        isBlocked ? 'This website may not ask for your bank' : 'This page cannot be opened now',
      lead: known ? known[1] : isBlocked
        ? 'It is not among the websites that are allowed to. Do not enter your bank login on it.'
        : 'The website that sent you here has not set it up rightly. Nothing was shared, and you did nothing wrong.',
      small: known ? '' : 'Tell them: ' + code + (problem.message ? '. ' + problem.message : ''),
      next: host.mode === 'iframe' ? leaving() : null
    });
  };

  /* ---- connection ---- */

  /* - Parameter code: `rate_limited` when the server is there and wants to be left alone for a while. */
  problems.offline = function (again, code) {
    const isBusy = code === 'rate_limited';
    const retry = once(retrying(again));
    window.addEventListener('online', retry);
    link.screens.message({
      name: 'offline', icon: isBusy ? link.icons.clock : link.icons.cloud, code: code || 'network',
      title: isBusy ? 'Please wait a minute' : 'No connection',
      lead: isBusy ? 'There were too many attempts at once. Wait a minute, then try again.' :
        'The page cannot reach its server. Check your internet; it goes on by itself when the connection is back.',
      next: { text: 'Try again', press: retry },
      leaving: function () { window.removeEventListener('online', retry); }
    });
  };

  function once(action) {
    let isDone = false;
    return function () {
      if (isDone) return;
      isDone = true;
      view.busy(true);
      action();
    };
  }

  /* ---- while linking ---- */

  /* An answer that failed. - Parameter again: gives the same answer again. */
  problems.answer = function (problem, again) {
    if (problem.code === 'network' || problem.code === 'rate_limited') problems.offline(again, problem.code);
    else if (problem.code === 'unavailable') problems.bankDown(problem.code);
    else if (problem.code === 'deadline') link.flow.watch();
    else if (problem.code === 'expired' || problem.code === 'not_found') problems.expired();
    else if (/^link_/.test(problem.code)) problems.init(problem);
    else failed({ code: problem.code, message: problem.message, recovery: 'retry' }, again);
  };

  problems.bankDown = function (code) {
    const hasSession = !!now().session && now().session.status === 'active';
    tellError('link.bank_down', { reason: code, bank_name: bankName() });
    link.screens.message({
      name: 'bank_down', icon: link.icons.cloud, code: code, retell: true, back: link.flow.toBanks,
      title: bankName() + ' is not answering',
      lead: 'The trouble is at the bank, not with you or your login. Nothing was linked.',
      steps: ['Wait a minute and try again.',
        'If it goes on, the bank’s own app probably does not work either: try later.'],
      next: { text: 'Try again', press: retrying(hasSession ? link.flow.showStep : link.flow.retry) },
      other: otherWay()
    });
  };

  problems.expired = function () {
    link.tabs.forget();
    end('link.expired', {});
    now().session = null;
    link.screens.message({
      name: 'expired', icon: link.icons.clock, code: 'expired', title: 'The time is over',
      lead: 'For your safety a login lasts a short time only. Nothing was linked; begin again when you are ready.',
      next: { text: 'Begin again', press: retrying(restart) }, other: leaving()
    });
  };

  function restart() {
    now().ended = null;
    link.flow.consent();
  }

  function end(name, more) {
    now().ended = 'failed';
    view.needsConfirm = false;
    tellError(name, more);
  }

  /* A session that is over without success. */
  problems.ended = function (session) {
    const step = session.step || {};
    if (session.status === 'expired') problems.expired();
    else if (session.status === 'abandoned') problems.abandoned();
    else failed(step, null);
  };

  const failures = {
    user_locked: ['link.locked', 'locked', 'Your bank has locked this login',
      'Too many wrong attempts, or a block that the bank set. Your money is not affected.',
      ['Unlock it in the bank’s app, or call the number on your card.', 'Then come back and try again.']],
    mfa_expired: ['link.code_expired', 'failed', 'The code is no longer valid',
      'Codes last a few minutes. Log in again and the bank sends a new one.', null],
    mfa_failed: ['link.code_expired', 'failed', 'The bank refused the code', 'Log in again to get a new one.', null],
    access_denied: ['link.denied', 'failed', 'The bank did not allow it',
      'You or the bank refused the access. Nothing was linked.', null],
    different_login: ['link.different_login', 'failed', 'This is another login',
      'It is not the login that was linked before. Nothing was changed. Use the same one as the first time.', null],
    already_linked: ['link.already_linked', 'failed', 'This account is linked already', 'Nothing is left to do here.'],
    mapping_refused: ['link.mapping_refused', 'failed', 'Nothing was changed',
      'Log in again and choose the accounts that were linked before.']
  };

  function failed(step, again) {
    const code = step.code || 'failed';
    const known = failures[code] || ['link.failed', 'failed', 'It did not work', '', null];
    const text = now().open.branding.widget_failed;
    const canRetry = step.recovery !== 'stop' && (again || now().session);
    const retry = { text: 'Try again', press: retrying(function () {
      now().ended = null;
      if (again) again();
      else link.flow.retry();
    }) };
    end(known[0], { message: step.message, reason: code, bank_name: bankName() });
    link.screens.message({
      name: known[1], code: code, icon: known[1] === 'locked' ? link.icons.lock : link.icons.alert,
      title: known[2], lead: known[3] || text || step.message || 'The bank ended the login. Nothing was linked.',
      steps: known[4], small: known[3] && text ? text : '', retell: true,
      next: canRetry ? retry : otherWay(), other: canRetry ? otherWay() : null
    });
  }

  problems.noBanks = function () {
    end('link.failed', { reason: 'no_banks', message: 'No bank can be linked here.' });
    link.screens.message({
      name: 'failed', code: 'no_banks', title: 'No bank can be linked here',
      lead: siteName() + ' asks for banks that cannot be linked at the moment.', next: leaving()
    });
  };

  /* ---- coming back, and leaving ---- */

  problems.resume = function (bank, session) {
    const at = bank ? ' at ' + bank.name : '';
    view.needsConfirm = true;
    link.screens.message({
      name: 'resume', icon: link.icons.clock, tone: '', title: 'Go on where you stopped?',
      lead: 'You began to link your account' + at + ' and are not finished.',
      next: { text: 'Go on', press: function () {
        host.tell('resume.continued');
        link.flow.proceed(session);
      } },
      other: { text: 'Begin again', press: link.flow.restart }
    });
  };

  problems.secondTab = function (take) {
    now().turn += 1;
    view.needsConfirm = false;
    link.screens.message({
      name: 'second_tab', icon: link.icons.tabs, tone: '', title: 'Open in another tab',
      lead: 'You are linking your bank in another tab or window. Go on there, or here: not in both.',
      next: { text: 'Go on here', press: take }
    });
  };

  problems.abandoned = function () {
    link.tabs.forget();
    now().ended = 'failed';
    now().session = null;
    link.screens.message({
      name: 'abandoned', icon: link.icons.check, tone: '', title: 'You left', isLast: true,
      lead: 'Nothing was linked, and your login is forgotten. You can close this page.',
      next: now().open ? { text: 'Begin again', press: retrying(restart) } : null
    });
  };

  /* A page of its own is still there after closing: it goes where it is to go, or says that it is over. */
  problems.afterClose = async function (kind, id) {
    let target = link.flow.destination();
    if (!target && id && kind !== 'waiting') {
      try {
        now().result = await link.api.result(id);
        target = link.flow.destination();
      } catch (problem) { /* there is nowhere to go, and this page says so */ }
    }
    if (!target && now().open && now().open.redirect_url) target = returnAddress(kind);
    if (target && host.go(target)) return;
    if (host.mode === 'webview' && !host.hasBridge()) {
      // The oldest app wrappers watch for this address.
      location.assign('/?shouldClose=true');
      return;
    }
    if (kind === 'finished' || kind === 'waiting') {
      link.screens.message({
        name: 'abandoned', icon: link.icons.check, tone: 'good', title: 'You can close this page', isLast: true,
        lead: kind === 'finished' ? 'Your bank is linked to ' + siteName() + '.' :
          'The linking goes on. ' + siteName() + ' is told how it ended.'
      });
    } else {
      problems.abandoned();
    }
  };

  /* Left before a session began: the address is the one in the options, which the server has checked by then. */
  function returnAddress(kind) {
    const options = host.opening.options;
    const given = options.redirect_url || options.redirectUrl;
    if (!link.isText(given)) return null;
    try {
      const url = new URL(given);
      url.searchParams.set('status', 'error');
      url.searchParams.set('code', kind === 'waiting' ? 'continues' : 'abandoned');
      if (link.isText(options.state)) url.searchParams.set('state', options.state);
      return url.href;
    } catch (problem) {
      return null;
    }
  }
})(window.kubewaLink);
