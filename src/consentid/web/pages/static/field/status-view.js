// How the device stands: what it is called, what waits, what is wrong and what helps.

import { h } from "./dom.js";
import { canInstall } from "./room.js";

/** The words for what ended this device; undefined where it goes on. */
export function findTrouble({ device, bundles }, words) {
  const own = bundles.filter((bundle) => bundle.device === device.id);
  const hasMet = (...reasons) => own.some(({ why }) => reasons.includes(why));
  if (device.isRevoked || hasMet("device_revoked")) return words.revoked;
  if (hasMet("chain_broken", "chain_forked")) return words.broken;
  return undefined;
}

/** `acts`: what its buttons do. */
export function statusView(state, { words, language, unsent, acts }) {
  const trouble = findTrouble(state, words);
  const when = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const { left, most } = state.progress ?? {};
  return [
    h(
      "div",
      { class: "who device", "data-network": navigator.onLine ? "on" : "off" },
      h(
        "div",
        { class: "named" },
        h("strong", {}, state.device.name),
        h("span", {}, navigator.onLine ? words.online : words.offline),
        h("span", {}, state.kit ? words.lastSync(when.format(state.kit.syncedAt)) : words.never),
      ),
      h(
        "p",
        { class: "count", id: "count", "data-waiting": unsent > 0 ? "" : undefined },
        h("a", { href: "#queue" }, unsent ? words.waitingCount(unsent) : words.allSent),
      ),
      h(
        "button",
        { class: "small", id: "sync", "aria-disabled": String(state.isSyncing), onclick: acts.sync },
        state.isSyncing ? words.syncing : words.sync,
      ),
      most > 1 &&
        h("progress", { max: String(most), value: String(most - left), "aria-label": words.progress(most - left, most) }),
    ),
    state.wrong && !trouble && h("p", { class: "wrong-why", role: "alert" }, state.wrong),
    trouble &&
      h(
        "div",
        { class: "note", role: "alert" },
        h("p", {}, h("strong", {}, trouble)),
        h("p", {}, h("button", { class: "small", id: "again", onclick: acts.leave }, words.again)),
      ),
    state.isOutdated &&
      note(words.newer, h("button", { class: "small", id: "reload", onclick: () => location.reload() }, words.reload)),
    state.room?.tightBytes !== undefined && note(words.tight(Math.floor(state.room.tightBytes / 1e6))),
  ].filter(Boolean);
}

/** What keeps the browser from clearing away what waits; nothing where it does not. */
export const installView = ({ room }, { words, acts }) =>
  room?.isSafe === false
    ? note(
        canInstall() ? words.installOffered : words.installByHand,
        canInstall() && h("button", { class: "small", id: "install", onclick: acts.install }, words.install),
      )
    : "";

const note = (said, button) =>
  h("div", { class: "note aside" }, h("p", {}, said), button && h("p", {}, button));
