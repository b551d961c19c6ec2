// The queue as one can see it: every bundle, what it says until it is handed in, what came of it.

import { h } from "./dom.js";
import { readPayload } from "./signing.js";

const SHOWN = 50;

export function queueView(bundles, { words, language }) {
  const newest = [...bundles].sort((one, other) => other.at - one.at || other.seq - one.seq);
  const when = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  return [
    h("h2", { class: "section", id: "queue-title" }, words.queueTitle),
    h("p", { class: "hint" }, newest.length ? words.queueHint : words.queueEmpty),
    newest.length > 0 &&
      h("ul", { class: "queue" }, newest.slice(0, SHOWN).map((bundle) => line(bundle, { words, when }))),
    newest.length > SHOWN && h("p", { class: "fine" }, words.older(newest.length - SHOWN)),
  ].filter(Boolean);
}

function line(bundle, { words, when }) {
  return h(
    "li",
    { "data-state": isStuck(bundle) ? "stuck" : bundle.state },
    h(
      "p",
      { class: "head" },
      h("strong", {}, words.number(bundle.seq)),
      h("span", { class: "badge" }, tellState(bundle, words)),
    ),
    h("p", { class: "fine" }, [when.format(bundle.at), ...said(bundle, words)].join(" · ")),
    bundle.state === "refused" && h("p", {}, words.reasons[bundle.why] ?? words.otherReason(bundle.why)),
    (bundle.captures ?? []).map((id) => h("p", { class: "fine" }, `${words.capture} `, h("code", {}, id))),
  );
}

/** What it says, while it is here; once it is handed in, the hub alone keeps it. */
function said({ text }, words) {
  if (!text) return [];
  const [{ granted, refused, channel, evidence }] = readPayload(text).entries;
  return [
    ...(granted.length ? [words.yesCount(granted.length)] : []),
    ...(refused.length ? [words.noCount(refused.length)] : []),
    words[channel],
    ...(evidence.reference ? [evidence.reference] : []),
  ];
}

/** Whether the hub would not even keep it. */
const isStuck = ({ state, text }) => state === "refused" && Boolean(text);

function tellState({ state, waitingFor }, words) {
  if (state === "waiting") return words.waiting(waitingFor - 1);
  if (state === "refused") return words.refused;
  return state === "recorded" ? words.recordedState : words.queued;
}
