/**
 * Consent on old television engines: ES5, XMLHttpRequest, no crypto, no Promise, no fetch.
 *
 *   var consent = new ConsentidTv({
 *     endpoint: "https://consent.example/v1/verify", // the hub's own; or yours, which asks the hub
 *     accessToken: function () { return access; },   // the television's own, of scope "verify"
 *     renew: function (done) { ... done(isRenewed); },
 *     token: function () { return consentToken; },
 *     purposes: ["tv"],
 *     onchange: function () { draw(); }
 *   });
 *   consent.start();
 *   if (consent.allows("tv")) { ... }
 *
 * The endpoint is asked at the start, every 45 s while `allows` is being called, and each hour
 * otherwise.  A yes is used for 60 s after it was confirmed and never past the token's end; until
 * the first answer, when the network is gone, when the clock jumps, on any doubt: no.  How long a
 * token has left is told by the endpoint's clock, where it says `Date`: the television's may be wrong.
 */
(function (root) {
  "use strict";

  var USABLE_MS = 60000, RENEW_MS = 45000, IDLE_MS = 3600000, RETRY_MS = 5000, TIMEOUT_MS = 8000;
  var LONGEST_MS = 600000;

  /**
   * options: endpoint; token, a text or a function that gives one; accessToken, the same, where the
   * endpoint wants one; renew, called once per question where that is refused (401) or there is no
   * token, before it is asked again; purposes; onchange; timeoutMs.
   */
  function ConsentidTv(options) {
    if (!(this instanceof ConsentidTv)) { return new ConsentidTv(options); }
    if (!options || !options.endpoint || !options.token) { throw new Error("ConsentidTv: endpoint and token"); }
    this.options = options;
    this.answer = null;
    this.isAway = false; // whether the last question got no answer
    this.confirmedAt = null;
    this.askedAt = null;
    this.retryMs = RETRY_MS; // longer where the endpoint says so
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
    var self = this, before = this.request;
    var number = this.number += 1; // what was asked before is heard no more
    this.request = null;
    if (before) { before.abort(); }
    this.askedAt = instant();
    this.retryMs = RETRY_MS;

    function finish(answer, sentAt, isAway) {
      if (number !== self.number) { return; } // another question was put meanwhile
      self.number += 1;
      self.request = null;
      self.isAway = isAway === true;
      self.told(answer, sentAt);
      if (done) { done(self.isUsable()); }
    }

    function renewed(isRenewed) {
      if (number !== self.number) { return; }
      if (isRenewed !== true) { finish(null); return; }
      attempt(false);
    }

    function attempt(mayRenew) {
      try { self.put(number, mayRenew ? renewed : null, finish); } catch (error) { finish(null); }
    }

    attempt(typeof this.options.renew === "function");
  };

  ConsentidTv.prototype.put = function (number, renewed, finish) {
    var self = this, options = this.options, sentAt = instant(), request, access, body;
    var token = give(options.token);
    if (typeof token !== "string" || token === "") {
      if (renewed) { options.renew(renewed); } else { finish(null); }
      return;
    }
    body = { token: token };
    if (options.purposes) { body.purposes = options.purposes; }
    request = this.request = new root.XMLHttpRequest();
    request.open("POST", options.endpoint, true);
    request.timeout = options.timeoutMs || TIMEOUT_MS;
    request.setRequestHeader("Content-Type", "application/json");
    access = give(options.accessToken);
    if (access) {
      body.brief = true; // the hub itself is asked
      request.setRequestHeader("Authorization", "Bearer " + access);
    }

    function isHeard() { return number === self.number && request === self.request; }

    request.onreadystatechange = function () {
      if (request.readyState !== 4 || !isHeard()) { return; }
      if (request.status === 401 && renewed) {
        self.request = null;
        options.renew(renewed);
        return;
      }
      self.retryMs = Math.max(RETRY_MS, Math.min(Number(request.getResponseHeader("Retry-After")) * 1000 || 0, LONGEST_MS));
      finish(read(request, body.brief === true), sentAt, request.status === 0 || request.status === 429 || request.status >= 500);
    };
    request.onerror = request.ontimeout = function () {
      if (isHeard()) { finish(null, sentAt, true); }
    };
    // Engines without a time limit of their own.
    root.setTimeout(function () {
      if (isHeard()) { request.abort(); finish(null, sentAt, true); }
    }, request.timeout + 500);
    request.send(JSON.stringify(body));
  };

  ConsentidTv.prototype.tick = function () {
    var age = this.askedAt ? since(this.askedAt) : -1, due = IDLE_MS;
    if (!this.isUsable()) {
      this.told(null);
      if (this.isUsed) { due = this.retryMs; }
    } else if (this.isUsed) {
      due = RENEW_MS;
    }
    if (age < 0 || age >= due) {
      this.isUsed = false;
      this.check();
    }
  };

  ConsentidTv.prototype.isUsable = function () {
    var age;
    if (this.answer === null) { return false; }
    age = since(this.confirmedAt);
    return age >= 0 && age < USABLE_MS && age < this.answer.leftMs;
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

  function ticked() {
    var performance = root.performance;
    return performance && typeof performance.now === "function" ? performance.now() : null;
  }

  function instant() { return { wall: now(), ticked: ticked() }; }

  /** The longer of what two clocks say, since either may have stood still; -1 where one went back. */
  function since(at) {
    var wall = now() - at.wall, ticks = at.ticked === null ? wall : ticked() - at.ticked;
    return wall < 0 || ticks < 0 ? -1 : Math.max(wall, ticks);
  }

  function give(what) { return typeof what === "function" ? what() : what; }

  function said(answer) { return answer ? answer.granted.join(" ") : null; }

  /** An answer that is a yes in every part, or null. */
  function read(request, isBrief) {
    var answer, date, i;
    if (request.status !== 200) { return null; }
    try { answer = JSON.parse(request.responseText); } catch (error) { return null; }
    if (!answer || answer.active !== true) { return null; }
    // Of several purposes together; a brief answer lists those that are granted.
    if (!isBrief && answer.decision === "deny") { return null; }
    if (typeof answer.exp !== "number" || !answer.granted || !(answer.granted instanceof Array)) { return null; }
    for (i = 0; i < answer.granted.length; i += 1) {
      if (typeof answer.granted[i] !== "string") { return null; }
    }
    date = Date.parse(request.getResponseHeader("Date") || "") + 1000; // it tells whole seconds
    if (!(date > 0)) { date = now(); }
    return { leftMs: answer.exp * 1000 - date, granted: answer.granted.slice(0) };
  }

  root.ConsentidTv = ConsentidTv;
}(typeof window === "undefined" ? this : window));
