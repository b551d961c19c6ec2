/**
 * Holds what `data-consent="purpose"` marks until that purpose is granted, and lets it go at once.
 *
 * `<script type="text/plain" data-consent="ads" src="...">`, or with its text inside;
 * `<iframe data-consent="content" data-src="...">` (or `data-srcdoc`), and images likewise (`data-srcset`).  Several purposes, with
 * spaces between: all are needed.  Where a purpose is granted no longer, frames and images are
 * emptied, the cookies that the brand declares for it are cleared, and if one of its scripts ran,
 * the page loads again, once: nothing else stops a script.  Whoever presses a link to elsewhere just then
 * gets there: leaving stops a script as well.  While the hub is away nothing new goes.
 */

/** @typedef {import("./types").Core} Core */

const SOURCES = ["src", "srcset", "srcdoc"];

/** @type {Set<string>} the purposes of which a script ran */
const ran = new Set();
let isReloading = false;
const LEAVING_MS = 5_000;
let leaving = Promise.resolve();
/** @type {Record<string, string[]>} cookies by purpose, also once the storage was cleared */
let declared = {};

/** @param {Core} core */
export function block(core) {
  const judge = () => update(core);
  addEventListener("pointerdown", leave, true);
  core.onChange(judge);
  new MutationObserver(judge).observe(document, {
    subtree: true,
    childList: true,
    attributeFilter: ["data-consent", ...SOURCES.map((name) => `data-${name}`)],
  });
}

/** A press on a link is under way until it was let go of and the page has had time to be left.  @param {Event} event */
function leave(event) {
  const isAway = (/** @type {EventTarget} */ each) => each instanceof HTMLAnchorElement && each.origin !== location.origin;
  if (!event.composedPath().some(isAway)) return;
  leaving = new Promise((over) => {
    const letGo = () => setTimeout(over, LEAVING_MS);
    for (const way of ["pointerup", "pointercancel"]) addEventListener(way, letGo, { once: true, capture: true });
  });
}

/** @param {Core} core */
function update(core) {
  const { status } = core.state();
  if (status === "starting" || isReloading) return;
  const isSure = status !== "unknown"; // the hub being away is nobody's no
  // Not document's own: what somebody wrote into the page by that name would be found instead.
  const marked = [...Document.prototype.querySelectorAll.call(document, "[data-consent]")];
  const may = new Set(marked.filter((each) => purposesOf(each).length && purposesOf(each).every(core.granted)));
  if (isSure) marked.filter((each) => !may.has(each)).forEach(hold);
  may.forEach((each) => release(each, purposesOf(each)));
  if (!isSure) return;
  clearCookies(core);
  if ([...ran].some((each) => !core.granted(each))) {
    isReloading = true;
    leaving.then(() => location.reload());
  }
}

/** Where a page requires Trusted Types, it names ours: `trusted-types consentid`.  @type {any} */
const trusted = (() => {
  try {
    const rules = { createScript: String, createScriptURL: String }; // as the page wrote them
    return /** @type {any} */ (self).trustedTypes.createPolicy("consentid", rules);
  } catch {
    return { createScript: String, createScriptURL: String };
  }
})();

/** @param {Element} each */
const purposesOf = (each) => (each.getAttribute("data-consent") ?? "").split(/\s+/).filter(Boolean);

/**
 * @param {Element} each
 * @param {string[]} purposes
 */
function release(each, purposes) {
  if (each instanceof HTMLScriptElement) {
    if (each.type !== "text/plain") return;
    purposes.forEach((purpose) => ran.add(purpose));
    const live = document.createElement("script");
    for (const { name, value } of each.attributes) {
      if (!/^(type|data-consent|data-type|data-src)$/.test(name)) live.setAttribute(name, value);
    }
    if (each.dataset.type) live.type = each.dataset.type;
    if (each.nonce) live.nonce = each.nonce; // hidden from its attribute
    if (each.dataset.src) live.src = trusted.createScriptURL(each.dataset.src);
    if (!each.hasAttribute("async")) live.async = false; // in the order of the page
    live.text = trusted.createScript(each.text);
    each.replaceWith(live);
  } else if (isFramed(each)) {
    for (const name of SOURCES) {
      const held = each.getAttribute(`data-${name}`);
      if (held && each.getAttribute(name) !== held) each.setAttribute(name, held);
    }
  }
}

/** Also what was never held: it is, from now on.  @param {Element} each */
function hold(each) {
  if (!isFramed(each)) return;
  for (const name of SOURCES) {
    const live = each.getAttribute(name);
    if (live === null) continue;
    if (!each.hasAttribute(`data-${name}`)) each.setAttribute(`data-${name}`, live);
    each.removeAttribute(name);
  }
}

/** @type {(each: Element) => each is HTMLIFrameElement | HTMLImageElement} */
const isFramed = (each) => each instanceof HTMLIFrameElement || each instanceof HTMLImageElement;

/** @param {Core} core */
function clearCookies(core) {
  declared = core.load("localStorage", ":about")?.cookies ?? declared;
  const patterns = Object.entries(declared).flatMap(([purpose, names]) => (core.granted(purpose) ? [] : names));
  if (!patterns.length) return;
  const kept = Object.entries(declared).flatMap(([purpose, names]) => (core.granted(purpose) ? names : []));
  for (const pair of String(Reflect.get(Document.prototype, "cookie", document)).split("; ")) {
    const name = pair.split("=")[0];
    if (matches(name, patterns) && !matches(name, kept)) expire(name);
  }
}

/**
 * @param {string} name
 * @param {string[]} patterns
 */
const matches = (name, patterns) =>
  patterns.some((each) => (each.endsWith("*") ? name.startsWith(each.slice(0, -1)) : name === each));

/** At every path and domain that this page can write to.  @param {string} name */
function expire(name) {
  const labels = location.hostname.split(".");
  const domains = ["", ...labels.map((_, index) => `; domain=${labels.slice(index).join(".")}`)];
  const steps = location.pathname.split("/");
  const paths = steps.flatMap((_, index) => {
    const path = steps.slice(0, index + 1).join("/");
    return path ? [path, `${path}/`] : ["/"];
  });
  for (const domain of domains) {
    for (const path of paths) {
      Reflect.set(Document.prototype, "cookie", `${name}=; max-age=0; path=${path}${domain}`, document);
    }
  }
}
