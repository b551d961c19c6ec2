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

/** @typedef {import("./tv-types").Instant} Instant */
/** @typedef {import("./tv-types").TvAnswer} TvAnswer */
/** @typedef {import("./tv-types").Finish} Finish */

(/** @param {any} root */ function (root) {
  "use strict";

  var USABLE_MS = 60000, RENEW_MS = 45000, IDLE_MS = 3600000, RETRY_MS = 5000, TIMEOUT_MS = 8000;
  var LONGEST_MS = 600000;

  /**
   * @constructor
   * @param {import("./tv-types").TvOptions} options
   */
  function ConsentidTv(options) {
    if (!(this instanceof ConsentidTv)) { return new ConsentidTv(options); }
    if (!options || !options.endpoint || !options.token) { throw new Error("ConsentidTv: endpoint and token"); }
    /** @type {import("./tv-types").TvOptions} */ this.options = options;
    /** @type {TvAnswer | null} */ this.answer = null;
    /** @type {boolean} */ this.isAway = false; // whether the last question got no answer
    /** @type {Instant | null} */ this.confirmedAt = null;
    /** @type {Instant | null} */ this.askedAt = null;
    /** @type {number} */ this.retryMs = RETRY_MS; // longer where the endpoint says so
    /** @type {boolean} */ this.isUsed = false;
    /** @type {XMLHttpRequest | null} */ this.request = null;
    /** @type {number | null} */ this.timer = null;
    /** @type {number} */ this.number = 0;
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

  /** Whether this very purpose is granted, as far as is known now.  @param {string} purpose */
  ConsentidTv.prototype.allows = function (purpose) {
    var granted, i;
    this.isUsed = true;
    if (!this.answer || !this.isUsable()) { return false; }
    granted = this.answer.granted;
    for (i = 0; i < granted.length; i += 1) {
      if (granted[i] === purpose) { return true; }
    }
    return false;
  };

  /** Ask the endpoint once.  @param {(isActive: boolean) => void} [done] */
  ConsentidTv.prototype.check = function (done) {
    var self = this, before = this.request;
    var number = this.number += 1; // what was asked before is heard no more
    this.request = null;
    if (before) { before.abort(); }
    this.askedAt = instant();
    this.retryMs = RETRY_MS;

    /** @type {Finish} */
    function finish(answer, sentAt, isAway) {
      if (number !== self.number) { return; } // another question was put meanwhile
      self.number += 1;
      self.request = null;
      self.isAway = isAway === true;
      self.told(answer, sentAt);
      if (done) { done(self.isUsable()); }
    }

    /** @param {boolean} isRenewed */
    function renewed(isRenewed) {
      if (number !== self.number) { return; }
      if (isRenewed !== true) { finish(null); return; }
      attempt(false);
    }

    /** @param {boolean} mayRenew */
    function attempt(mayRenew) {
      try { self.put(number, mayRenew ? renewed : null, finish); } catch (error) { finish(null); }
    }

    attempt(typeof this.options.renew === "function");
  };

  /**
   * @param {number} number
   * @param {((isRenewed: boolean) => void) | null} renewed
   * @param {Finish} finish
   */
  ConsentidTv.prototype.put = function (number, renewed, finish) {
    var self = this, options = this.options, sentAt = instant(), access;
    /** @type {XMLHttpRequest} */ var request;
    /** @type {{ token: string, purposes?: string[], brief?: boolean }} */ var body;
    var token = give(options.token);
    if (typeof token !== "string" || token === "") {
      if (renewed && options.renew) { options.renew(renewed); } else { finish(null); }
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
      if (request.status === 401 && renewed && options.renew) {
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
    if (!this.answer || !this.confirmedAt) { return false; }
    age = since(this.confirmedAt);
    return age >= 0 && age < USABLE_MS && age < this.answer.leftMs;
  };

  /** @type {(answer: TvAnswer | null, at?: Instant) => void} */
  ConsentidTv.prototype.told = function (answer, at) {
    var before = said(this.answer), after = said(answer);
    this.answer = answer;
    if (answer && at) { this.confirmedAt = at; }
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
  function since(/** @type {Instant} */ at) {
    var wall = now() - at.wall, ticks = at.ticked === null ? wall : ticked() - at.ticked;
    return wall < 0 || ticks < 0 ? -1 : Math.max(wall, ticks);
  }

  /** @param {string | (() => string | null | undefined) | undefined} what */
  function give(what) { return typeof what === "function" ? what() : what; }

  function said(/** @type {TvAnswer | null} */ answer) { return answer ? answer.granted.join(" ") : null; }

  /**
   * An answer that is a yes in every part, or null.
   *
   * @param {XMLHttpRequest} request
   * @param {boolean} isBrief
   * @returns {TvAnswer | null}
   */
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
