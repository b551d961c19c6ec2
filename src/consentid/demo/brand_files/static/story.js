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

/**
 * Add a step, unless it only says once more what the last one said.  What the page that the hub
 * answers to has noted (`onTheWay`) is the story of the page that it goes on to.
 */
export function note(what, about = "", onTheWay = false) {
  const steps = story();
  const last = steps.at(-1);
  const load = performance.timeOrigin;
  if (last?.onTheWay && what === "kept") {
    Object.assign(last, { load, onTheWay: false });
  } else if (last?.what !== what || last.about !== about || last.load !== load) {
    if (what === "kept" && last?.load === load) return; // the same token, told again
    steps.push({ what, about, load, onTheWay });
  }
  try {
    sessionStorage.setItem(KEY, JSON.stringify(steps.slice(-MOST)));
  } catch {
    // Told now, forgotten with the page.
  }
}
