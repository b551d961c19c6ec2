/**
 * Consent on old television engines: ES5, XMLHttpRequest, no crypto, no Promise, no fetch.
 *
 *   var consent = new ConsentidTv({
 *     endpoint: "https://play.example/consent/verify", // yours, which asks the hub; or the hub's own
 *     token: function () { return storedToken; },
 *     purposes: ["tv"],
 *     onchange: function () { draw(); }
 *   });
 *   consent.start();
 *   if (consent.allows("tv")) { ... }
 *
 * The endpoint is asked at the start, every 45 s while `allows` is being called, and each hour
 * otherwise.  A yes is used for 60 s after it was confirmed and never past the token's end; until
 * the first answer, when the network is gone, when the clock jumps, on any doubt: no.
 */
(function (root) {
  "use strict";

  var USABLE_MS = 60000, RENEW_MS = 45000, IDLE_MS = 3600000, RETRY_MS = 5000, TIMEOUT_MS = 8000;

  /**
   * options: endpoint; token, a text or a function that gives one; accessToken, the same, where the
   * endpoint wants one; purposes; onchange; timeoutMs.
   */
  function ConsentidTv(options) {
    if (!(this instanceof ConsentidTv)) { return new ConsentidTv(options); }
    if (!options || !options.endpoint || !options.token) { throw new Error("ConsentidTv: endpoint and token"); }
    this.options = options;
    this.answer = null;
    this.confirmedAt = 0;
    this.askedAt = 0;
    this.isUsed = false;
    this.request = null;
    this.timer = null;
    this.number = 0;
  }

  /** Ask now, and again whenever it is time. */
  ConsentidTv.prototype.start = function () {
    var self = this;
    this.stop();
    this.check();
    this.timer = root.setInterval(function () { self.tick(); }, 1000);
  };

  /** Ask no more; from now on the answer is no. */
  ConsentidTv.prototype.stop = function () {
    if (this.timer !== null) { root.clearInterval(this.timer); }
    this.timer = null;
    this.number += 1;
    if (this.request) { this.request.abort(); }
    this.request = null;
    this.told(null);
  };

  /** Whether this very purpose is granted, as far as is known now. */
  ConsentidTv.prototype.allows = function (purpose) {
    var granted, i;
    this.isUsed = true;
    if (!this.isUsable()) { return false; }
    granted = this.answer.granted;
    for (i = 0; i < granted.length; i += 1) {
      if (granted[i] === purpose) { return true; }
    }
    return false;
  };

  /** Ask the endpoint once; `done` hears whether the token is active. */
  ConsentidTv.prototype.check = function (done) {
    var self = this, request = this.request, sentAt = now(), token, access, body;
    var number = this.number += 1; // what was asked before is heard no more
    this.request = null;
    if (request) { request.abort(); }
    this.askedAt = sentAt;

    function finish(answer) {
      if (number !== self.number) { return; } // another question was put meanwhile
      self.number += 1;
      self.request = null;
      self.told(answer, sentAt);
      if (done) { done(self.isUsable()); }
    }

    try {
      token = give(this.options.token);
      if (typeof token !== "string" || token === "") { finish(null); return; }
      body = { token: token };
      if (this.options.purposes) { body.purposes = this.options.purposes; }
      request = this.request = new root.XMLHttpRequest();
      request.open("POST", this.options.endpoint, true);
      request.timeout = this.options.timeoutMs || TIMEOUT_MS;
      request.setRequestHeader("Content-Type", "application/json");
      access = give(this.options.accessToken);
      if (access) { request.setRequestHeader("Authorization", "Bearer " + access); }
      request.onreadystatechange = function () {
        if (request.readyState === 4) { finish(read(request)); }
      };
      request.onerror = request.ontimeout = function () { finish(null); };
      // Engines without a time limit of their own.
      root.setTimeout(function () {
        if (number === self.number) { request.abort(); finish(null); }
      }, request.timeout + 500);
      request.send(JSON.stringify(body));
    } catch (error) {
      finish(null);
    }
  };

  ConsentidTv.prototype.tick = function () {
    var age = now() - this.askedAt, due = IDLE_MS;
    if (!this.isUsable()) {
      this.told(null);
      if (this.isUsed) { due = RETRY_MS; }
    } else if (this.isUsed) {
      due = RENEW_MS;
    }
    if (age < 0 || age >= due) {
      this.isUsed = false;
      this.check();
    }
  };

  ConsentidTv.prototype.isUsable = function () {
    var age = now() - this.confirmedAt;
    return this.answer !== null && age >= 0 && age < USABLE_MS && now() < this.answer.exp * 1000;
  };

  ConsentidTv.prototype.told = function (answer, at) {
    var before = said(this.answer), after = said(answer);
    this.answer = answer;
    if (answer) { this.confirmedAt = at; }
    if (before !== after && this.options.onchange) {
      try { this.options.onchange(); } catch (error) { /* theirs */ }
    }
  };

  function now() { return new Date().getTime(); }

  function give(what) { return typeof what === "function" ? what() : what; }

  function said(answer) { return answer ? answer.granted.join(" ") : null; }

  /** An answer that is a yes in every part, or null. */
  function read(request) {
    var answer, i;
    if (request.status !== 200) { return null; }
    try { answer = JSON.parse(request.responseText); } catch (error) { return null; }
    if (!answer || answer.active !== true || answer.decision === "deny") { return null; }
    if (typeof answer.exp !== "number" || !answer.granted || !(answer.granted instanceof Array)) { return null; }
    for (i = 0; i < answer.granted.length; i += 1) {
      if (typeof answer.granted[i] !== "string") { return null; }
    }
    return { exp: answer.exp, granted: answer.granted.slice(0) };
  }

  root.ConsentidTv = ConsentidTv;
}(typeof window === "undefined" ? this : window));
