/* Finding a bank as people write it: without accents or case, by everyday names, by initials, with a slip. */
(function (link) {
  'use strict';

  /* What people say for what the list says; slugs are those of the list of banks. */
  const spoken = {
    'access-bank': 'access', 'access-bank-diamond': 'diamond', 'citibank': 'citi', 'ecobank-nigeria': 'eco ebn',
    'fidelity-bank': 'fbp', 'first-bank-of-nigeria': 'fbn firstbank firstmobile',
    'first-city-monument-bank': 'fcmb', 'globus': 'globus bank', 'guaranty-trust-bank': 'gtb gtbank gtco guarantee',
    'heritage-bank': 'hbng', 'keystone-bank': 'kbl', 'kuda-bank': 'kuda', 'moniepoint': 'monie point teamapt',
    'momo-psb': 'mtn momo', 'opay': 'o pay paycom', 'palmpay': 'palm pay', 'polaris-bank': 'skye bank',
    'smartcash-psb': 'airtel smart cash', '9psb': '9mobile nine psb', 'stanbic-ibtc-bank': 'ibtc',
    'standard-chartered-bank': 'scb stanchart', 'sterling-bank': 'onebank', 'suntrust': 'sun trust',
    'titan-trust-bank': 'ttb', 'union-bank-of-nigeria': 'ubn unionbank', 'united-bank-for-africa': 'uba',
    'wema-bank': 'wema', 'alat': 'wema', 'zenith-bank': 'zenith', 'paga': 'pagatech', 'lotus': 'lotus bank'
  };
  const small = ['of', 'for', 'and', 'the', 'plc', 'limited', 'ltd', 'nigeria'];

  function plain(text) {
    return String(text).normalize('NFD').replace(/[\u0300-\u036f'’.]/g, '').toLowerCase()
      .replace(/[^a-z0-9]+/g, ' ').trim();
  }

  function initials(words) {
    return words.map(function (word) { return word[0]; }).join('');
  }

  /* Works out once what a bank may be found by. */
  link.searchable = function (banks) {
    return banks.map(function (bank, place) {
      const words = plain(bank.name).split(' ').filter(Boolean);
      const more = plain((spoken[bank.slug] || '') + ' ' + (bank.aliases || []).join(' ')).split(' ').filter(Boolean);
      const weighty = words.filter(function (word) { return small.indexOf(word) < 0; });
      return {
        bank: bank, place: place, name: words.join(' '), joined: words.join(''),
        called: more.concat(initials(words), initials(weighty)), words: words.concat(more, plain(bank.slug).split(' '))
      };
    });
  };

  /* Whether `text` begins with `asked`, one letter wrong, missing, too many or swapped. */
  function nearly(text, asked) {
    if (asked.length < 4 || text[0] !== asked[0]) return false;
    for (let i = 1; i < asked.length; i += 1) {
      if (text[i] === asked[i]) continue;
      const rest = asked.slice(i);
      return text.slice(i + 1).indexOf(rest) === 0 || text.slice(i).indexOf(rest.slice(1)) === 0 ||
        text.slice(i + 1).indexOf(rest.slice(1)) === 0 ||
        (rest.length > 1 && text.slice(i).indexOf(rest[1] + rest[0] + rest.slice(2)) === 0);
    }
    return true;
  }

  function score(entry, asked, joined) {
    if (entry.called.indexOf(joined) >= 0 || entry.name.indexOf(asked.join(' ')) === 0) return 0;
    if (entry.joined.indexOf(joined) === 0) return 1;
    let worst = 2;
    for (let i = 0; i < asked.length; i += 1) {
      const word = asked[i];
      if (entry.words.some(function (own) { return own.indexOf(word) === 0; })) continue;
      if (entry.name.indexOf(word) >= 0) worst = Math.max(worst, 3);
      else if (entry.words.some(function (own) { return nearly(own, word); })) worst = 4;
      else return -1;
    }
    return worst;
  }

  /* The banks that fit, best first; all of them in their own order when nothing is asked. */
  link.search = function (entries, text) {
    const asked = plain(text).split(' ').filter(Boolean);
    if (!asked.length) return entries.map(function (entry) { return entry.bank; });
    const joined = asked.join('');
    return entries.map(function (entry) { return { entry: entry, score: score(entry, asked, joined) }; })
      .filter(function (found) { return found.score >= 0; })
      .sort(function (a, b) { return a.score - b.score || a.entry.place - b.entry.place; })
      .map(function (found) { return found.entry.bank; });
  };
})(window.kubewaLink);
