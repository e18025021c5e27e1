extension ShopPage {
    static let script = #"""
        'use strict';
        const $ = (id) => document.getElementById(id);
        const settings = document.body.dataset;
        const naira = (minor) => '₦' + (minor / 100).toLocaleString('en-NG', {maximumFractionDigits: 2});
        const price = 450000;
        let shop = {accounts: [], orders: [], problem: null};
        let order = sessionStorage.getItem('order');
        let chosen = sessionStorage.getItem('account');
        let linked = null;

        // --- Link a bank -------------------------------------------------------------------------------------------

        $('link-bank').addEventListener('click', async () => {
          const button = $('link-bank');
          button.disabled = true;
          try {
            await widget();
            openWidget();
          } catch {
            showProblem(`Kubewa does not answer at ${settings.kubewa}. Start it, then press the button again.`);
          } finally {
            button.disabled = false;
          }
        });

        function openWidget() {
          let isLinked = false;
          Okra.buildWithOptions({
            token: settings.token,
            key: settings.key,
            env: settings.env,
            name: 'Demo Shop',
            products: ['auth', 'balance', 'transactions', 'identity'],
            onSuccess: (data) => {
              isLinked = true;
              linked = data.record_id;
              trouble = null;
              say('link-result', `Linked at ${data.bank_name || 'the bank'}. Its data arrives by webhook.`);
              $('link-result').dataset.record = data.record_id;
              post('/reload', {});
            },
            onError: (error) => {
              const what = error && (error.message || error.code);
              showProblem(`The bank was not linked: ${what || 'the widget gave no reason.'}`);
            },
            onClose: () => { if (!isLinked) say('link-result', 'Closed without linking.'); },
          });
        }

        // The script's tag may have failed when Kubewa was not up yet; then it is asked for again.
        function widget() {
          if (window.Okra) return Promise.resolve();
          return new Promise((resolve, reject) => {
            const script = document.createElement('script');
            script.src = settings.kubewa + '/v2/bundle.js';
            script.onload = () => (window.Okra ? resolve() : reject());
            script.onerror = reject;
            document.head.append(script);
          });
        }

        // --- The order ---------------------------------------------------------------------------------------------

        $('pay').addEventListener('click', async () => {
          $('pay').disabled = true;
          const made = await post('/orders', {account: $('account').value, amount_minor: price});
          if (made) {
            order = made.id;
            sessionStorage.setItem('order', order);
            if (!shop.orders.some((each) => each.id === order)) shop.orders.push(made);
            say('send-result', 'The order waits. Choose how the customer pays.');
          }
          show();
        });

        for (const id of ['send-transfer', 'send-ussd', 'send-less']) {
          $(id).addEventListener('click', async () => {
            const {amount, channel} = $(id).dataset;
            $(id).disabled = true;
            say('send-result', 'Sending …');
            const sent = await post('/bank/send', {order, amount_minor: Number(amount), channel});
            const way = channel === 'ussd' ? 'USSD' : 'transfer';
            say('send-result', sent ? `The bank posted ${naira(amount)} by ${way}.` : 'Nothing was sent.');
            show();
          });
        }

        $('cancel').addEventListener('click', () => {
          order = null;
          sessionStorage.removeItem('order');
          say('send-result', 'The order is cancelled.');
          show();
          $('pay').focus();
        });

        $('account').addEventListener('change', () => {
          chosen = $('account').value;
          sessionStorage.setItem('account', chosen);
        });

        let focused = null;
        document.addEventListener('focusin', (event) => { focused = event.target; });

        function show() {
          showAccounts();
          const mine = shop.orders.find((each) => each.id === order) || null;
          const state = mine ? mine.state : 'none';
          const isWaiting = state === 'waiting';
          $('order').dataset.state = state;
          $('order').dataset.order = mine ? mine.id : '';
          say('order-text', {
            none: '',
            waiting: `Waiting for ${naira(price)} …`,
            paid: mine && `${naira(mine.receivedMinor)} received`,
          }[state]);
          say('order-note', note(mine));
          const took = $('took');
          took.hidden = !(mine && mine.tookMs !== undefined && mine.tookMs !== null);
          if (!took.hidden) {
            took.dataset.ms = mine.tookMs;
            const figure = document.createElement('b');
            figure.textContent = `${mine.tookMs.toLocaleString('en')} ms`;
            took.replaceChildren(figure, ' from the posting at the bank to this confirmation');
          }
          $('pay').textContent = state === 'paid' ? 'Sell another one' : `Pay ${naira(price)} by transfer`;
          $('pay').disabled = isWaiting || shop.accounts.length === 0;
          $('cancel').hidden = !isWaiting;
          for (const id of ['send-transfer', 'send-ussd', 'send-less']) $(id).disabled = !isWaiting;
          // A keyboard must not be left on a button that went away.
          if (focused && (focused.disabled || focused.hidden)) $('order').focus({preventScroll: true});
        }

        function note(mine) {
          if (!mine) return shop.accounts.length ? '' : 'Link the shop’s account first.';
          if (mine.state === 'paid') return `Confirmed by transaction.success ${mine.event}`;
          const into = shop.accounts.find((each) => each.id === mine.account);
          const last = mine.tooLittleMinor[mine.tooLittleMinor.length - 1];
          if (last) return `${naira(last)} came in, which is too little. Still waiting for ${naira(mine.amountMinor)}.`;
          return into ? `Transfer to ${into.bank}, ${ending(into)}` : '';
        }

        function showAccounts() {
          const select = $('account');
          $('account-row').hidden = shop.accounts.length === 0;
          const ids = shop.accounts.map((each) => each.id).join();
          if (select.dataset.ids !== ids) {
            select.replaceChildren(...shop.accounts.map((each) => {
              const option = new Option(`${ending(each)} · ${each.name} · ${each.bank}`, each.id);
              option.dataset.record = each.record;
              return option;
            }));
            select.dataset.ids = ids;
          }
          // The account that was linked just now, else the one chosen before, else the newest.
          const fresh = shop.accounts.find((each) => each.record === linked);
          if (fresh) { chosen = fresh.id; linked = null; sessionStorage.setItem('account', chosen); }
          if (shop.accounts.some((each) => each.id === chosen)) select.value = chosen;
        }

        const ending = (account) => (account.lastFour ? `•••• ${account.lastFour}` : 'no number');

        // --- The inbox ---------------------------------------------------------------------------------------------

        const kept = 100;
        const numbers = new Set();

        function receive(entry) {
          if (numbers.has(entry.number)) return;
          numbers.add(entry.number);
          const line = document.createElement('li');
          line.dataset.event = entry.event;
          line.dataset.verified = String(entry.isVerified);
          line.dataset.number = entry.number;
          const details = document.createElement('details');
          const summary = document.createElement('summary');
          const sign = part('sign', entry.isVerified ? '✓' : '✕');
          sign.setAttribute('aria-hidden', 'true');
          const time = part('when', new Date(entry.at).toLocaleTimeString('en-GB'), 'time');
          time.dateTime = entry.at;
          const verdict = entry.isVerified ? 'Signature verified' : 'Refused';
          const facts = [entry.account && `account •••• ${entry.account}`, entry.note || verdict];
          summary.append(
            sign, part('name', entry.event), time,
            part('more', facts.filter(Boolean).join(' · ')));
          const body = document.createElement('pre');
          body.tabIndex = 0;
          details.append(summary, body);
          details.addEventListener('toggle', () => { body.textContent = pretty(entry.body); }, {once: true});
          line.append(details);
          line.className = 'fresh';
          $('inbox').prepend(line);
          while ($('inbox').children.length > kept) $('inbox').lastElementChild.remove();
          $('inbox-empty').hidden = true;
          $('inbox-count').textContent = entry.number;
        }

        function part(name, text, tag = 'span') {
          const element = document.createElement(tag);
          element.className = name;
          element.textContent = text;
          return element;
        }

        function pretty(text) {
          try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text || '(an empty body)'; }
        }

        // --- The line to the shop's server ---------------------------------------------------------------------------

        let began = null;

        function listen() {
          const events = new EventSource('/events');
          events.addEventListener('open', () => live(true));
          events.addEventListener('error', () => live(false));
          events.addEventListener('shop', (message) => {
            shop = JSON.parse(message.data);
            // A restarted shop counts its webhooks from 1 again.
            if (began !== null && began !== shop.began) {
              numbers.clear();
              $('inbox').replaceChildren();
            }
            began = shop.began;
            showTrouble();
            show();
          });
          events.addEventListener('webhook', (message) => receive(JSON.parse(message.data)));
        }

        function live(isOn) {
          $('live').dataset.state = isOn ? 'on' : 'off';
          say('live', isOn ? 'live' : 'the shop’s server does not answer');
        }

        async function post(path, body) {
          try {
            const answer = await fetch(path, {
              method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(body),
            });
            const json = await answer.json();
            trouble = answer.ok ? null : json.error.message;
            showTrouble();
            if (answer.ok) return json;
          } catch {
            showProblem('The shop’s server does not answer. Start it again.');
          }
          return null;
        }

        $('retry').addEventListener('click', () => post('/reload', {}));

        // What went wrong in this page, or else what the shop's server met.
        let trouble = null;

        function showProblem(text) {
          trouble = text;
          showTrouble();
        }

        function showTrouble() {
          const text = trouble || (shop.problem && shop.problem.message);
          $('problem').hidden = !text;
          say('problem-text', text);
        }

        // A text that is set again would be read aloud again.
        function say(id, text) {
          const element = $(id);
          if (element.textContent !== (text || '')) element.textContent = text || '';
        }

        show();
        listen();
        """#
}
