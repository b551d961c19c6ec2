// "What just happened": for those who want to see how it works.  Closed, it is one line.
import { site } from "./site.js";
import { note, story } from "./story.js";
import { words } from "./words.js";

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
};

const fill = (text, told) => text.replace(/\{(\w+)\}/g, (_, name) => told[name] ?? "");

const decode = (part) => {
  const bytes = Uint8Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
};

/** Where the visitor came from, by name. */
const cameFrom = () => {
  try {
    return site.others[new URL(document.referrer).origin] ?? words.a_link;
  } catch {
    return words.a_link;
  }
};

export function openPanel() {
  const root = document.documentElement;
  const body = document.getElementById("happened");
  const button = document.getElementById("happened-button");
  const now = document.getElementById("now");
  let consent = null;
  let shown = null;
  let knownAfter = null;
  let questions = 0;

  const isOpen = () => root.dataset.panel === "open";
  const draw = () => isOpen() && render();

  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.initiatorType === "fetch" && entry.name.startsWith(site.hub)) questions += 1;
    }
    const count = document.getElementById("questions");
    if (count) count.textContent = String(questions);
  }).observe({ type: "resource", buffered: true });

  button.setAttribute("aria-expanded", String(isOpen()));
  button.addEventListener("click", () => {
    root.dataset.panel = isOpen() ? "closed" : "open";
    button.setAttribute("aria-expanded", String(isOpen()));
    try {
      sessionStorage.setItem("demo:panel", root.dataset.panel);
    } catch {
      // It opens closed next time.
    }
    draw();
  });
  setInterval(() => isOpen() && tick(), 1000);

  function tick() {
    const left = document.getElementById("left");
    if (!left) return;
    const seconds = shown?.until ? Math.max(0, Math.round((shown.until - Date.now()) / 1000)) : null;
    left.textContent = seconds === null ? "–" : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  /** What the strip says; the dot says it by colour and shape as well. */
  function headline() {
    const last = story().at(-1) ?? { what: "starting" };
    now.textContent = fill(words.now[last.what] ?? words.now.kept, { from: cameFrom(), why: last.about });
    document.getElementById("now-dot").dataset.status = shown?.status ?? (last.what === "blocked" ? "unknown" : "starting");
  }

  async function render() {
    const token = shown?.status === "known" ? await consent.token().catch(() => null) : null;
    const focused = document.activeElement?.id;
    body.replaceChildren(
      make("div", { class: "panel-grid" }, history(), purposes(), decoded(token)),
      acts(token),
    );
    if (focused && body.querySelector(`#${CSS.escape(focused)}`)) document.getElementById(focused).focus();
    tick();
  }

  function history() {
    const steps = story().reverse();
    return make(
      "section",
      { "aria-labelledby": "panel-history", tabindex: "0" },
      make("h2", { id: "panel-history" }, words.history),
      make(
        "ol",
        { reversed: "" },
        ...steps.map((step) =>
          make(
            "li",
            {},
            make("b", {}, fill(words.now[step.what] ?? step.what, { from: cameFrom(), why: step.about })),
            make("span", {}, ` ${words.more[step.what] ?? ""}`),
          ),
        ),
      ),
    );
  }

  function purposes() {
    const list = (title, all, kind) =>
      all.length
        ? make("div", {}, make("h3", {}, title), make("ul", { class: `chips ${kind}` }, ...all.map((each) => make("li", {}, each))))
        : null;
    const fact = (name, value) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
    return make(
      "section",
      { "aria-labelledby": "panel-granted", tabindex: "0" },
      make("h2", { id: "panel-granted" }, words.granted),
      make(
        "dl",
        {},
        fact(words.as, shown?.status === "known" ? (shown.account ? words.account : words.device) : "–"),
        fact(words.ends, make("span", { id: "left" }, "–")),
        fact(words.known, knownAfter === null ? "–" : `${knownAfter} ms`),
        fact(words.asked, make("span", { id: "questions" }, String(questions))),
      ),
      shown?.granted.length
        ? make("ul", { class: "chips yes" }, ...shown.granted.map((each) => make("li", {}, each)))
        : make("p", {}, words.nobody),
      list(words.refusedOnes, shown?.refused ?? [], "no"),
      list(words.missing, shown?.missing ?? [], "open"),
      shown?.gpc ? make("p", {}, words.gpc) : null,
    );
  }

  function decoded(token) {
    const section = make("section", { "aria-labelledby": "panel-token", tabindex: "0" }, make("h2", { id: "panel-token" }, words.token));
    if (!token) {
      section.append(make("p", {}, words.noToken));
      return section;
    }
    const [header, claims] = token.split(".").slice(0, 2).map(decode);
    const show = (name, value) => [
      make("h3", {}, name),
      make("pre", { tabindex: "0", role: "region", "aria-label": name }, JSON.stringify(value, null, 2)),
    ];
    section.append(
      make("p", {}, fill(words.signed, header)),
      ...show(words.claims, claims),
      ...show(words.header, header),
    );
    return section;
  }

  function acts(token) {
    const act = (id, label, does, isOff = false) => {
      const made = make("button", { type: "button", id: `act-${id}` }, label);
      made.disabled = isOff;
      made.addEventListener("click", async () => {
        try {
          await does(made);
        } catch (error) {
          note("refused", error.message);
        }
        headline();
        draw();
      });
      return made;
    };
    const isNobody = !consent || shown?.status !== "known";
    return make(
      "div",
      { class: "panel-acts" },
      act("refresh", words.refresh, () => refresh(), isNobody),
      act("withdraw", words.withdraw, () => consent.withdraw("all", { reach: "group" }), isNobody || !shown.granted.length),
      shown?.account
        ? act("sign-out", words.signOut, () => consent.signOut())
        : act("sign-in", words.signIn, () => consent.signIn(), !consent),
      act("expire", words.expire, () => expire(), !token),
      act("copy", words.copy, (made) => copy(made, token), !token),
    );
  }

  /** What the SDK does by itself when the token ends: here it is told that it has. */
  async function refresh() {
    const key = `consentid:${site.clientId}`;
    const kept = JSON.parse(localStorage.getItem(key));
    localStorage.setItem(key, JSON.stringify({ ...kept, got_at: kept.got_at + 86_400 }));
    location.reload();
  }

  /** A demo's shortcut, which no site would take: what the SDK keeps here is thrown away. */
  function expire() {
    localStorage.removeItem(`consentid:${site.clientId}`);
    note("expired");
    location.reload();
  }

  async function copy(made, token) {
    await navigator.clipboard.writeText(token);
    made.textContent = words.copied;
  }

  return {
    plug(given) {
      consent = given;
    },
    /** Show a state; null where there is no SDK. */
    show(state) {
      shown = state;
      if (state && state.status !== "starting") knownAfter ??= Math.round(performance.now());
      headline();
      if (consent || !state) draw();
    },
  };
}
