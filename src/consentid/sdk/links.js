/**
 * Links to the group's other brands take the answer along: a one-time code in the fragment, made
 * when the person uses the link, good for a minute, for that origin, and for a visitor from here.
 *
 * Who is signed in goes along until they sign out.  A code that stands in a link already is of whoever
 * wrote the link, in a comment perhaps: it is taken off.
 */

/** @typedef {import("./types").Core} Core */

const FRESH_MS = 50_000;
const WAIT_MS = 400;
/** No referrer to be known by; or somebody else wrote the link, and nobody answers for where it leads on to. */
const UNSAID = ["noreferrer", "ugc", "nofollow", "sponsored"];
const OWN_WINDOW = /^(_self)?$/i;
const WRITTEN = /([#&]consentid=[\w-]+)+(?=:~:|$)/g; // browsers leave off what follows `:~:`

/** @typedef {{ origin: string, at: number, ready: string | null, coming: Promise<string | null> }} Minted */
/** @type {Minted | null} */ let minted = null;

/** @param {Core} core */
export function lend(core) {
  const mint = (/** @type {Event} */ event) => {
    if (event instanceof KeyboardEvent && event.key !== "Enter") return;
    const link = linkOf(core, event);
    if (link) order(core, link.origin);
  };
  for (const way of ["pointerdown", "keydown", "click", "auxclick"]) addEventListener(way, (event) => strip(core, event), true);
  addEventListener("pointerdown", mint, true);
  addEventListener("keydown", mint, true);
  addEventListener("click", (event) => use(core, event));
  addEventListener("auxclick", (event) => use(core, event));
}

/**
 * Whoever uses a link takes no device along but their own.  A stranger's server may lead on to another brand,
 * with a code of its own, and the referrer would still be this page: who leads out of the group gets none, but
 * where the page says which (`referrerpolicy`) and answers for it.
 *
 * @param {Core} core
 * @param {Event} event
 */
function strip(core, event) {
  const origins = originsOf(core);
  const known = [location.origin, new URL(core.options.hub).origin, ...Object.keys(origins)];
  for (const each of event.composedPath()) {
    if (!(each instanceof HTMLAnchorElement || each instanceof HTMLAreaElement)) continue;
    const clean = each.hash.replace(WRITTEN, "");
    if (clean !== each.hash) each.hash = clean;
    const isUnsaid = UNSAID.some((rel) => each.relList.contains(rel));
    const isOut = known.length > 2 && !each.referrerPolicy;
    if ((isUnsaid || isOut) && !known.includes(each.origin)) each.referrerPolicy = "no-referrer";
  }
}

/** Where the group's other brands are, as far as it is known.  @param {Core} core */
const originsOf = (core) => core.load("localStorage", ":about")?.origins ?? {};

/**
 * @param {Core} core
 * @param {Event} event
 * @returns {HTMLAnchorElement | undefined} a link to another brand that somebody really uses
 */
function linkOf(core, event) {
  if (!event.isTrusted || navigator.userActivation?.isActive === false) return undefined;
  const link = event.composedPath().find((each) => each instanceof HTMLAnchorElement);
  if (!link || link.origin === location.origin || link.hasAttribute("download")) return undefined;
  if (UNSAID.some((each) => link.relList.contains(each)) || /^(no-referrer|same-origin)$/.test(link.referrerPolicy)) return undefined;
  if (core.state().status !== "known") return undefined;
  return link.origin in originsOf(core) ? link : undefined;
}

/**
 * @param {Core} core
 * @param {string} origin
 */
function order(core, origin) {
  if (minted?.origin === origin && Date.now() - minted.at < FRESH_MS) return minted;
  /** @type {Minted} */
  const made = {
    origin,
    at: Date.now(),
    ready: null,
    coming: core.asSubject("/v1/handoffs", { origin }).then(
      ({ status, body }) => (made.ready = status === 201 ? body.code : null),
      () => null,
    ),
  };
  return (minted = made);
}

/**
 * @param {Core} core
 * @param {MouseEvent} event
 */
function use(core, event) {
  if (event.defaultPrevented || event.button > 1) return;
  const link = linkOf(core, event);
  if (!link) return;
  const { ready, coming } = order(core, link.origin);
  const isPlain = !event.button && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (ready) {
    minted = null;
    const written = link.getAttribute("href") ?? "";
    link.href = withCode(link, ready);
    setTimeout(() => link.setAttribute("href", written)); // the browser has read it by then
  } else if (isPlain && OWN_WINDOW.test(link.target)) {
    event.preventDefault();
    minted = null;
    const late = new Promise((over) => setTimeout(over, WAIT_MS, null));
    Promise.race([coming, late]).then((code) => location.assign(code ? withCode(link, code) : link.href));
  }
}

/**
 * @param {HTMLAnchorElement} link
 * @param {string} code
 */
function withCode({ href, hash }, code) {
  return `${href}${hash ? "&" : href.endsWith("#") ? "" : "#"}consentid=${code}`;
}
