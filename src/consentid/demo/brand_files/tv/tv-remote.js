/**
 * The remote control: four arrows, OK, and back.  ES5.
 *
 * An arrow goes to the nearest button in its direction.  Back has another key on each make of
 * television, and on some it is the browser's own history.  Old engines tell a key by its code
 * alone, some new ones by its name alone.
 */
(function (root) {
  "use strict";

  var ARROWS = { 37: "left", 38: "up", 39: "right", 40: "down" };
  var NAMES = { VK_LEFT: "left", VK_UP: "up", VK_RIGHT: "right", VK_DOWN: "down", VK_ENTER: "ok", VK_BACK: "back", VK_BACK_SPACE: "back" };
  var WORDS = {
    ArrowLeft: "left", ArrowUp: "up", ArrowRight: "right", ArrowDown: "down", Left: "left", Up: "up", Right: "right", Down: "down",
    Enter: "ok", Select: "ok", Accept: "ok",
    GoBack: "back", BrowserBack: "back", Back: "back", XF86Back: "back", Escape: "back", Esc: "back", Backspace: "back"
  };
  var NAVIGATION = 0x10; // HbbTV: arrows, OK and back
  var OK = 13;
  // Tizen, webOS and HbbTV, Backspace, Escape, the browser's own key.
  var BACK = [10009, 461, 8, 27, 166];

  /** options: onback, which answers whether there was anywhere to go back to. */
  function Remote(options) {
    var self = this, keys = {}, name, i;
    for (name in ARROWS) { if (ARROWS.hasOwnProperty(name)) { keys[name] = ARROWS[name]; } }
    keys[OK] = "ok";
    for (i = 0; i < BACK.length; i += 1) { keys[BACK[i]] = "back"; }
    for (name in NAMES) { // HbbTV names its keys' codes
      if (NAMES.hasOwnProperty(name)) {
        if (typeof root[name] === "number") { keys[root[name]] = NAMES[name]; }
        if (root.KeyEvent && typeof root.KeyEvent[name] === "number") { keys[root.KeyEvent[name]] = NAMES[name]; }
      }
    }
    this.keys = keys;
    this.options = options;
    this.isGuarded = false;
    ask();
    root.addEventListener("keydown", function (event) { self.hear(event); }, false);
    root.addEventListener("popstate", function () { self.pop(); }, false);
  }

  Remote.prototype.hear = function (event) {
    var key = this.keys[event.keyCode], on = root.document.activeElement;
    if (!key && WORDS.hasOwnProperty(event.key)) { key = WORDS[event.key]; }
    if (!key) { return; }
    if (key === "back") {
      if (this.back()) { event.preventDefault(); }
      return;
    }
    event.preventDefault();
    if (key !== "ok") {
      this.move(key);
    } else if (!event.repeat && isButton(on)) {
      on.click();
    }
  };

  /** Let the history have a step to go back, so that a browser's own back stays in the app. */
  Remote.prototype.guard = function () {
    if (this.isGuarded || !root.history.pushState) { return; }
    root.history.pushState({ guard: true }, "");
    this.isGuarded = true;
  };

  Remote.prototype.back = function () {
    if (this.isGuarded) { root.history.back(); return true; } // `pop` goes on
    if (this.options.onback()) { return true; }
    leave();
    return false;
  };

  Remote.prototype.pop = function () {
    if (!this.isGuarded) { return; }
    this.isGuarded = false;
    if (!this.options.onback()) { leave(); }
  };

  Remote.prototype.move = function (way) {
    var on = root.document.activeElement, all = buttons(), from, best = null, least = Infinity, i, far;
    if (!isButton(on) || !isShown(on)) {
      if (all.length) { focus(all[0]); }
      return;
    }
    from = on.getBoundingClientRect();
    for (i = 0; i < all.length; i += 1) {
      far = all[i] === on ? Infinity : distance(from, all[i].getBoundingClientRect(), way);
      if (far < least) { least = far; best = all[i]; }
    }
    if (best) { focus(best); }
  };

  function buttons() {
    var all = root.document.querySelectorAll("button"), shown = [], i;
    for (i = 0; i < all.length; i += 1) {
      if (isShown(all[i])) { shown.push(all[i]); }
    }
    return shown;
  }

  function isButton(element) { return !!element && element.tagName === "BUTTON"; }

  function isShown(element) { return !element.disabled && element.offsetWidth > 0 && element.offsetHeight > 0; }

  /** How far one lies from the other that way; beside counts for more than ahead, middles break ties. */
  function distance(from, to, way) {
    var ahead, beside, off;
    if (way === "left" || way === "right") {
      ahead = way === "right" ? to.left - from.right : from.left - to.right;
      beside = apart(from.top, from.bottom, to.top, to.bottom);
      off = from.top + from.bottom - to.top - to.bottom;
    } else {
      ahead = way === "down" ? to.top - from.bottom : from.top - to.bottom;
      beside = apart(from.left, from.right, to.left, to.right);
      off = from.left + from.right - to.left - to.right;
    }
    return ahead < -4 ? Infinity : Math.max(0, ahead) + 2 * beside + Math.abs(off) / 100;
  }

  function apart(low, high, otherLow, otherHigh) {
    return Math.max(0, otherLow - high, low - otherHigh);
  }

  function focus(element) {
    element.focus();
    if (element.scrollIntoView && element.getBoundingClientRect().bottom > root.innerHeight) { element.scrollIntoView(false); }
  }

  /** On HbbTV an app is sent no key that it did not ask for. */
  function ask() {
    var manager = root.document.createElement("object"), app;
    try {
      manager.setAttribute("type", "application/oipfApplicationManager");
      manager.style.display = "none";
      root.document.body.appendChild(manager);
      if (!manager.getOwnerApplication) { root.document.body.removeChild(manager); return; }
      app = manager.getOwnerApplication(root.document);
      app.show();
      app.privateData.keyset.setValue(NAVIGATION);
    } catch (error) { /* another make */ }
  }

  /** End the app, where its platform leaves that to the app. */
  function leave() {
    try {
      if (root.tizen) { root.tizen.application.getCurrentApplication().exit(); }
      if (root.webOS && root.webOS.platformBack) { root.webOS.platformBack(); }
    } catch (error) { /* none of those */ }
  }

  Remote.focus = focus;
  root.Remote = Remote;
}(window));
