/**
 * consentid in the page: one answer, honoured at every brand of the group.
 *
 * Documented in types.d.ts.
 */

/** @typedef {import("./types").Holder} Holder */
/** @typedef {import("./types").Core} Core */
/** @typedef {import("./types").State} State */

/** @type {import("./types").Claims["consent"]} */ const NOTHING = { cat: 0, rev: 0, g: [], d: [] };
const BOTS = /bot|crawl|spider|slurp|preview|lighthouse|facebookexternalhit/i;
const CODE = /[#&]consentid=([\w-]+)$/;

/** @type {Core["options"]} */ let options;
/** @type {Promise<State> | undefined} */ let begun;
/** @type {Holder | null} */ let holder = null;
/** @type {import("./types").Claims | null} */ let claims = null;
/** @type {State["status"]} */ let status = "starting";
/** @type {string | null} */ let by = null;
/** @type {Promise<void> | null} */ let renewing = null;
/** @type {Set<(state: State) => void>} */ const listeners = new Set();
/** @type {Map<string, object | null>} */ const memory = new Map();
let told = "";
let timer = 0;
let failures = 0;

const travel = () => import("./travel.js");
const inPage = () => import("./in-page.js");
const now = () => Date.now() / 1000;
const signal = () => /** @type {any} */ (navigator).globalPrivacyControl === true;
const isVisible = () => document.visibilityState === "visible";

// What is kept

const nameOf = (/** @type {string} */ suffix) => `consentid:${options.client}${suffix}`;

/** @type {Core["load"]} */
function load(area, name) {
  try {
    const kept = JSON.parse(self[area].getItem(nameOf(name)) ?? "");
    return kept.v === 1 ? kept : null;
  } catch {
    return memory.get(name) ?? null; // or no storage
  }
}

/** @type {Core["save"]} */
function save(area, name, value) {
  memory.delete(name);
  try {
    if (value) self[area].setItem(nameOf(name), JSON.stringify({ ...value, v: 1 }));
    else self[area].removeItem(nameOf(name));
    return true;
  } catch {
    if (value) save(area, name, null); // rather nothing than what held before
    memory.set(name, value);
    return false;
  }
}

/** @type {Core["read"]} */
function read(token) {
  try {
    const said = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    const isOurs = said.iss.replace(/\/$/, "") === options.hub && said.client_id === options.client;
    const { g, d } = said.consent;
    return isOurs && said.exp > said.iat && Array.isArray(g) && Array.isArray(d) ? said : null;
  } catch {
    return null;
  }
}

/** @param {Holder | null} found */
function adopt(found) {
  claims = found && read(found.token);
  holder = found && (claims || found.refresh || found.device) ? found : null;
}

const reload = () => adopt(load("localStorage", ""));

/** A clock that was set back since proves nothing. */
function isValid() {
  const at = now();
  return !!holder && !!claims && at + holder.skew_s < claims.exp && at > holder.got_at - 60;
}

/** A signal that the browser sends only since then is a no, until the person answers anew. */
const isMuted = (/** @type {string} */ purpose) =>
  signal() && !holder?.gpc && !!load("localStorage", ":about")?.gpc?.includes(purpose);

/** @type {Core["keep"]} */
function keep(answer, how, more) {
  const said = read(answer.consent_token);
  if (!said) throw new Error("consentid: no token of this client");
  const at = now();
  /** @type {Holder} */
  const next = { gpc: signal(), ...holder, ...more, token: answer.consent_token, got_at: at, skew_s: said.iat - at };
  if (answer.access_token) {
    next.access = answer.access_token;
    next.access_exp = at + answer.expires_in;
  }
  if (answer.refresh_token) next.refresh = answer.refresh_token;
  if (answer.id_token) next.id_token = answer.id_token;
  if (save("localStorage", "", next)) navigator.locks?.request(nameOf(`@${at}`), () => pause(2_000));
  adopt(next);
  failures = 0;
  settle(how);
}

/** @type {Core["drop"]} */
function drop(mayReturn) {
  if (mayReturn) save("localStorage", ":tried", { return: true });
  save("localStorage", "", null);
  adopt(null);
}

// What is told

/** @type {Core["state"]} */
function current() {
  const is = status === "known" && !isValid() ? "unknown" : status;
  const { g, d } = (is === "known" && claims?.consent) || NOTHING;
  /** @type {import("./types").About | null} */
  const about = options && load("localStorage", ":about");
  return {
    status: is,
    granted: g.filter((each) => !isMuted(each)),
    refused: [...d, ...g.filter(isMuted)],
    missing: (is === "known" && about?.must?.filter((each) => !g.includes(each) && !d.includes(each))) || [],
    account: is === "known" && !!holder?.account,
    gpc: signal(),
    by,
    until: is === "known" && holder && claims ? (claims.exp - holder.skew_s) * 1000 : null,
  };
}

/** @type {Core["settle"]} */
function settle(how) {
  status = isValid() ? "known" : holder || failures ? "unknown" : "empty";
  by = how;
  const is = current();
  const { until, by: _, ...rest } = is;
  const telling = JSON.stringify(rest);
  clearTimeout(timer);
  const left = (until ?? 0) - Date.now();
  if (until) timer = setTimeout(wake, left > 60_000 ? left - 30_000 : left + 1_000, true);
  if (telling === told) return;
  told = telling;
  listeners.forEach((each) => tell(each, is));
}

/** @type {(each: Function, is: object) => void} */
function tell(each, is) {
  try {
    each(is);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

// The hub

/** @type {Core["call"]} */
async function call(path, body, headers, stop) {
  const isForm = body instanceof URLSearchParams;
  const answer = await fetch(options.hub + path, {
    method: body ? "POST" : "GET",
    body: body && (isForm ? body : JSON.stringify(body)),
    headers: { ...(body && !isForm && { "Content-Type": "application/json" }), ...headers },
    credentials: "omit",
    cache: "no-store",
    signal: stop ?? AbortSignal.timeout(10_000),
  });
  if (answer.status >= 500 || answer.status === 429) throw new Error(`consentid: ${answer.status}`);
  return { status: answer.status, headers: answer.headers, body: await answer.json().catch(() => ({})) };
}

/** @type {Core["grant"]} */
const grant = (form) => call("/token", new URLSearchParams({ client_id: options.client, ...form }));

const pause = (/** @type {number} */ ms) => new Promise((over) => setTimeout(over, ms));

/** @type {Core["lock"]} */
const lock = async (work) =>
  navigator.locks
    ? navigator.locks.request(nameOf(""), async () => {
        const { held = [] } = await navigator.locks.query();
        const newest = Math.max(0, ...held.map((each) => +(each.name?.split(nameOf("@"))[1] ?? 0)));
        for (let left = 50; left && (load("localStorage", "")?.got_at ?? 0) < newest; left -= 1) await pause(20);
        return work();
      })
    : work();

/** @type {Core["renew"]} */
const renew = (how = "renewed", before = holder?.token) =>
  (renewing ??= lock(async () => {
    reload();
    if (!holder) return;
    if (holder.token !== before && isValid()) return; // another tab did it
    const { refresh, device = "" } = holder;
    const { status, body } = await grant(
      refresh
        ? { grant_type: "refresh_token", refresh_token: refresh }
        : {
            grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
            subject_token: device,
            subject_token_type: "urn:consentid:params:oauth:token-type:device_credential",
          },
    );
    if (status === 200) keep(body, how);
    else if (body.error !== "invalid_grant") throw new Error(`consentid: ${body.error}`);
    else {
      drop(true);
      save("sessionStorage", ":later", {}); // nobody is asked anew on this visit
    }
  }).finally(() => (renewing = null)));

/** @type {Core["from"]} */
function from() {
  try {
    return new URL(document.referrer).origin;
  } catch {
    return "";
  }
}

/** A link's code goes before anything is waited for, into an empty holder.  @param {string} [code] */
async function redeem(code) {
  const referrer = from();
  const [entry] = /** @type {any[]} */ (performance.getEntriesByType("navigation"));
  const isOld = /^(reload|back_f)/.test(entry?.type); // speaks for a new address
  if (!code || !referrer || isOld || load("localStorage", "") || !own.isKept) return;
  const answer = grant({ grant_type: "urn:consentid:params:oauth:grant-type:handoff", code, referrer });
  answer.catch(() => {});
  await lock(async () => {
    const { status, body } = await answer;
    if (status === 200 && !load("localStorage", "")) keep(body, "link", { account: !!body.id_token }); // never over another tab's
  });
}

/** @param {import("./types").Options} given */
async function begin(given) {
  const code = CODE.exec(location.hash);
  if (code) history.replaceState(history.state, "", location.href.slice(0, -code[0].length));
  options = {
    hub: new URL("../..", import.meta.url).href,
    callback: "/consent/return",
    signedOut: "/",
    language: document.documentElement.lang.slice(0, 2) || "en",
    silent: "group",
    auto: true,
    follow: "auto",
    period_h: 24,
    ...given,
  };
  options.hub = options.hub.replace(/\/$/, "");
  options.callback = new URL(options.callback, location.href).href;
  options.signedOut = new URL(options.signedOut, location.href).href;
  const arrived = location.href.startsWith(options.callback) && new URLSearchParams(location.search).has("state");
  if (arrived) return (await travel()).arrive(core);
  reload();
  const isHere = isValid();
  const looking = isHere || look(code?.[1]);
  listen();
  if (isHere) settle("kept");
  await looking;
  const isBack = !!load("sessionStorage", ":back");
  extras(!isHere || isBack);
  if (isBack) travel().then(({ back }) => back(core));
  if (options.auto) suggest();
  return current();
}

/** Look further than the brand's own storage.  @param {string} [code] */
async function look(code) {
  try {
    if (holder) await renew();
    if (!holder) await redeem(code);
    if (!holder) await (await travel()).look(core, BOTS.test(navigator.userAgent));
    await learn();
    settle(by);
  } catch {
    fail();
  }
}

const learn = () => claims && load("localStorage", ":about")?.cat !== claims.consent.cat && core.catalogue(true);

/** The hub is away: try again later. */
function fail() {
  const wait_s = Math.min(300, 5 * 2 ** failures++);
  settle(by);
  clearTimeout(timer);
  timer = setTimeout(wake, wait_s * 1000);
}

/** Renew what ended or soon ends; ask again where the hub was away. */
async function wake(isDue = false) {
  if (!isVisible() || status === "starting") return;
  if (isValid() && !isDue) return settle(by);
  try {
    if (holder) await renew();
    else if (failures) await core.catalogue(true);
    await learn();
    failures = 0;
    settle(by);
    if (options.auto) suggest();
  } catch {
    fail();
  }
}

function listen() {
  addEventListener("online", () => wake());
  document.addEventListener("visibilitychange", async () => {
    await wake();
    if (isVisible() && isValid() && options.follow !== "never") (await import("./follow.js")).check(core);
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    reload();
    settle("kept");
    wake();
  });
  addEventListener("storage", ({ key }) => {
    if (key !== null && key !== nameOf("")) return;
    reload();
    if (holder || status !== "starting") settle("another tab");
  });
}

/** Load what the page makes use of.  @param {boolean} isOnline whether this page needed the hub */
function extras(isOnline) {
  import("./links.js").then(({ lend }) => lend(core));
  if (options.blocking ?? document.querySelector("[data-consent]")) {
    import("./blocking.js").then(({ block }) => block(core));
  }
  if (options.consentMode) import("./consent-mode.js").then(({ signal }) => signal(core));
  if (options.follow === "always" || (options.follow === "auto" && isOnline)) {
    import("./follow.js").then(({ follow }) => follow(core));
  }
}

/** Ask for what is missing, unless put off on this visit. */
function suggest() {
  const { status, missing } = current();
  const isWanted = status === "empty" || (options.auto !== "first" && missing.length > 0);
  const isFree = top === self && !BOTS.test(navigator.userAgent) && !load("sessionStorage", ":later");
  if (isWanted && isFree) core.ask().catch(() => fail());
}

/** @type {Core} */
const own = {
  init: (given) =>
    (begun ??= begin(given).catch((error) => {
      console.error(error);
      return current();
    })),
  state: current,
  granted: (purpose) => status === "known" && isValid() && !!claims?.consent.g.includes(purpose) && !isMuted(purpose),
  onChange(listener) {
    listeners.add(listener);
    if (status !== "starting") tell(listener, current());
    return () => listeners.delete(listener);
  },
  async ask(how) {
    await begun;
    if (how?.at === "hub") return (await travel()).travel(core, "ask");
    await core.catalogue();
    (await import("./banner.js")).show(core);
  },
  answer: async (choices, how) => (await begun, (await inPage()).answer(core, choices, how)),
  withdraw: async (what, how) => (await begun, (await inPage()).withdraw(core, what, how)),
  openPreferences: async () => (await begun, (await travel()).openPreferences(core)),
  signIn: async () => (await begun, (await travel()).travel(core, "login")),
  signOut: async () => (await begun, (await travel()).signOut(core)),
  async token() {
    await begun;
    if (holder && !isValid()) await renew().catch(fail);
    return isValid() && holder ? holder.token : null;
  },
  get options() {
    return options;
  },
  get holder() {
    return holder;
  },
  get isKept() {
    return save("localStorage", ":test", {}) && save("localStorage", ":test", null);
  },
  from,
  load,
  save,
  read,
  keep,
  drop,
  settle,
  call,
  grant,
  lock,
  renew,
  asSubject: async (...asked) => (await inPage()).asSubject(core, ...asked),
  catalogue: async (isFresh) => (await travel()).catalogue(core, isFresh),
};

/** A page that loads this twice has one.  @type {Core} */
const core = (/** @type {any} */ (globalThis)[Symbol.for("consentid")] ??= own);

export const { init, state, ask, granted, onChange, answer, withdraw, openPreferences, signIn, signOut, token } = core;
