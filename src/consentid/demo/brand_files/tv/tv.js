/**
 * Halcyon Play on a television.  Everything works without consent; what follows it asks
 * `consent.allows` each time, and is told no where that is not sure.  ES5.
 */
(function (root) {
  "use strict";

  var document = root.document, body = document.body;
  var words = JSON.parse(body.getAttribute("data-words"));
  var hub = body.getAttribute("data-hub"), client = body.getAttribute("data-client");
  var purposes = body.getAttribute("data-purposes").split(" ");
  var IN_USE_MS = 5000, GO_ON_MS = 2500;
  var screen = "starting", shown = null, consent = null, goingOn = null, watched = null, mayPair = true, isJoining = false;

  var household = new root.Household({
    hub: hub, client: client, brand: "play", language: document.documentElement.lang,
    onend: function () { tell(words.ended); settle(); }
  });
  var pair = new root.ConsentidTvPair({ hub: hub, client: client, deviceName: nameOfSet(), onstate: paired });
  var remote = new root.Remote({ onback: back });

  /** What the set is called by its owners, where its make tells; people tell two apart by it. */
  function nameOfSet() {
    var name = "";
    try { name = root.webapis.network.getTVName(); } catch (error) { /* no Tizen */ }
    return typeof name === "string" && name ? name.slice(0, 48) : words.device_name;
  }

  // Screens

  function at(id) { return document.getElementById(id); }

  function say(id, text) { if (at(id).textContent !== text) { at(id).textContent = text; } }

  function fill(text, name, value) { return text.replace("%" + name, value); }

  function show(next, focused) {
    var all = document.querySelectorAll(".screen"), i;
    if (goingOn !== null) { root.clearTimeout(goingOn); goingOn = null; }
    for (i = 0; i < all.length; i += 1) { all[i].hidden = all[i].id !== next; }
    screen = next;
    body.setAttribute("data-screen", next);
    if (next !== "ask") { pair.linger(); }
    if (next !== "home") { remote.guard(); }
    draw();
    root.scrollTo(0, 0);
    if (at(focused)) { root.Remote.focus(at(focused)); }
  }

  /** Whether there was anywhere to go. */
  function back() {
    if (screen === "home" || screen === "starting") { return false; }
    if (screen === "denied") { ask(); return true; }
    if (screen === "ask" && isAsking("each")) {
      turnAsk("all");
      remote.guard(); // there is another step to go back
      return true;
    }
    home();
    return true;
  }

  function home() { show("home", watched ? watched.id : "first"); watched = null; }

  function tell(text) {
    at("told").hidden = !text;
    say("told", text || "");
  }

  function nameOf(one) {
    if (one.kind === "device") { return words.this_tv; }
    return one.kind === "guest" ? words.guest : fill(words.person, "number", one.number);
  }

  function draw() {
    var is = household.current, yes = [], i, isYours = consent.allows("tv");
    // What failed some time ago matters only where an answer is missing for it.
    var isAway = consent.isAway || (household.isAway && household.isKnown(is) && !consent.isUsable());
    for (i = 0; i < purposes.length; i += 1) {
      if (consent.allows(purposes[i])) { yes.push(words.purposes[purposes[i]]); }
    }
    body.setAttribute("data-granted", isYours ? "tv" : "");
    say("who", nameOf(is));
    at("row-yours").hidden = !isYours;
    at("row-all").hidden = isYours;
    at("now").className = yes.length ? "now yes" : "now";
    if (isAway) {
      say("now", words.away);
    } else if (yes.length) {
      say("now", fill(fill(words.allowed, "who", nameOf(is)), "what", yes.join(", ")));
    } else {
      say("now", fill(words.nothing, "who", nameOf(is)));
    }
  }

  // Who is here

  /** Begin anew for whoever is current now. */
  function settle() {
    if (consent) { consent.stop(); }
    consent = follow(household.current);
    consent.start();
    if (screen !== "starting") { draw(); }
    if (screen === "profiles") { profiles(); }
  }

  function follow(one) {
    return new root.ConsentidTv({
      endpoint: hub + "/v1/verify",
      purposes: purposes,
      token: function () { return one.token || ""; },
      accessToken: function () { return one.access || ""; },
      renew: function (done) { household.renew(one, function (result) { done(result === "ok"); }); },
      onchange: function () { if (consent && one === household.current) { draw(); } }
    });
  }

  function turnTo(one) {
    household.turnTo(one);
    tell("");
    settle();
    if (household.isKnown(one)) { home(); } else { ask(); }
  }

  function profiles() {
    var row = at("people"), all = household.all(), i;
    while (row.firstChild) { row.removeChild(row.firstChild); }
    for (i = 0; i < all.length; i += 1) { row.appendChild(tile(all[i])); }
    if (!household.guest) { row.appendChild(tile(household.newGuest())); }
    at("add").hidden = false;
    at("leave").hidden = household.current.kind !== "person";
    say("leave", fill(words.sign_out, "who", nameOf(household.current)));
    show("profiles", "is-" + household.current.id);
  }

  function tile(one) {
    var button = document.createElement("button"), picture = document.createElement("span"), name = document.createElement("span");
    button.type = "button";
    button.id = "is-" + one.id;
    button.className = "face " + one.kind + (one === household.current ? " here" : "");
    picture.className = "picture";
    picture.setAttribute("aria-hidden", "true");
    picture.textContent = one.kind === "person" ? String(one.number) : "";
    name.textContent = nameOf(one);
    button.appendChild(picture);
    button.appendChild(name);
    if (one === household.current) { button.setAttribute("aria-current", "true"); }
    button.onclick = function () { turnTo(one); };
    return button;
  }

  // Asking

  function ask(how) {
    var one = household.current;
    shown = null;
    at("wrong").hidden = true;
    mayPair = one.kind !== "person" || how === "phone";
    // Whoever joins answers by phone: by remote it would be somebody else's answer.
    isJoining = mayPair && one.kind === "person";
    at("remote").hidden = at("whose").hidden = isJoining;
    at("joining").hidden = !isJoining;
    say("whose", nameOf(one));
    turnAsk("all");
    enable(false);
    show("ask", isJoining ? "cancel" : "each");
    if (mayPair) { pair.start(); }
    if (!isJoining) { load(0); }
  }

  /** What is asked is shown before anybody can answer. */
  function load(failures) {
    household.catalogue(function (found) {
      if (screen !== "ask" || shown) { return; }
      if (!found) {
        wrong(words.away);
        root.setTimeout(function () { if (screen === "ask" && !shown) { load(failures + 1); } }, Math.min(60000, 3000 * Math.pow(2, failures)));
        return;
      }
      shown = found;
      at("wrong").hidden = true;
      list(found);
      say("note", asker(found));
      enable(true);
    });
  }

  function enable(isOn) {
    var ids = ["accept", "refuse", "each"], i;
    for (i = 0; i < ids.length; i += 1) { at(ids[i]).disabled = !isOn; }
    // Between the yes and the no: neither is nearer, and neither looks chosen.
    if (isOn) { root.Remote.focus(at("each")); }
  }

  /** By whom, and for whom alone, since the television collects for its own brand. */
  function asker(found) {
    var i, one = null;
    for (i = 0; i < found.names.length; i += 1) {
      if (found.names[i].party === "brand/" + found.brand) { one = found.names[i]; }
    }
    return one ? fill(fill(words.remote_note, "entity", one.legal_entity), "brand", one.name) : "";
  }

  function wrong(text) {
    at("wrong").hidden = false;
    say("wrong", text);
  }

  function list(found) {
    var parts = [at("purposes"), at("rows")], i, j, one;
    for (i = 0; i < parts.length; i += 1) {
      while (parts[i].firstChild) { parts[i].removeChild(parts[i].firstChild); }
    }
    for (i = 0; i < purposes.length; i += 1) {
      for (j = 0; j < found.purposes.length; j += 1) {
        one = found.purposes[j];
        if (one.id === purposes[i]) {
          parts[0].appendChild(described("li", one));
          parts[1].appendChild(row(one));
        }
      }
    }
  }

  function described(tag, one) {
    var made = document.createElement(tag), name = document.createElement("b"), text = document.createElement("span");
    name.textContent = one.name;
    text.textContent = one.description;
    made.appendChild(name);
    made.appendChild(text);
    return made;
  }

  /** One purpose with a yes and a no, neither of them chosen beforehand. */
  function row(one) {
    var made = document.createElement("li"), acts = document.createElement("div");
    made.appendChild(described("div", one));
    acts.className = "pair";
    acts.appendChild(choice(made, one, true));
    acts.appendChild(choice(made, one, false));
    made.appendChild(acts);
    made.setAttribute("data-purpose", one.id);
    return made;
  }

  function choice(made, one, isYes) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = isYes ? words.yes : words.no;
    button.setAttribute("aria-label", one.name + ": " + button.textContent);
    button.setAttribute("aria-pressed", "false");
    button.onclick = function () {
      choose(made, isYes ? "yes" : "no");
      keepConsistent(one.id, isYes);
      at("save").disabled = false;
    };
    return button;
  }

  function choose(made, what) {
    var both = made.querySelectorAll("button");
    if (what) { made.setAttribute("data-chosen", what); } else { made.removeAttribute("data-chosen"); }
    both[0].setAttribute("aria-pressed", String(what === "yes"));
    both[1].setAttribute("aria-pressed", String(what === "no"));
  }

  /** A no to a purpose is a no to what lies under it; a yes there leaves what is above it open. */
  function keepConsistent(purpose, isYes) {
    var asked = at("rows").querySelectorAll("[data-purpose]"), i, other;
    for (i = 0; i < asked.length; i += 1) {
      other = asked[i].getAttribute("data-purpose");
      if (!isYes && other.indexOf(purpose + ".") === 0) { choose(asked[i], "no"); }
      if (isYes && purpose.indexOf(other + ".") === 0 && asked[i].getAttribute("data-chosen") === "no") {
        choose(asked[i], null);
      }
    }
  }

  function isAsking(how) { return !at("ask-" + how).hidden; }

  /** All at once, or one by one. */
  function turnAsk(how) {
    at("ask-all").hidden = how !== "all";
    at("ask-each").hidden = how !== "each";
    at("phone").hidden = how === "each" || !mayPair;
    if (how === "each") {
      at("save").disabled = !at("rows").querySelector("[data-chosen]");
      root.Remote.focus(at("rows").querySelector("button"));
    } else if (shown) {
      root.Remote.focus(at("each"));
    }
  }

  function answerAll(isYes) {
    var choices = {}, i, asked = at("rows").querySelectorAll("[data-purpose]");
    for (i = 0; i < asked.length; i += 1) { choices[asked[i].getAttribute("data-purpose")] = isYes; }
    answer(choices);
  }

  function answerEach() {
    var choices = {}, i, chosen = at("rows").querySelectorAll("[data-chosen]");
    for (i = 0; i < chosen.length; i += 1) {
      choices[chosen[i].getAttribute("data-purpose")] = chosen[i].getAttribute("data-chosen") === "yes";
    }
    answer(choices);
  }

  function answer(choices) {
    var one = household.current;
    if (!shown) { return; }
    enable(false);
    household.decide(one, shown, choices, function (isKept) {
      var isHere = one === household.current && screen === "ask";
      if (isKept) {
        if (one === household.current) { settle(); }
        if (isHere) { finish(words.kept); } else { tell(words.kept); }
      } else if (isHere) {
        wrong(household.isAway ? words.away : words.not_kept);
        shown = null;
        load(0);
      } else {
        tell(words.not_kept);
      }
    });
  }

  /** It goes on by itself; whoever is in a hurry presses OK. */
  function finish(text) {
    say("finished", text);
    show("done", "go-on");
    goingOn = root.setTimeout(home, GO_ON_MS);
  }

  function paired(state, told) {
    var isAsked = screen === "ask"; // else it was left, and whoever holds the phone went on
    if (state === "code") {
      say("code", told.user_code);
      say("address", told.verification_uri.replace(/^https?:\/\//, ""));
      at("qr").src = told.verification_qr || "";
      at("qr").hidden = !told.verification_qr;
    }
    at("fresh").hidden = state !== "expired";
    at("codes").hidden = !(state === "code" || (state === "away" && told));
    if (state === "starting") { say("waiting", words.starting); say("code", ""); }
    if (state === "code") { say("waiting", words.waiting); }
    if (state === "away") { say("waiting", words.away_phone); }
    if (state === "expired") { say("waiting", words.expired); }
    if (state === "denied" && isAsked) { show("denied", "again"); }
    if (state === "approved") {
      household.join(told);
      settle();
      if (isAsked) { finish(words.connected); } else { tell(words.connected); }
    }
  }

  // What is pressed

  function on(id, act) { at(id).onclick = act; }

  on("to-profiles", profiles);
  on("to-choices", function () { ask(); });
  on("accept", function () { answerAll(true); });
  on("refuse", function () { answerAll(false); });
  on("each", function () { turnAsk("each"); });
  on("save", answerEach);
  on("go-on", home);
  on("again", function () { ask("phone"); });
  on("go-without", home);
  on("cancel", home);
  on("fresh", function () {
    root.Remote.focus(at(isJoining ? "cancel" : "each"));
    pair.start();
  });
  on("add", function () { ask("phone"); });
  on("leave", function () {
    var one = household.current;
    household.leave(one);
    tell(fill(words.signed_out, "who", nameOf(one)));
    settle();
    home();
  });
  on("stop", back);

  function watch(button) {
    var picture = button.querySelector("img");
    button.onclick = function () {
      watched = button;
      at("film").src = picture.src;
      say("film-title", button.getAttribute("data-title"));
      say("film-lead", button.getAttribute("data-lead"));
      show("watch", "stop");
    };
  }

  function begin() {
    var films = document.querySelectorAll(".film"), i;
    for (i = 0; i < films.length; i += 1) { watch(films[i]); }
    settle();
    if (household.isKnown(household.current)) { home(); } else { ask(); }
    // The app is in use while it is on the screen; in the background it asks each hour.
    root.setInterval(function () { if (!document.hidden) { draw(); } }, IN_USE_MS);
  }

  begin();
}(window));
