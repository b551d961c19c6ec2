// What the device has room for, whether it keeps it, and whether the app is installed and current.

const TIGHT_BYTES = 10_000_000;
const LOOK_EVERY_MS = 3_600_000;

let offer; // the browser's, to install; undefined where it makes none
let registration;
let lookedAt = 0;

/** Why the app cannot work in this browser; undefined where it can. */
export function hindrance() {
  if (!window.isSecureContext) return "insecure";
  const needed = [window.indexedDB, navigator.locks, crypto.subtle];
  return needed.every(Boolean) ? undefined : "old";
}

/** `tightBytes`: what is left, where it is little; `isSafe`: nothing is cleared to make room. */
export async function lookAtRoom() {
  const [{ quota, usage } = {}, isPersisted] = await Promise.all([
    navigator.storage?.estimate?.().catch(() => undefined),
    navigator.storage?.persisted?.().catch(() => false),
  ]);
  const left = quota === undefined ? Infinity : quota - usage;
  const isInstalled = matchMedia("(display-mode: standalone)").matches;
  return { tightBytes: left < TIGHT_BYTES ? Math.max(0, left) : undefined, isSafe: isPersisted || isInstalled };
}

export const canInstall = () => offer !== undefined;

/** Shows the browser's own question; asked once, it is spent. */
export async function install() {
  const shown = offer;
  offer = undefined;
  await shown?.prompt();
  await navigator.storage?.persist?.();
}

/** Calls `changed` when installing is offered, and `renewed` when a newer app has taken over. */
export async function serveOffline(changed, renewed) {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event;
    changed();
  });
  const workers = navigator.serviceWorker;
  if (!workers) return;
  if (workers.controller) workers.addEventListener("controllerchange", renewed);
  const policy = window.trustedTypes?.createPolicy("consentid-field", { createScriptURL: (path) => path });
  const path = "/field/sw.js";
  lookedAt = Date.now();
  registration = await workers.register(policy ? policy.createScriptURL(path) : path, { scope: "/field/" });
}

/** Asks for a newer app, once an hour at most; a page that is never left would not hear of it. */
export async function lookForNewer() {
  if (!registration || Date.now() - lookedAt < LOOK_EVERY_MS) return;
  lookedAt = Date.now();
  await registration.update().catch(() => undefined);
}
