/* The way through the screens. The server's session says where it stands; this page only shows it. */
(function (link) {
  'use strict';

  const api = link.api, host = link.host, view = link.view, screens = link.screens, tabs = link.tabs;
  const BUSY_MS = 1500, HOLD_SECONDS = 20;

  /* turn: counts what the person did last; what an earlier turn still brings is not shown any more. */
  const now = { open: null, banks: null, bank: null, loginType: 'ind', session: null, turn: 0, waitingSince: null,
    ended: null, result: null, leaving: Promise.resolve() };

  const flow = link.flow = { now: now };

  flow.isTest = function () { return !!now.open && now.open.env !== 'production'; };

  /* ---- opening ---- */

  async function start() {
    view.root();
    view.bar({ close: flow.close });
    if (new URLSearchParams(location.search).has('shouldClose')) {
      screens.message({ name: 'abandoned', icon: link.icons.check, tone: '', title: 'You can close this page',
        isLast: true, lead: 'Nothing is left to do here.' });
      return;
    }
    let opening;
    try {
      opening = await host.ask();
    } catch (problem) {
      link.problems.init(problem);
      return;
    }
    await open(opening);
  }

  async function open(opening) {
    // A picture that the server would refuse anyway is not sent over a slow line.
    if (String(opening.options.logo || '').length > 90000) delete opening.options.logo;
    let found;
    try {
      found = await api.open(opening);
    } catch (problem) {
      if (['network', 'unavailable', 'deadline', 'rate_limited'].indexOf(problem.code) >= 0) {
        link.problems.offline(function () { open(opening); }, problem.code);
      } else {
        link.problems.init(problem);
      }
      return;
    }
    now.open = found;
    found.name = found.name || found.business;
    found.branding = found.branding || {};
    if (host.mode === 'iframe') host.target = found.target_origin;
    link.paint(found.branding);
    view.bar({ business: found.name, logo: found.branding.logo, close: flow.close });
    tabs.begin(opening, function () { link.problems.secondTab(flow.takeOver); });
    fetchBanks();
    const left = found.session || tabs.remembered();
    if (!left || !await comeBack(left)) flow.consent();
  }

  function fetchBanks() {
    now.banks = api.institutions(now.open.env).then(function (reply) {
      const only = now.open.filter && now.open.filter.banks;
      return reply.data.filter(function (bank) { return !only || only.indexOf(bank.slug) >= 0; });
    });
    // Looked at when the list is needed.
    now.banks.catch(function () {});
  }

  /* ---- coming back to a session ---- */

  async function comeBack(id) {
    const isElsewhere = await tabs.isElsewhere(id);
    let session;
    try {
      session = await api.read(id);
    } catch (problem) {
      if (problem.code !== 'network') tabs.forget();
      return false;
    }
    const isBack = cameBack();
    if (!isBack && session.status !== 'active' && session.status !== 'done') {
      tabs.forget();
      return false;
    }
    now.session = session;
    await nameBank(session.institution);
    if (isElsewhere) link.problems.secondTab(flow.takeOver);
    else if (isBack || session.status === 'done') flow.proceed(session);
    else link.problems.resume(now.bank, session);
    return true;
  }

  /* From the bank's own page, in this tab: /link/return led back here, and nothing need be asked. */
  function cameBack() {
    try {
      const left = sessionStorage.getItem('kubewa-return');
      sessionStorage.removeItem('kubewa-return');
      return !!left;
    } catch (problem) {
      return false;
    }
  }

  async function nameBank(slug) {
    if (!slug || now.bank && now.bank.slug === slug) return;
    let known = null;
    try {
      known = (await now.banks).filter(function (bank) { return bank.slug === slug; })[0];
    } catch (problem) { /* the name is made of the slug below */ }
    const made = slug.replace(/-/g, ' ').replace(/\b[a-z]/g, function (letter) { return letter.toUpperCase(); });
    now.bank = known || { slug: slug, name: made, login_types: ['ind'], health: 'healthy' };
  }

  flow.takeOver = function () {
    host.tell('second_tab.taken');
    tabs.take(now.session.id);
    flow.refresh();
  };

  /* The session as the server has it now. */
  flow.refresh = async function () {
    const turn = now.turn += 1;
    try {
      const session = await api.read(now.session.id);
      if (turn === now.turn) flow.proceed(session);
    } catch (problem) {
      if (turn === now.turn) link.problems.answer(problem, flow.refresh);
    }
  };

  flow.restart = function () {
    const old = now.session;
    host.tell('resume.restarted');
    tabs.forget();
    now.session = null;
    if (old) api.abandon(old.id, 'The person began again.').catch(function () {});
    flow.consent();
  };

  /* ---- consent, bank, login type ---- */

  flow.consent = function () {
    view.needsConfirm = false;
    screens.consent(now.open, function () {
      host.tell('consent.given');
      if (now.open.institution) openBank(now.open.institution);
      else flow.banks();
    });
  };

  async function openBank(slug) {
    const turn = now.turn += 1;
    view.busy(true);
    await nameBank(slug);
    if (turn === now.turn) chosen(now.bank);
  }

  flow.banks = async function (isBack) {
    const turn = now.turn += 1;
    view.needsConfirm = false;
    view.busy(true);
    let banks;
    try {
      banks = await now.banks;
    } catch (problem) {
      if (turn !== now.turn) return;
      link.problems.offline(function () {
        fetchBanks();
        flow.banks(isBack);
      });
      return;
    }
    if (turn !== now.turn) return;
    if (banks.length === 0) {
      link.problems.noBanks();
      return;
    }
    screens.banks(banks, chosen, flow.consent, isBack === true);
  };

  function chosen(bank) {
    now.bank = bank;
    host.tell('bank.selected', { bank: bank.slug, bank_name: bank.name });
    const another = now.open.institution ? null : function () { history.back(); };
    if (bank.health === 'down') screens.bankWarning(bank, loginType, another, toBanks);
    else loginType();
  }

  /* Back to the list; where the bank is given, to the consent. */
  function toBanks() {
    now.turn += 1;
    if (now.open.institution) flow.consent();
    else flow.banks(true);
  }
  flow.toBanks = toBanks;

  function types() {
    const offered = now.bank.login_types && now.bank.login_types.length ? now.bank.login_types : ['ind'];
    const wanted = now.open.filter && now.open.filter.login_type || 'both';
    const left = offered.filter(function (type) { return wanted === 'both' || wanted === type; });
    return left.length ? left : [offered[0]];
  }

  function loginType(isBack) {
    const left = types();
    if (left.length === 1 || now.open.reauth) {
      now.loginType = left[0];
      begin();
      return;
    }
    view.needsConfirm = false;
    screens.loginType(now.bank, function (type) {
      now.loginType = type;
      host.tell('login_type.selected', { login_type: type });
      begin();
    }, toBanks, isBack === true);
  }

  /* ---- the session ---- */

  async function begin() {
    const turn = now.turn += 1;
    view.busy(true);
    try {
      await now.leaving;
      const session = await sessionAtBank();
      if (turn === now.turn) flow.proceed(session);
    } catch (problem) {
      if (turn === now.turn) link.problems.answer(problem, begin);
    }
  }

  /* One session per opening where it can be: another bank takes the place of the last one. */
  async function sessionAtBank() {
    const old = now.session;
    if (old && old.loginType === now.loginType) {
      const isSame = old.institution === now.bank.slug;
      const next = await api.answer(old.id, isSame ? { action: 'retry' } : { institution: now.bank.slug });
      if (next.status === 'active' || next.status === 'failed') return next;
    } else if (old) {
      api.abandon(old.id, 'The person chose another kind of login.').catch(function () {});
    }
    return api.begin(host.opening, now.bank.slug, now.loginType);
  }

  /* Shows what the session asks for next. */
  flow.proceed = function (session) {
    session.loginType = now.session && now.session.id === session.id && now.session.loginType || now.loginType;
    now.session = session;
    const step = session.step || {};
    const isActive = session.status === 'active';
    view.needsConfirm = isActive;
    if (isActive) tabs.remember(session);
    if (session.status === 'done') flow.finish();
    else if (!isActive) link.problems.ended(session);
    else if (session.problem && step.kind !== 'wait') link.problems.bankDown(session.problem.code);
    else showStep(session, step);
  };

  function showStep(session, step) {
    const bank = now.bank ? now.bank.name : 'your bank';
    if (/^(form|select_|confirm_|redirect|upload)/.test(step.kind)) now.waitingSince = null;
    if (step.kind === 'form') {
      const isFirst = step.name === 'credentials';
      link.form(step, bank, function (fields) { answer({ fields: fields }); }, isFirst ? fromLogin : fromLater);
    } else if (step.kind === 'select_accounts') {
      link.accounts(step, now.open.selection, now.open.name,
        function (accounts) { answer({ accounts: accounts }); }, fromLater);
    } else if (/^(confirm_|upload|redirect)/.test(step.kind)) {
      showMore(session, step, bank);
    } else if (step.kind === 'select_institution') {
      flow.banks(true);
    } else {
      wait();
      watch();
    }
  }
  /* Screens that few people need come with a script of their own. */
  async function showMore(session, step, bank) {
    const turn = now.turn += 1;
    view.busy(true);
    try {
      await link.more();
      if (turn !== now.turn) return;
      link.moreScreens[step.kind](step, { session: session, bank: bank, business: now.open.name, answer: answer,
        watch: watch, back: /^confirm_/.test(step.kind) ? fromLater : fromLogin });
    } catch (problem) {
      if (turn === now.turn) link.problems.answer(problem, flow.showStep);
    }
  }

  flow.showStep = function () { showStep(now.session, now.session.step); };

  /* From the login: to where the bank or the kind of login was chosen. */
  function fromLogin() {
    if (types().length > 1 && !now.open.reauth) loginType(true);
    else toBanks();
  }

  /* From a later question: to the login again, because the bank has forgotten the first half. */
  function fromLater() {
    flow.retry();
  }

  /* While the bank works: away from it, and what it still gives is withdrawn. */
  function fromWait() {
    const id = now.session.id;
    now.leaving = api.answer(id, { action: 'back' }).catch(function () {});
    toBanks();
  }

  flow.retry = function () {
    const turn = now.turn += 1;
    view.busy(true);
    now.waitingSince = null;
    api.answer(now.session.id, { action: 'retry' }).then(function (session) {
      if (turn === now.turn) flow.proceed(session);
    }, function (problem) {
      if (turn === now.turn) link.problems.answer(problem, flow.retry);
    });
  };

  /* Sent as often as needed with the same revision: the server takes it once. */
  async function answer(content) {
    const turn = now.turn += 1;
    const message = Object.assign({ revision: now.session.revision }, content);
    now.waitingSince = performance.now();
    const timer = setTimeout(function () { if (turn === now.turn) wait(); }, BUSY_MS);
    try {
      const session = await api.answer(now.session.id, message);
      clearTimeout(timer);
      if (turn === now.turn) flow.proceed(session);
    } catch (problem) {
      clearTimeout(timer);
      if (turn === now.turn) link.problems.answer(problem, function () { answer(content); });
    }
  }

  function wait() {
    if (now.waitingSince === null) now.waitingSince = performance.now();
    if (view.screen === 'wait') return;
    view.needsConfirm = true;
    screens.wait(now.bank ? now.bank.name : 'your bank', now.open.name, now.waitingSince, flow.leaveWaiting, fromWait);
  }

  /* Reads the session until it is no longer at this step. */
  async function watch() {
    const turn = now.turn += 1;
    const revision = now.session.revision;
    for (;;) {
      const since = performance.now();
      let session;
      try {
        session = await api.read(now.session.id, HOLD_SECONDS, revision);
      } catch (problem) {
        if (turn === now.turn) link.problems.answer(problem, watch);
        return;
      }
      if (turn !== now.turn) return;
      const isSame = session.revision === revision && session.status === 'active';
      if (!isSame || session.step.kind !== now.session.step.kind) {
        flow.proceed(session);
        return;
      }
      // The server held the request, or it did not and wants to be left alone for a while.
      const pause = Math.min(Math.max(Number(session.step.poll_after_ms) || 1000, 300), 5000);
      if (performance.now() - since < pause) await link.after(pause);
      if (turn !== now.turn) return;
    }
  }
  flow.watch = watch;

  // Back from the bank's own page by the browser's memory of this one: the session has moved on.
  window.addEventListener('pageshow', function (event) {
    if (event.persisted && now.session && now.session.status === 'active') flow.refresh();
  });

  flow.start = start;
})(window.kubewaLink);
