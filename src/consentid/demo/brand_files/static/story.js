// What happened in this tab, step by step, for the panel: kept for the visit, on this site only.
const KEY = "demo:story";
const MOST = 12;

/** All steps, the oldest first. */
export function story() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

/** Add a step, unless it only says once more what the last one said on the same page load. */
export function note(what, about = "") {
  const steps = story();
  const last = steps.at(-1);
  const load = performance.timeOrigin;
  if (last?.what === what && last.about === about && last.load === load) return;
  steps.push({ what, about, load, at: Date.now() });
  try {
    sessionStorage.setItem(KEY, JSON.stringify(steps.slice(-MOST)));
  } catch {
    // Told now, forgotten with the page.
  }
}
