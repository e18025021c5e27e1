/* The bank's questions as forms. What is typed leaves the page once, in the answer, and is wiped from it. */
(function (link) {
  'use strict';

  const h = link.h;

  /* Names under which password managers and phones know what belongs into a field. */
  const completion = { username: 'username', email: 'email', phone: 'tel', password: 'current-password' };

  function kindOf(form) {
    if (['credentials', 'otp', 'question'].indexOf(form.name) >= 0) return form.name;
    const kinds = form.fields.map(function (field) { return field.kind; });
    return kinds.indexOf('otp') >= 0 ? 'otp' : kinds.indexOf('secret') >= 0 ? 'credentials' : 'form';
  }

  function attributes(field, kind) {
    const found = {
      id: 'field-' + field.key, name: field.key, type: 'text', autocomplete: completion[field.key] || 'off',
      autocapitalize: 'none', autocorrect: 'off', spellcheck: 'false', required: true
    };
    if (field.kind === 'secret') {
      // The answer to a question is hidden too, and is no password to be filled in or kept.
      const completes = kind === 'credentials' ? 'current-password' : 'off';
      Object.assign(found, { type: 'password', 'data-secret': true, autocomplete: completes });
    }
    if (field.kind === 'otp') {
      Object.assign(found, { inputmode: 'numeric', autocomplete: 'one-time-code', class: 'code', maxlength: 20 });
    }
    if (field.kind === 'number') found.inputmode = 'numeric';
    return found;
  }

  function reveal(input) {
    const button = h('button', { class: 'reveal', type: 'button', 'aria-controls': input.id });
    function say(text) {
      button.textContent = text;
      button.setAttribute('aria-label', text + ' what is typed');
    }
    button.addEventListener('click', function () {
      input.type = input.type === 'password' ? 'text' : 'password';
      say(input.type === 'password' ? 'Show' : 'Hide');
    });
    say('Show');
    return button;
  }

  function choice(field) {
    return h('fieldset', { class: 'field' }, [h('legend', {}, field.label)].concat(
      field.choices.map(function (text) {
        return h('label', { class: 'pick' }, [
          h('input', { type: 'radio', name: field.key, value: text, required: true }), h('span', {}, text)
        ]);
      })));
  }

  function control(field, kind) {
    if (field.kind === 'select') return choice(field);
    const input = h('input', attributes(field, kind));
    return h('div', { class: 'field' }, [
      h('label', { for: input.id }, field.label),
      field.kind === 'secret' ? h('div', { class: 'with-button' }, [input, reveal(input)]) : input
    ]);
  }

  function attemptsText(left) {
    if (left === undefined || left === null) return '';
    return left === 1 ? ' One attempt is left before the bank locks this login.' : ' ' + left + ' attempts are left.';
  }

  function problemBox(text) {
    return h('p', { id: 'problem', class: 'problem', role: 'alert' },
      [link.icon(link.icons.alert), h('span', {}, text)]);
  }

  function showProblem(form, text, field) {
    const old = form.querySelector('#problem');
    const box = problemBox(text);
    if (old) old.replaceWith(box);
    else form.querySelector('h1').after(box);
    markInvalid(field);
    if (field) field.focus();
  }

  function markInvalid(field) {
    if (!field) return;
    field.setAttribute('aria-invalid', 'true');
    field.setAttribute('aria-describedby', 'problem');
    field.addEventListener('input', function () { field.removeAttribute('aria-invalid'); }, { once: true });
  }

  /* Reads the fields, or says which one is empty; the values are gone from the page afterwards. */
  function collect(form, fields) {
    const values = {};
    for (let i = 0; i < fields.length; i += 1) {
      const inputs = Array.from(form.querySelectorAll('[name="' + CSS.escape(fields[i].key) + '"]'));
      const filled = inputs.filter(function (input) { return input.type !== 'radio' || input.checked; })[0];
      const text = filled ? filled.value : '';
      if (text.trim() === '') {
        showProblem(form, fields[i].kind === 'select' ? 'Choose one of the answers: ' + fields[i].label :
          'Enter this first: ' + fields[i].label, inputs[0]);
        return null;
      }
      // A password is sent as it was typed; around everything else spaces are slips of the keyboard.
      values[fields[i].key] = fields[i].kind === 'secret' ? text : text.trim();
    }
    return values;
  }

  function wipe(form) {
    form.querySelectorAll('input').forEach(function (input) {
      if (input.type === 'radio') input.checked = false;
      else input.value = '';
      if (input.hasAttribute('data-secret')) input.type = 'password';
    });
  }

  const titles = {
    credentials: function (bank) { return 'Log in to ' + bank; },
    otp: function () { return 'Enter the code'; },
    question: function () { return 'Security question'; },
    form: function (bank) { return bank + ' asks one more thing'; }
  };
  const sends = { credentials: 'Log in', otp: 'Confirm', question: 'Answer', form: 'Continue' };

  /* - Parameter send: gets {field: value}; called once for a step. */
  link.form = function (step, bank, send, back) {
    const kind = kindOf(step);
    const isQuestion = kind === 'question' && step.fields.length === 1;
    const fields = step.fields.map(function (field) {
      // "In which city were you born?" is the label of its answer.
      return isQuestion ? Object.assign({}, field, { label: step.prompt || field.label }) : field;
    });
    const controls = fields.map(function (field) { return control(field, kind); });
    const first = controls.length ? controls[0].querySelector('input') : null;
    const problem = step.problem ? step.problem + attemptsText(step.attempts_left) : '';
    if (problem) markInvalid(first);
    link.view.show({
      name: kind, step: kind === 'credentials' ? 3 : 4, back: back, entry: kind !== 'credentials' || !problem,
      focus: problem ? first : null, field: first,
      title: titles[kind](bank), lead: isQuestion ? '' : step.prompt,
      body: [problem && problemBox(problem)].concat(controls, kind === 'credentials' && link.flow.isTest() &&
        h('p', { class: 'test' }, 'Test mode: log in as “success” with the password “pass”.')),
      note: kind === 'credentials' ? 'Sent to ' + bank + ' over a secure connection. Not kept on this device.' : '',
      next: { text: sends[kind] },
      tell: { bank_name: bank },
      form: function (form) {
        const values = collect(form, fields);
        if (!values) return;
        wipe(form);
        link.view.busy(true);
        link.host.tell(kind + '.submitted');
        send(values);
      }
    });
    if (problem) {
      const more = step.attempts_left === undefined ? {} : { attempts_left: step.attempts_left };
      link.host.tell(kind + '.rejected', more);
    }
  };

  function named(account) {
    return [h('b', {}, account.name || 'Account'),
      h('small', {}, [account.type, account.mask && 'ends in ' + account.mask].filter(Boolean).join(' · '))];
  }

  /* - Parameter send: gets the ids of the chosen accounts. */
  link.accounts = function (step, selection, business, send, back) {
    const isSingle = selection === 'single';
    const type = isSingle ? 'radio' : 'checkbox';
    const list = step.accounts.map(function (account) {
      return h('label', { class: 'pick' }, [
        h('input', { type: type, name: 'accounts', value: account.id, checked: step.accounts.length === 1 }),
        h('span', {}, named(account))
      ]);
    });
    const boxes = list.map(function (label) { return label.firstChild; });
    const all = !isSingle && boxes.length > 1 && h('label', { class: 'pick all' }, [
      h('input', { type: 'checkbox', id: 'all-accounts' }), h('span', {}, 'All accounts')
    ]);
    function chosen() {
      return boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    }
    function refresh() {
      const count = chosen().length;
      if (all) {
        all.firstChild.checked = count === boxes.length;
        all.firstChild.indeterminate = count > 0 && count < boxes.length;
      }
      document.querySelector('#next span:last-child').textContent = !count || isSingle ? 'Share' :
        'Share ' + count + (count === 1 ? ' account' : ' accounts');
    }
    boxes.forEach(function (box) { box.addEventListener('change', refresh); });
    if (all) {
      all.firstChild.addEventListener('change', function () {
        boxes.forEach(function (box) { box.checked = all.firstChild.checked; });
        refresh();
      });
    }
    link.view.show({
      name: 'accounts', step: 4, back: back, entry: true, title: isSingle ? 'Choose an account' : 'Choose accounts',
      lead: business + ' sees what you choose here, and none of the others.',
      body: h('fieldset', { class: 'list' }, [h('legend', { class: 'away' }, 'Accounts'), all].concat(list)),
      next: { text: 'Share' },
      form: function (form) {
        const ids = chosen();
        if (!ids.length) {
          showProblem(form, 'Choose at least one account.', boxes[0]);
          return;
        }
        link.view.busy(true);
        link.host.tell('accounts.submitted', { count: ids.length });
        send(ids);
      }
    });
    refresh();
  };

  Object.assign(link, { named: named, showProblem: showProblem, problemBox: problemBox });
})(window.kubewaLink);
