/**
 * Google Consent Mode v2: what the group's purposes mean in its words, told at each change.
 *
 * A signal is granted where every purpose that this brand maps to it is.  Spec: Google's consent
 * mode, `gtag("consent", "update", ...)`; `consent-default.js` says no before anything else.
 */

/** @param {import("./types").Core} core */
export function signal(core) {
  const page = /** @type {any} */ (globalThis);
  page.dataLayer ??= [];
  page.gtag ??= function () {
    page.dataLayer.push(arguments);
  };
  let told = "";
  /** @type {string[]} */ let known = [];
  core.onChange(() => {
    /** @type {Record<string, string[]>} */
    const meant = core.load("localStorage", ":about")?.gcm ?? {};
    /** @type {Record<string, string>} */
    const update = {};
    for (const [purpose, signals] of Object.entries(meant)) {
      for (const each of signals) {
        if (update[each] !== "denied") update[each] = core.granted(purpose) ? "granted" : "denied";
      }
    }
    for (const each of known) update[each] ??= "denied"; // meant no longer, or the storage was cleared
    known = Object.keys(update);
    if (JSON.stringify(update) === told) return;
    told = JSON.stringify(update);
    page.gtag("consent", "update", update);
  });
}
