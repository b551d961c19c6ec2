/**
 * Hear of what was changed elsewhere: at another brand, on another device, in the preference centre.
 *
 * One visible tab of the site waits at the hub (RFC 7240, `Prefer: wait`); the others learn it from
 * the brand's own storage.
 */

import { gone } from "./in-page.js";

/** @typedef {import("./types").Core} Core */

const MOST_MS = 30 * 60_000;
const AGAIN_MS = 5_000;
const SETTLED_MS = 1_200;

let isFollowing = false;
let checkedAt = 0;

/** @param {number} ms */
const pause = (ms) => new Promise((over) => setTimeout(over, ms));

/** Look once.  @param {Core} core */
export async function check(core) {
  if (isFollowing || Date.now() - checkedAt < AGAIN_MS) return;
  checkedAt = Date.now();
  await look(core).catch(() => {});
}

/** Keep looking while the page is looked at, for half an hour at most.  @param {Core} core */
export async function follow(core) {
  if (isFollowing) return;
  isFollowing = true;
  await settled();
  const until = Date.now() + MOST_MS;
  while (Date.now() < until) {
    await visible();
    await known(core);
    const hidden = new AbortController();
    const stop = () => document.visibilityState === "hidden" && hidden.abort();
    document.addEventListener("visibilitychange", stop);
    await alone(core, hidden.signal, () => listen(core, hidden.signal, until)).catch(() => {});
    document.removeEventListener("visibilitychange", stop);
  }
  isFollowing = false;
}

/** The page comes first: whoever leaves at once, or waits for the network to fall silent, has no call. */
const settled = async () => {
  if (document.readyState !== "complete") {
    await new Promise((loaded) => addEventListener("load", loaded, { once: true }));
  }
  await pause(SETTLED_MS);
};

const visible = () =>
  new Promise((seen) => {
    const look = () => {
      if (document.visibilityState === "hidden") return;
      document.removeEventListener("visibilitychange", look);
      seen(null);
    };
    document.addEventListener("visibilitychange", look);
    look();
  });

/** @param {Core} core */
const known = (core) =>
  new Promise((found) => {
    const stop = core.onChange(({ status }) => {
      if (status !== "known") return;
      setTimeout(() => stop());
      found(null);
    });
  });

/**
 * @param {Core} core
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} work
 */
const alone = async (core, signal, work) =>
  navigator.locks ? navigator.locks.request(`consentid:${core.options.client}:follow`, { signal }, work) : work();

/**
 * @param {Core} core
 * @param {AbortSignal} hidden
 * @param {number} until
 */
async function listen(core, hidden, until) {
  const left = new Promise((gone) => hidden.addEventListener("abort", gone));
  let etag = await look(core).catch(() => null);
  let failures = 0;
  while (!hidden.aborted && Date.now() < until && core.state().status === "known") {
    const asked = Date.now();
    const waiting = look(core, etag, hidden).then(
      (found) => {
        failures = 0;
        etag = found;
      },
      () => (failures += 1),
    );
    await Promise.race([waiting, left]);
    // An answer at once says nothing new: the hub has no room for us to wait there.
    const wait_ms = failures ? Math.min(60_000, 1_000 * 2 ** failures) : Date.now() - asked < 1_000 ? 15_000 : 0;
    if (wait_ms && !hidden.aborted && core.state().status === "known") await Promise.race([pause(wait_ms), left]);
  }
}

/**
 * @param {Core} core
 * @param {string | null} [etag] of what is known: wait until it is so no longer
 * @param {AbortSignal} [signal]
 * @returns {Promise<string | null>} the new one
 */
async function look(core, etag, signal) {
  const waiting = etag ? { Prefer: "wait=25", "If-None-Match": etag } : undefined;
  const late = AbortSignal.timeout(40_000);
  const stop = signal && "any" in AbortSignal ? AbortSignal.any([signal, late]) : late;
  const { status, headers, body } = await core.asSubject("/v1/state", undefined, waiting, stop);
  if (status === 304) return etag ?? null;
  if (status !== 200) throw new Error(`consentid: ${status}`);
  if (differs(core, body.purposes)) await core.renew("changed elsewhere");
  if (!core.holder) gone(core);
  return headers.get("ETag");
}

/**
 * @param {Core} core
 * @param {{ purpose: string, permitted: boolean, basis: string }[]} purposes
 */
function differs(core, purposes) {
  const { granted } = core.state();
  const yes = purposes.filter((each) => each.permitted && /consent|interest/.test(each.basis));
  return yes.length !== granted.length || yes.some((each) => !granted.includes(each.purpose));
}
