/**
 * Ways through the hub and back: the silent check, asking there, signing in and out, preferences.
 *
 * A trip leaves with a state, a nonce and a proof key of its own, kept for this tab alone, and ends
 * at the exact address it began at.  Spec: OpenID Connect Core section 3.1.2, RFC 7636, RFC 9207.
 */

/** @typedef {import("./types").Core} Core */
/** @typedef {import("./types").Trip} Trip */

/** Somebody was known here and may be found again; that they left is dealt with. */
const HEEDED = { return: true, isHeeded: true };

/** The page is being left: nothing more happens here, unless the browser was stopped. */
const leaving = () => new Promise((stopped) => setTimeout(stopped, 10_000));

/** @param {ArrayBuffer | Uint8Array} bytes */
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const secret = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/**
 * Fill an empty holder by the silent check.
 *
 * @param {Core} core
 * @param {boolean} isBot
 */
export async function look(core, isBot) {
  const from = core.from();
  if (core.load("sessionStorage", ":back")) return; // just there: whatever became of it, never in a circle
  const { options } = core;
  const tried = core.load("localStorage", ":tried");
  const isAgain = tried?.return === true; // somebody was known here until just now
  // What was kept ended unseen, as by taking everything back: nobody is asked anew on this visit.
  const isEnded = isAgain && !tried.isHeeded;
  if (isEnded) core.save("sessionStorage", ":later", {});
  if (isEnded) core.save("localStorage", ":tried", HEEDED);
  const isEarly = !isAgain && Math.abs(Date.now() - (tried?.at ?? 0)) < options.period_h * 3_600_000;
  if (isBot || isEarly || !core.isKept || options.silent === "never" || top !== self) return;
  if (document.prerendering) {
    await new Promise((shown) => document.addEventListener("prerenderingchange", shown, { once: true }));
  }
  if (!isAgain && options.silent !== "always" && !from) return;
  const { origins = {} } = await core.catalogue();
  const isOurs = from in origins && from !== location.origin;
  if (isAgain || isOurs || options.silent === "always") await travel(core, "silent", isEnded);
}

/**
 * Leave for the hub.
 *
 * @param {Core} core
 * @param {Trip["kind"]} kind
 * @param {boolean} [isEnded] whether nobody is asked unless this finds them
 */
export async function travel(core, kind, isEnded) {
  const { options } = core;
  const [state, nonce, verifier] = [secret(), secret(), secret()];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const trip = { state, nonce, verifier, kind, href: location.href, scroll: scrollY, isEnded };
  const isSilent = kind === "silent";
  // Noted before leaving: whatever becomes of the trip, there is no second one.
  if (isSilent && !core.save("localStorage", ":tried", { at: Date.now() })) return;
  if (!core.save("sessionStorage", ":trip", trip)) {
    if (isSilent) return;
    throw new Error("consentid: this browser keeps nothing for the way back");
  }
  const asked = {
    response_type: "code",
    client_id: options.client,
    redirect_uri: options.callback,
    scope: "openid offline_access",
    state,
    nonce,
    code_challenge: base64url(digest),
    code_challenge_method: "S256",
    ui_locales: options.language,
    ...(isSilent ? { prompt: "none", missing_consent: "accept" } : kind === "login" && { prompt: "login" }),
  };
  const address = `${options.hub}/authorize?${new URLSearchParams(asked)}`;
  if (isSilent) location.replace(address);
  else location.assign(address);
  await leaving();
}

/**
 * Come back from the hub: take the answer if it is to a question of this tab, then go on.
 *
 * @param {Core} core
 * @returns {Promise<any>}
 */
export async function arrive(core) {
  const answer = new URLSearchParams(location.search);
  const trip = /** @type {Trip | null} */ (core.load("sessionStorage", ":trip"));
  const isOurs = !!trip && answer.get("state") === trip.state && isOf(core, answer.get("iss"));
  if (isOurs) {
    core.save("sessionStorage", ":trip", null);
    const how = await take(core, trip, answer).catch(() => "failed");
    core.save("sessionStorage", ":back", { scroll: trip.scroll, how });
    if (how === "access_denied") core.save("sessionStorage", ":later", {});
    else if (trip.isEnded && how === trip.kind) core.save("sessionStorage", ":later", null);
  }
  const target = isOurs && URL.canParse(trip.href) ? new URL(trip.href) : null;
  location.replace(target?.origin === location.origin ? target.href : new URL("/", location.href).href);
  await leaving();
  return core.state();
}

/**
 * @param {Core} core
 * @param {string | null} issuer
 */
const isOf = (core, issuer) => issuer?.replace(/\/$/, "") === core.options.hub;

/**
 * @param {Core} core
 * @param {Trip} trip
 * @param {URLSearchParams} answer
 * @returns {Promise<string>} what became of it
 */
async function take(core, trip, answer) {
  const code = answer.get("code");
  if (!code) return answer.get("error") ?? "failed";
  const form = {
    grant_type: "authorization_code",
    redirect_uri: core.options.callback,
    code,
    code_verifier: trip.verifier,
  };
  return core.lock(async () => {
    const { status, body } = await core.grant(form);
    const said = status === 200 ? claimsOf(body.id_token) : null;
    if (said?.nonce !== trip.nonce) return "failed";
    core.drop(false); // whoever was here: the answer is about who is at the hub now
    core.keep(body, trip.kind, { account: "auth_time" in said });
    return trip.kind;
  });
}

/** What an ID token says that came from the hub itself.  @param {string} token */
function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
  } catch {
    return null;
  }
}

/** Be where the trip began, once it is over, and hear of what was changed there.  @param {Core} core */
export function back(core) {
  const kept = core.load("sessionStorage", ":back");
  core.save("sessionStorage", ":back", null);
  if (kept?.how === "preferences") core.renew("changed elsewhere").catch(() => {});
  if (kept?.scroll > 0 && !location.hash) scrollTo({ top: kept.scroll, behavior: "instant" });
}

/**
 * The hub's own pages do not know a device that answered in a page: a code tells them, once.
 *
 * @param {Core} core
 */
export async function openPreferences(core) {
  const { hub, client } = core.options;
  const [here] = location.href.split("#");
  const isDevice = core.holder && !core.holder.account;
  const minted = isDevice && (await core.asSubject("/v1/handoffs", { origin: hub }).catch(() => null));
  const way = minted && minted.status === 201 ? ["/visit", `#consentid=${minted.body.code}`] : ["", ""];
  core.save("sessionStorage", ":back", { scroll: scrollY, how: "preferences" });
  location.assign(`${hub}/preferences${way[0]}?${new URLSearchParams({ client_id: client, return_to: here })}${way[1]}`);
  await leaving();
}

/**
 * End the session at the hub.  Consent stays; what the device said before counts again.
 *
 * @param {Core} core
 */
export async function signOut(core) {
  const { hub, client, signedOut } = core.options;
  const asked = { client_id: client, post_logout_redirect_uri: signedOut };
  const hint = core.holder?.id_token && { id_token_hint: core.holder.id_token };
  core.drop(true);
  core.save("localStorage", ":tried", HEEDED);
  core.settle("signed out");
  location.assign(`${hub}/logout?${new URLSearchParams({ ...asked, ...hint })}`);
  await leaving();
}

/**
 * What this brand asks, in the page's language; proves that the hub is there.
 *
 * @param {Core} core
 * @param {boolean} [isFresh]
 * @returns {Promise<import("./types").Catalogue>}
 */
export async function catalogue(core, isFresh) {
  const { brand, language } = core.options;
  const at = Date.now();
  const kept = core.load("sessionStorage", ":catalogue");
  if (!isFresh && kept?.language === language && at - kept.at < 43_200_000) return kept.body;
  const { status, body } = await core.call(`/v1/catalogue?${new URLSearchParams({ brand, language })}`);
  if (body.detail) console.error(`consentid: ${body.detail}`); // the page's own mistake, as a name that is none
  // A page that is left may have read half of it.
  if (status !== 200 || !body.notice || !body.purposes) throw new Error(`consentid: ${body.code}`);
  /** @type {import("./types").CataloguePurpose[]} */
  const purposes = body.purposes;
  /** @param {(each: import("./types").CataloguePurpose) => string[] | undefined} what */
  const by = (what) => Object.fromEntries(purposes.map((each) => [each.id, what(each) ?? []]));
  /** @type {import("./types").About} */
  const about = {
    cat: body.catalogue,
    must: purposes.filter((each) => each.mandatory && !each.adults_only).map((each) => each.id),
    origins: body.origins ?? {},
    gpc: body.gpc ?? [],
    gcm: by((each) => each.signals?.gcm),
    cookies: by((each) => each.cookies),
  };
  core.save("sessionStorage", ":catalogue", { language, at, body }); // it is one: the above would not do else
  core.save("localStorage", ":about", about);
  return body;
}
