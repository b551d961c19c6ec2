/**
 * Connect a television with a telephone: RFC 8628 on old engines (ES5, XMLHttpRequest).
 *
 *   var pair = new ConsentidTvPair({
 *     hub: "https://consent.example", client: "play-tv", deviceName: "Living room",
 *     onstate: function (state, told) { ... }
 *   });
 *   pair.start();
 *
 * States: `starting`; `code`, with what to show (`user_code`, `verification_uri`,
 * `verification_qr`); `approved`, with the tokens; `denied`; `away`, while the hub cannot be reached
 * and is asked again by itself; `expired`, when nobody has come for an hour.  After `approved`,
 * `denied` and `expired` nothing more is asked.  `linger()`, for a screen that is left: the code that
 * was shown is still asked for, since somebody may be answering, and no other is shown.
 *
 * No clock of the television is believed: whether a code has expired is for the hub to say.
 * Spec: RFC 8628 sections 3.3 to 3.5.
 */

/** @typedef {import("./tv-types").Heard} Heard */

(/** @param {any} root */ function (root) {
  "use strict";

  var GRANT = "urn:ietf:params:oauth:grant-type:device_code";
  var TICK_MS = 1000, TIMEOUT_MS = 8000, SLOWEST_MS = 60000, RETRY_MS = 5000, LONGEST_MS = 600000;
  var MOST_CODES = 6; // of ten minutes each

  /**
   * @constructor
   * @param {import("./tv-types").PairOptions} options
   */
  function ConsentidTvPair(options) {
    if (!(this instanceof ConsentidTvPair)) { return new ConsentidTvPair(options); }
    if (!options || !options.hub || !options.client) { throw new Error("ConsentidTvPair: hub and client"); }
    /** @type {import("./tv-types").PairOptions} */ this.options = options;
    /** @type {import("./tv-types").PairState | "stopped"} */ this.state = "stopped";
    /** @type {import("./tv-types").Codes | null} */ this.codes = null;
    /** @type {XMLHttpRequest | null} */ this.request = null;
    /** @type {number | null} */ this.timer = null;
    /** @type {number} */ this.number = 0;
    /** @type {number} */ this.intervalMs = 0;
    /** @type {number} */ this.waitMs = 0;
    /** @type {number} */ this.failures = 0;
    /** @type {number} */ this.given = 0;
    /** @type {boolean} */ this.isLast = false;
    /** @type {boolean} */ this.isNameless = false;
    /** @type {import("./tv-types").Instant} */ this.last = instant();
  }

  /** Ask for a code, and go on until somebody has answered. */
  ConsentidTvPair.prototype.start = function () {
    var self = this;
    this.stop();
    this.codes = null;
    this.given = 0;
    this.isLast = false;
    this.failures = 0;
    this.waitMs = 0;
    this.last = instant();
    this.tell("starting", null);
    this.timer = root.setInterval(function () { self.tick(); }, TICK_MS);
    this.tick();
  };

  /** Ask no more.  The code that was shown runs out by itself. */
  ConsentidTvPair.prototype.stop = function () {
    if (this.timer !== null) { root.clearInterval(this.timer); }
    this.timer = null;
    this.number += 1;
    if (this.request) { this.request.abort(); }
    this.request = null;
    this.state = "stopped";
  };

  /** Show no other code; hear what comes of this one. */
  ConsentidTvPair.prototype.linger = function () {
    if (this.codes) { this.isLast = true; } else { this.stop(); }
  };

  ConsentidTvPair.prototype.tick = function () {
    var passed = since(this.last);
    this.last = instant();
    this.waitMs -= passed;
    if (this.codes) { this.codes.leftMs -= passed; }
    if (this.request || this.waitMs > 0) { return; }
    if (this.codes && this.codes.leftMs > 0) { this.poll(); } else { this.next(); }
  };

  /** Another code instead of one that is no good any more. */
  ConsentidTvPair.prototype.next = function () {
    if (this.isLast || this.given >= (this.options.mostCodes || MOST_CODES)) {
      this.end("expired", null);
    } else {
      this.ask();
    }
  };

  ConsentidTvPair.prototype.ask = function () {
    var self = this, options = this.options;
    /** @type {Record<string, string>} */ var form = { client_id: options.client, qr: "svg" };
    if (options.deviceName && !this.isNameless) { form.device_name = options.deviceName; }
    if (options.scope) { form.scope = options.scope; }
    if (options.resource) { form.resource = options.resource; }
    this.codes = null;
    this.send("/device_authorization", form, function (status, told, retryMs) {
      if (status === 400 && form.device_name) { // a name that the hub does not take: better none
        self.isNameless = true;
        self.ask();
        return;
      }
      if (status !== 200 || !told || typeof told.device_code !== "string" || typeof told.user_code !== "string") {
        self.fail(retryMs);
        return;
      }
      self.failures = 0;
      self.given += 1;
      self.intervalMs = (told.interval > 0 ? told.interval : 5) * 1000;
      self.waitMs = self.intervalMs;
      told.leftMs = told.expires_in * 1000;
      self.codes = told;
      self.tell("code", told);
    });
  };

  ConsentidTvPair.prototype.poll = function () {
    var self = this, codes = /** @type {import("./tv-types").Codes} */ (this.codes);
    var form = { grant_type: GRANT, client_id: this.options.client, device_code: codes.device_code };
    this.send("/token", form, function (status, told, retryMs) {
      var error = told && told.error;
      if (status === 200 && told && typeof told.access_token === "string") {
        self.end("approved", told);
      } else if (status === 400 && error === "access_denied") {
        self.end("denied", null);
      } else if (status === 400 && (error === "expired_token" || error === "invalid_grant")) {
        self.next(); // a code that was used, or whose tokens were lost on the way, is no good either
      } else if (status === 400 && (error === "authorization_pending" || error === "slow_down")) {
        if (error === "slow_down") { self.intervalMs = Math.min(self.intervalMs + 5000, SLOWEST_MS); }
        self.failures = 0;
        self.waitMs = self.intervalMs;
        if (self.state !== "code") { self.tell("code", self.codes); }
      } else {
        self.fail(retryMs);
      }
    });
  };

  /** Wait for twice as long each time.  Spec: RFC 8628 section 3.5.  @param {number} retryMs */
  ConsentidTvPair.prototype.fail = function (retryMs) {
    var base = this.codes ? this.intervalMs : RETRY_MS;
    this.waitMs = Math.max(retryMs, Math.min(base * Math.pow(2, this.failures), SLOWEST_MS));
    this.failures += 1;
    if (this.state !== "away") { this.tell("away", this.codes); }
  };

  /** @type {(state: import("./tv-types").PairState, told: any) => void} */
  ConsentidTvPair.prototype.end = function (state, told) {
    this.stop();
    this.tell(state, told);
  };

  /** @type {(state: import("./tv-types").PairState, told: any) => void} */
  ConsentidTvPair.prototype.tell = function (state, told) {
    this.state = state;
    if (this.options.onstate) {
      try { this.options.onstate(state, told); } catch (error) { /* theirs */ }
    }
  };

  /** POST a form.  @type {(path: string, form: Record<string, string>, done: Heard) => void} */
  ConsentidTvPair.prototype.send = function (path, form, done) {
    var self = this, number = this.number += 1, name, pairs = [];
    /** @type {XMLHttpRequest} */ var request;

    /** @param {number} status */
    function finish(status) {
      var told = null, retryMs = 0;
      if (number !== self.number) { return; }
      self.number += 1;
      self.request = null;
      if (status) {
        try { told = JSON.parse(request.responseText); } catch (error) { told = null; }
        retryMs = Math.min(Number(request.getResponseHeader("Retry-After")) * 1000 || 0, LONGEST_MS);
      }
      done(status, told, retryMs);
    }

    for (name in form) {
      if (Object.prototype.hasOwnProperty.call(form, name)) {
        pairs.push(encodeURIComponent(name) + "=" + encodeURIComponent(form[name]));
      }
    }
    try {
      request = this.request = new root.XMLHttpRequest();
      request.open("POST", this.options.hub + path, true);
      request.timeout = TIMEOUT_MS;
      request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
      request.onreadystatechange = function () {
        if (request.readyState === 4) { finish(request.status); }
      };
      request.onerror = request.ontimeout = function () { finish(0); };
      root.setTimeout(function () {
        if (number === self.number) { request.onreadystatechange = null; request.abort(); finish(0); }
      }, TIMEOUT_MS + 500);
      request.send(pairs.join("&"));
    } catch (error) {
      finish(0);
    }
  };

  function ticked() {
    var performance = root.performance;
    return performance && typeof performance.now === "function" ? performance.now() : null;
  }

  function instant() { return { wall: new Date().getTime(), ticked: ticked() }; }

  /**
   * What passed.  Where only a clock that people set is there, a jump of it counts as one tick.
   *
   * @param {import("./tv-types").Instant} at
   */
  function since(at) {
    var wall;
    if (at.ticked !== null) { return Math.max(0, ticked() - at.ticked); }
    wall = new Date().getTime() - at.wall;
    return wall >= 0 && wall < 30 * TICK_MS ? wall : TICK_MS;
  }

  root.ConsentidTvPair = ConsentidTvPair;
}(typeof window === "undefined" ? this : window));
