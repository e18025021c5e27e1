/* Screens that few people need; the page fetches this script when a step asks for one of them. */
(function (link) {
  'use strict';

  const h = link.h;
  const LONG_MS = 900000;

  /* One function a kind of step. way: {session, bank, business, answer, back} */
  const more = link.moreScreens = {};

  /* Which old account becomes which new one, and why. */
  more.confirm_accounts = function (step, way) {
    function row(pair) {
      return h('li', { class: pair.certain ? '' : 'ask' }, [
        h('div', {}, [
          h('p', {}, pair.before ? link.named(pair.before) : h('small', {}, 'New')),
          h('p', {}, '→'),
          h('p', {}, pair.after ? link.named(pair.after) : h('small', {}, 'Not shared any more'))
        ]),
        h('small', {}, pair.why)
      ]);
    }
    function say(answer) {
      if (link.view.isBusy()) return;
      link.view.busy(true);
      link.host.tell('preview.submitted', { answer: answer });
      way.answer({ fields: { confirm: answer } });
    }
    link.view.show({
      name: 'preview', step: 4, back: way.back, entry: true, title: 'Are these the same accounts?',
      lead: 'If you say yes, ' + way.business + ' keeps what it knows of the left one under the right one.',
      body: h('ul', { class: 'pairs' }, step.accounts.map(row)),
      next: { text: 'Yes, the same', press: function () { say('yes'); } },
      other: { text: 'No, change nothing', press: function () { say('no'); } }
    });
  };

  /* ---- a file ---- */

  /* Sends the file as it is; progress from 0 to 1 while it goes. */
  function send(file, session, order, progress) {
    return new Promise(function (done, fail) {
      const request = new XMLHttpRequest();
      const query = order ? '?date_order=' + order : '';
      request.open('POST', '/api/v1/link_sessions/' + encodeURIComponent(session.id) + '/file' + query);
      request.timeout = LONG_MS;
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.upload.addEventListener('progress', function (event) {
        if (event.lengthComputable && event.total) progress(event.loaded / event.total);
      });
      request.addEventListener('load', function () {
        let value = null;
        try {
          value = JSON.parse(request.responseText);
        } catch (problem) { /* told below as not reached */ }
        const told = value && value.error || {};
        if (request.status === 200 && value) done(value);
        else if (!value) fail(link.api.failure('network', 'The server was not reached.'));
        else fail(link.api.failure(told.code || 'unavailable', told.message || '', { status: request.status }));
      });
      ['error', 'timeout', 'abort'].forEach(function (name) {
        request.addEventListener(name, function () {
          fail(link.api.failure('network', 'The file did not arrive. Check your connection and send it again.'));
        });
      });
      request.send(file);
    });
  }

  function size(bytes) {
    return bytes < 1048576 ? Math.max(1, Math.round(bytes / 1024)) + ' KB' : (bytes / 1048576).toFixed(1) + ' MB';
  }

  function dates(order) {
    return h('fieldset', { class: 'list', id: 'date-order' }, [
      h('legend', {}, 'How does your bank write 3 April 2024?')
    ].concat([['day_first', '03/04/24, the day first'], ['month_first', '04/03/24, the month first'],
      ['year_first', '24-04-03, the year first']].map(function (pair) {
      return h('label', { class: 'pick' }, [
        h('input', { type: 'radio', name: 'date_order', value: pair[0], checked: order === pair[0] }),
        h('span', {}, pair[1])
      ]);
    })));
  }

  /* - Parameter left: {file, problem, asksDates} of the last try. */
  more.upload = function (step, way, left) {
    let file = left && left.file || null;
    const input = h('input', { type: 'file', id: 'file', 'aria-describedby': 'file-name', accept: step.accept.join() });
    const name = h('span', { id: 'file-name', role: 'status' });
    const box = h('div', { class: 'pick', id: 'drop' }, h('div', {}, [
      h('label', { for: 'file' }, h('b', {}, 'Choose the file, or drop it here')), input, h('p', { class: 'small' }, name)
    ]));
    function choose(chosen) {
      file = chosen || null;
      name.textContent = file ? file.name + ', ' + size(file.size) : 'No file is chosen yet.';
    }
    input.addEventListener('change', function () { choose(input.files[0]); });
    ['dragover', 'drop'].forEach(function (kind) {
      box.addEventListener(kind, function (event) {
        event.preventDefault();
        if (kind === 'drop' && event.dataTransfer.files.length) choose(event.dataTransfer.files[0]);
      });
    });
    if (file) {
      /* The field of a new screen is empty: without this it says that no file is chosen. */
      const kept = new DataTransfer();
      kept.items.add(file);
      input.files = kept.files;
    }
    choose(file);
    const problem = left && left.problem || step.problem;
    link.view.show({
      name: 'upload', step: 3, back: way.back, entry: !left, title: 'Upload a statement', lead: step.prompt,
      body: [problem && link.problemBox(problem), left && left.asksDates && dates(left.order), box,
        h('p', { class: 'small' }, 'Export it in the app or the internet banking of ' + way.bank +
          '. A PDF cannot be read.')],
      note: way.business + ' sees nothing before you have looked at what was read.',
      next: { text: 'Upload' },
      form: function (form) {
        const order = form.querySelector('[name=date_order]:checked');
        if (!file) {
          link.showProblem(form, 'Choose a file first.', input);
        } else if (file.size > step.bytes_max) {
          link.showProblem(form, 'This file is larger than ' + size(step.bytes_max) + '. Export a shorter period.', input);
        } else if (left && left.asksDates && !order) {
          link.showProblem(form, 'Say how the dates are written.', form.querySelector('[name=date_order]'));
        } else {
          push(step, way, file, order && order.value, name);
        }
      }
    });
    if (problem) link.host.tell('upload.rejected');
  };

  async function push(step, way, file, order, name) {
    link.view.busy(true);
    link.host.tell('upload.submitted');
    const turn = link.flow.now.turn += 1;
    try {
      const session = await send(file, way.session, order, function (part) {
        name.textContent = part < 1 ? 'Sending: ' + Math.round(part * 100) + ' %' : 'Reading what is in it…';
      });
      if (turn === link.flow.now.turn) link.flow.proceed(session);
    } catch (problem) {
      if (turn !== link.flow.now.turn) return;
      const isOurs = /^(statement_|invalid_field|network|too_large)/.test(problem.code);
      if (!isOurs) {
        link.problems.answer(problem, link.flow.refresh);
        return;
      }
      more.upload(step, way, { file: file, problem: problem.message, order: order,
        asksDates: problem.code === 'statement_ambiguous_dates' || !!order });
    }
  }

  /* ---- what was read of it ---- */

  function money(minor, currency) {
    if (minor === null || minor === undefined) return 'not told';
    try {
      const form = new Intl.NumberFormat('en-NG', { style: 'currency', currency: currency });
      return form.format(minor / Math.pow(10, form.resolvedOptions().maximumFractionDigits));
    } catch (problem) {
      return (minor / 100).toFixed(2) + ' ' + currency;
    }
  }

  function rows(account) {
    const left = account.rows - account.first_rows.length - account.last_rows.length;
    function line(row) {
      return h('li', {}, [row.booked_on + ' · ', h('b', {}, money(row.amount_minor, account.currency)),
        ' · ' + row.description]);
    }
    return h('ul', { class: 'pairs small' }, account.first_rows.map(line).concat(
      left > 0 ? h('li', {}, '… ' + left + ' more …') : [], account.last_rows.map(line)));
  }

  function facts(account) {
    return h('p', { class: 'small' }, [account.from + ' to ' + account.to + ' · ', h('b', {}, account.rows +
      (account.rows === 1 ? ' transaction' : ' transactions')), h('br'),
    'Opening balance ' + money(account.opening_minor, account.currency), h('br'),
    'Closing balance ' + money(account.closing_minor, account.currency),
    account.future_rows > 0 && h('br'),
    account.future_rows > 0 && account.future_rows + ' of days to come are left out']);
  }

  function heading(account) {
    return h('span', {}, [h('b', {}, account.holder || account.name || 'Account'),
      h('small', {}, [account.mask && 'ends in ' + account.mask, account.currency].filter(Boolean).join(' · '))]);
  }

  function contradicted(accounts) {
    const days = [].concat.apply([], accounts.map(function (account) {
      return account.contradictions.map(function (day) {
        return h('li', {}, day.day + ': stored ' + day.stored_rows + ' (' + money(day.stored_minor, account.currency) +
          '), in this file ' + day.statement_rows + ' (' + money(day.statement_minor, account.currency) + ')');
      });
    }));
    if (!days.length) return null;
    const mayReplace = accounts.every(function (account) {
      return !account.contradictions.length || account.may_replace;
    });
    const choices = [['keep', 'Keep what is stored']].concat(mayReplace ? [['replace', 'This file is right']] : []);
    return h('fieldset', { class: 'list', id: 'contradictions' }, [
      h('legend', {}, 'Something else is stored for these days'), h('ul', { class: 'small' }, days)
    ].concat(choices.map(function (choice) {
      return h('label', { class: 'pick' }, [
        h('input', { type: 'radio', name: 'contradictions', value: choice[0], checked: choices.length === 1 }),
        h('span', {}, choice[1])
      ]);
    })));
  }

  function isOfOtherBank(note) { return note.kind === 'other_bank'; }

  /* What is said before anything else: the file may be the wrong one. */
  function warning(step) {
    return step.notes.filter(isOfOtherBank).map(function (note) {
      return h('p', { class: 'problem', id: 'other-bank' }, [link.icon(link.icons.alert), h('span', {}, note.message)]);
    });
  }

  function notes(step) {
    const all = step.notes.filter(function (note) { return !isOfOtherBank(note); });
    const shown = all.slice(0, 20).map(function (note) {
      return h('li', {}, (note.place ? 'Line ' + note.place + ': ' : '') + note.message);
    });
    const count = all.length - shown.length + step.notes_dropped;
    if (!shown.length && !count) return null;
    return h('details', { id: 'notes', open: true }, [h('summary', {}, 'What did not fit'),
      h('ul', { class: 'small' }, shown.concat(count > 0 ? h('li', {}, '… and ' + count + ' more') : []))]);
  }

  more.confirm_statement = function (step, way) {
    const isOne = step.accounts.length === 1;
    const list = step.accounts.map(function (account) {
      return h('li', {}, [isOne ? h('p', {}, heading(account)) : h('label', { class: 'pick' }, [
        h('input', { type: 'checkbox', name: 'accounts', value: account.id, checked: true }), heading(account)
      ]), facts(account), rows(account)]);
    });
    const asksNumber = step.accounts.some(function (account) { return account.asks_number; });
    const number = asksNumber && h('input', { id: 'account-number', name: 'account_number', inputmode: 'numeric',
      autocomplete: 'off', maxlength: 40 });
    link.view.show({
      name: 'statement', step: 4, back: way.back, entry: !step.problem, title: 'Is this your statement?',
      lead: step.known ? 'This very file was uploaded before. Nothing of it will be doubled.' : '',
      body: [step.problem && link.problemBox(step.problem)].concat(warning(step),
        h('ul', { class: 'pairs', id: 'accounts' }, list), asksNumber && h('div', { class: 'field' }, [
          h('label', { for: 'account-number' }, 'Account number (the file does not name it)'), number
        ]), contradicted(step.accounts), notes(step)),
      next: { text: 'Yes, use it' },
      other: { text: 'No, another file', press: function () { say({ confirm: 'no' }, []); } },
      form: function (form) {
        const chosen = Array.from(form.querySelectorAll('[name=accounts]:checked')).map(function (box) {
          return box.value;
        });
        const word = form.querySelector('[name=contradictions]:checked');
        const fields = { confirm: 'yes' };
        if (number && number.value.trim()) fields.account_number = number.value.trim();
        if (word) fields.contradictions = word.value;
        if (!isOne && !chosen.length) {
          link.showProblem(form, 'Choose at least one account.', form.querySelector('[name=accounts]'));
        } else if (form.querySelector('#contradictions') && !word) {
          link.showProblem(form, 'Say which of the two is kept.', form.querySelector('[name=contradictions]'));
        } else {
          say(fields, chosen);
        }
      }
    });
    function say(fields, accounts) {
      if (link.view.isBusy()) return;
      link.view.busy(true);
      link.host.tell('statement.submitted', { answer: fields.confirm });
      way.answer({ fields: fields, accounts: accounts });
    }
  };
})(window.kubewaLink);
