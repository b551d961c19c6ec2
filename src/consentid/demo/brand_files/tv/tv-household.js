/**
 * Who may sit before this television: the device itself, people who connected a telephone, a guest.
 *
 * Each has answers of their own at the hub, and a credential of their own here.  A guest's is kept
 * in memory only, and forgotten when the guest leaves or the app starts anew.  ES5.
 */
(function (root) {
  "use strict";

  var KEPT = "halcyon-play-tv";
  var EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
  var AGAIN_MS = 3000;
  var DEVICE = "urn:consentid:params:oauth:token-type:device_credential";

  /** options: hub; client; brand; language; onend, called with a person whose connection ended. */
  function Household(options) {
    var kept = load(), i;
    this.options = options;
    this.isAway = false; // whether the last call got no answer
    this.device = holder("device", 0);
    this.device.credential = kept.credential || null;
    this.people = [];
    this.guest = null;
    for (i = 0; i < kept.people.length; i += 1) {
      this.people.push(holder("person", kept.people[i].number));
      this.people[i].refresh = kept.people[i].refresh;
      this.people[i].asking = kept.people[i].asking || null;
    }
    this.current = this.find(kept.current) || this.device;
  }

  Household.prototype.all = function () {
    return [this.device].concat(this.people, this.guest ? [this.guest] : []);
  };

  Household.prototype.find = function (id) {
    var all = this.all(), i;
    for (i = 0; i < all.length; i += 1) {
      if (all[i].id === id) { return all[i]; }
    }
    return null;
  };

  /** Go on as somebody else of the household; a guest who leaves is forgotten. */
  Household.prototype.turnTo = function (one) {
    if (one.kind === "guest") {
      this.guest = one;
    } else if (this.guest) {
      this.guest = null;
    }
    this.current = one;
    this.keep();
  };

  Household.prototype.newGuest = function () { return holder("guest", 0); };

  /** Somebody connected a telephone: they are current now. */
  Household.prototype.join = function (tokens) {
    var last = this.people[this.people.length - 1], one = holder("person", last ? last.number + 1 : 1);
    take(one, tokens);
    this.people.push(one);
    this.turnTo(one);
    return one;
  };

  /** Sign somebody out: their tokens end at the hub, and the device's own answers count again. */
  Household.prototype.leave = function (one) {
    var refresh = one.refresh;
    this.drop(one);
    if (refresh) {
      call("POST", this.options.hub + "/revoke", { client_id: this.options.client, token: refresh }, {}, function () {
        // Nothing is left here in any case.
      });
    }
  };

  Household.prototype.drop = function (one) {
    var left = [], i;
    for (i = 0; i < this.people.length; i += 1) {
      if (this.people[i] !== one) { left.push(this.people[i]); }
    }
    this.people = left;
    one.refresh = one.credential = one.access = one.token = null;
    if (this.current === one) { this.turnTo(this.device); } else { this.keep(); }
  };

  /** Whether somebody has answered here, or brought answers along. */
  Household.prototype.isKnown = function (one) { return !!(one.refresh || one.credential); };

  /** New tokens for somebody; `done` hears `ok`, `none`, `gone` or `away`. */
  Household.prototype.renew = function (one, done) {
    var self = this, form;
    if (one.waiting) { one.waiting.push(done); return; }
    if (!this.isKnown(one)) { done("none"); return; }
    one.waiting = [done];
    form = one.refresh
      ? { grant_type: "refresh_token", refresh_token: one.refresh }
      : { grant_type: EXCHANGE, subject_token: one.credential, subject_token_type: DEVICE };
    form.client_id = this.options.client;
    if (one.refresh) { // kept before it is asked: what is asked again after a lost answer is the same request
      if (!one.asking) { one.asking = random(); this.keep(); }
      form.idempotency_key = one.asking;
    }
    this.ask("POST", "/token", form, {}, function (status, told) {
      var result = "away", waiting = one.waiting, i, wasLost = one.isLost;
      one.isLost = self.isAway;
      if (wasLost && one.refresh && told && told.error === "invalid_grant") {
        // Perhaps what was asked before, and never answered, was only being done just now.
        root.setTimeout(function () {
          one.waiting = null;
          for (i = 0; i < waiting.length; i += 1) { self.renew(one, waiting[i]); }
        }, AGAIN_MS);
        return;
      }
      one.waiting = null;
      if (status === 200 && told && told.access_token) {
        if (self.isKnown(one)) { // they may have left meanwhile
          take(one, told);
          self.keep();
          result = "ok";
        }
      } else if (status === 400 && told && told.error === "invalid_grant") {
        result = "gone";
        if (one.kind === "person") {
          self.drop(one);
          self.options.onend(one);
        } else {
          one.credential = one.access = one.token = null;
          self.keep();
        }
      }
      for (i = 0; i < waiting.length; i += 1) { waiting[i](result); }
    });
  };

  /** What is asked, in the words that have to be shown; `done` hears it, or null. */
  Household.prototype.catalogue = function (done) {
    var query = "?brand=" + this.options.brand + "&language=" + this.options.language;
    this.ask("GET", "/v1/catalogue" + query, null, {}, function (status, told) {
      done(status === 200 ? told : null);
    });
  };

  /** Hand in what somebody chose on a notice, `{purpose: true or false}`; `done` hears whether it holds. */
  Household.prototype.decide = function (one, shown, choices, done) {
    var self = this, list = [], purpose, key = random();
    for (purpose in choices) {
      if (Object.prototype.hasOwnProperty.call(choices, purpose)) {
        list.push({ purpose: purpose, outcome: choices[purpose] ? "granted" : "refused" });
      }
    }
    this.identify(one, function (isIdentified) {
      if (!isIdentified) { done(false); return; }
      self.write(one, "/v1/decisions", {
        served: shown.served, notice: shown.notice, reach: "brand", choices: list
      }, key, true, function (status, told) {
        if (status === 201 && told.consent_token) { one.token = told.consent_token; }
        done(status === 201);
      });
    });
  };

  /** The first answer makes a device, for nobody is known before. */
  Household.prototype.identify = function (one, done) {
    var self = this;
    if (this.isKnown(one)) { done(true); return; }
    this.ask("POST", "/v1/devices", { client_id: this.options.client }, { "Idempotency-Key": random() }, function (status, told) {
      if (status !== 201) { done(false); return; }
      one.credential = told.credential;
      self.keep();
      done(true);
    }, true);
  };

  Household.prototype.write = function (one, path, body, key, mayRenew, done) {
    var self = this;
    function again() {
      self.renew(one, function (result) {
        if (result === "ok") { self.write(one, path, body, key, false, done); } else { done(0, null); }
      });
    }
    if (!one.access) {
      if (mayRenew) { again(); } else { done(0, null); }
      return;
    }
    this.ask("POST", path, body, { Authorization: "Bearer " + one.access, "Idempotency-Key": key }, function (status, told) {
      if (status === 401 && mayRenew) { again(); } else { done(status, told); }
    }, true);
  };

  Household.prototype.ask = function (method, path, body, headers, done, isJson) {
    var self = this;
    call(method, this.options.hub + path, body, headers, function (status, told) {
      self.isAway = status === 0 || status === 429 || status >= 500;
      done(status, told);
    }, isJson);
  };

  Household.prototype.keep = function () {
    var people = [], i;
    for (i = 0; i < this.people.length; i += 1) {
      people.push({ number: this.people[i].number, refresh: this.people[i].refresh, asking: this.people[i].asking });
    }
    try {
      root.localStorage.setItem(KEPT, JSON.stringify({
        v: 1, current: this.current.id, credential: this.device.credential, people: people
      }));
    } catch (error) { /* no storage: all are known until the app ends */ }
  };

  function holder(kind, number) {
    return {
      id: kind + (number || ""), kind: kind, number: number,
      credential: null, refresh: null, asking: null, access: null, token: null, waiting: null, isLost: false
    };
  }

  function take(one, tokens) {
    one.access = tokens.access_token;
    if (tokens.refresh_token) { one.refresh = tokens.refresh_token; one.asking = null; }
    if (tokens.consent_token) { one.token = tokens.consent_token; }
  }

  function load() {
    var kept = null;
    try { kept = JSON.parse(root.localStorage.getItem(KEPT)); } catch (error) { kept = null; }
    return kept && kept.v === 1 && kept.people instanceof Array ? kept : { people: [] };
  }

  /** `done` hears status (0: no answer) and JSON or null. */
  function call(method, url, body, headers, done, isJson) {
    var request = new root.XMLHttpRequest(), name, pairs = [], isOver = false;
    function finish() {
      var told = null;
      if (isOver) { return; }
      isOver = true;
      try { told = JSON.parse(request.responseText); } catch (error) { told = null; }
      done(request.status, told);
    }
    request.open(method, url, true);
    request.timeout = 8000;
    request.onreadystatechange = function () { if (request.readyState === 4) { finish(); } };
    request.onerror = request.ontimeout = finish;
    root.setTimeout(function () { if (!isOver) { request.abort(); finish(); } }, 8500);
    if (body) {
      request.setRequestHeader("Content-Type", isJson ? "application/json" : "application/x-www-form-urlencoded");
    }
    for (name in headers) {
      if (Object.prototype.hasOwnProperty.call(headers, name)) { request.setRequestHeader(name, headers[name]); }
    }
    for (name in body) {
      if (!isJson && Object.prototype.hasOwnProperty.call(body, name)) {
        pairs.push(encodeURIComponent(name) + "=" + encodeURIComponent(body[name]));
      }
    }
    request.send(body ? (isJson ? JSON.stringify(body) : pairs.join("&")) : null);
  }

  /** 128 bits and more, for a key that nobody is to guess within minutes. */
  function random() {
    var words = "", i, numbers;
    if (root.crypto && root.crypto.getRandomValues && root.Uint32Array) {
      numbers = root.crypto.getRandomValues(new root.Uint32Array(5));
      for (i = 0; i < 5; i += 1) { words += numbers[i].toString(36) + "-"; }
    }
    // An engine without: what it draws for itself, never shown to anybody else.
    for (i = 0; i < 4 && words.length < 26; i += 1) { words += Math.random().toString(36).slice(2, 12) + "-"; }
    return words.slice(0, 60);
  }

  root.Household = Household;
}(window));
