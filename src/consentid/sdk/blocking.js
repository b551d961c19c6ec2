/**
 * Holds what `data-consent="purpose"` marks until that purpose is granted, and lets it go at once.
 *
 * `<script type="text/plain" data-consent="ads" src="...">`, or with its text inside;
 * `<iframe data-consent="content" data-src="...">`, and images likewise.  Several purposes, with
 * spaces between: all are needed.  Where a purpose is granted no longer, frames and images are
 * emptied, the cookies that the brand declares for it are cleared, and if one of its scripts ran,
 * the page loads again, once: nothing else stops a script.  While the hub is away nothing new goes.
 */

/** @typedef {import("./types").Core} Core */

/** @type {Set<string>} the purposes of which a script ran */
const ran = new Set();
let isReloading = false;

/** @param {Core} core */
export function block(core) {
  const judge = () => update(core);
  core.onChange(judge);
  new MutationObserver(judge).observe(document, {
    subtree: true,
    childList: true,
    attributeFilter: ["data-consent", "data-src"],
  });
}

/** @param {Core} core */
function update(core) {
  const { status } = core.state();
  if (status === "starting" || isReloading) return;
  const isSure = status !== "unknown"; // the hub being away is nobody's no
  for (const each of document.querySelectorAll("[data-consent]")) {
    const purposes = purposesOf(each);
    if (purposes.length && purposes.every(core.granted)) release(each, purposes);
    else if (isSure) hold(each);
  }
  if (!isSure) return;
  clearCookies(core);
  if ([...ran].some((each) => !core.granted(each))) {
    isReloading = true;
    location.reload();
  }
}

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
    if (each.dataset.src) live.src = each.dataset.src;
    if (!each.hasAttribute("async")) live.async = false; // in the order of the page
    live.text = each.text;
    each.replaceWith(live);
  } else if (isFramed(each) && each.dataset.src && each.getAttribute("src") !== each.dataset.src) {
    each.src = each.dataset.src;
  }
}

/** @param {Element} each */
function hold(each) {
  if (isFramed(each) && each.dataset.src) each.removeAttribute("src");
}

/** @type {(each: Element) => each is HTMLIFrameElement | HTMLImageElement} */
const isFramed = (each) => each instanceof HTMLIFrameElement || each instanceof HTMLImageElement;

/** @param {Core} core */
function clearCookies(core) {
  /** @type {Record<string, string[]>} */
  const declared = core.load("localStorage", ":about")?.cookies ?? {};
  const patterns = Object.entries(declared).flatMap(([purpose, names]) => (core.granted(purpose) ? [] : names));
  if (!patterns.length) return;
  const kept = Object.entries(declared).flatMap(([purpose, names]) => (core.granted(purpose) ? names : []));
  for (const pair of document.cookie.split("; ")) {
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
    for (const path of paths) document.cookie = `${name}=; max-age=0; path=${path}${domain}`;
  }
}
