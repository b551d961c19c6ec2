// The app: one page of state, written anew when something has changed, here or in another tab.

import { HubError, capture, enrol, leave, sync } from "./device.js";
import { captureForm, readDraft } from "./capture-form.js";
import { find, h } from "./dom.js";
import { queueView } from "./queue-view.js";
import * as room from "./room.js";
import { findTrouble, installView, statusView } from "./status-view.js";
import * as store from "./store.js";
import { NAMES, chooseLanguage, tellError, wordsOf } from "./words.js";

const AGAIN_MS = 30_000;
const state = { device: undefined, kit: undefined, bundles: [], kept: {}, isSyncing: false, told: "", wrong: "" };
const tabs = new BroadcastChannel("consentid-field");
let language = chooseLanguage(navigator.languages);
let words = { ...wordsOf(language), tag: language };
let again;

/** For whoever waits for the app: its state, and whether it has settled. */
window.consentidField = { ready: false, state };

const unsent = () => state.bundles.filter(({ text }) => text).length;
const codeOf = (error) => (error instanceof HubError ? error.code : "storage");
const tellOthers = () => tabs.postMessage("changed");

async function load() {
  const [device, kit, bundles, kept, seen] = await Promise.all([
    store.readDevice(),
    store.read("kit"),
    store.readBundles(),
    store.read("kept"),
    room.lookAtRoom(),
  ]);
  Object.assign(state, { device, kit: kit?.device === device?.id ? kit : undefined, bundles });
  Object.assign(state, { kept: kept ?? {}, room: seen });
}

async function refresh({ form = false } = {}) {
  const shown = state.device?.id;
  await load().catch(() => Object.assign(state, { told: "", wrong: tellError(words, "storage") }));
  paint({ form: form || shown !== state.device?.id });
}

/** Writes something anew; what had the focus has it again. */
function keepingFocus(write) {
  const focused = document.activeElement?.id;
  write();
  if (focused && document.activeElement === document.body) find(focused)?.focus({ preventScroll: true });
}

const paint = (how) => keepingFocus(() => paintPage(how));
const paintStatus = () => keepingFocus(writeStatus);

function paintPage({ form }) {
  paintFrame();
  if (!state.device?.id) {
    find("page").replaceChildren(enrolment());
  } else {
    if (form || !find("status")) paintForm();
    writeStatus();
    paintQueue();
  }
}

function paintFrame() {
  document.documentElement.lang = language;
  document.title = words.app;
  find("skip").textContent = words.skip;
  find("logo").textContent = brandName() ?? words.app;
  find("languages").setAttribute("aria-label", words.language);
  const buttons = Object.entries(NAMES).map(([tag, name]) => {
    const given = { class: "plain", id: `speak-${tag}`, lang: tag, "aria-pressed": String(tag === language) };
    return h("li", {}, h("button", { ...given, onclick: () => speak(tag) }, name));
  });
  find("languages").replaceChildren(h("ul", { class: "languages" }, buttons));
  const root = document.documentElement.style;
  for (const [name, value] of Object.entries(state.kit?.look ?? {})) root.setProperty(name, value);
  if (state.kit) root.setProperty("color-scheme", "light"); // as the look
}

function brandName() {
  const [shown] = state.kit?.notices ?? [];
  return shown?.names.find(({ party }) => party.split("/")[1] === state.kit.brand)?.name;
}

function enrolment() {
  const wrong = state.wrong && h("p", { class: "wrong-why", id: "code-wrong", role: "alert" }, state.wrong);
  return h(
    "form",
    { class: "enter", onsubmit: onEnrol },
    h("h1", {}, words.enrolTitle),
    h("p", { class: "lead" }, words.enrolLead),
    h("label", { for: "code" }, words.code),
    h("p", { class: "hint", id: "code-hint" }, words.codeHint),
    wrong || undefined,
    h("input", {
      ...{ id: "code", class: "code long", required: true, maxlength: "32", autocomplete: "off" },
      ...{ autocapitalize: "characters", spellcheck: "false", value: state.code ?? state.device?.code ?? "" },
      "aria-describedby": wrong ? "code-hint code-wrong" : "code-hint",
      "aria-invalid": wrong ? "true" : undefined,
    }),
    h("button", { class: "act" }, words.enrol),
    unsent() > 0 && h("p", { class: "note" }, words.keptFromBefore(unsent())),
  );
}

async function onEnrol(event) {
  event.preventDefault();
  const button = event.target.querySelector(".act");
  button.disabled = true;
  button.textContent = words.enrolling;
  Object.assign(state, { wrong: "", code: find("code").value.trim() });
  try {
    await enrol(state.code);
    state.code = undefined;
  } catch (error) {
    state.wrong = tellError(words, codeOf(error));
  }
  await refresh({ form: true });
  tellOthers();
  if (state.wrong) return find("code").focus();
  await syncNow();
  find("main").focus();
}

function writeStatus() {
  const acts = { sync: () => syncNow(), leave: onLeave, install: onInstall };
  find("install-hint").replaceChildren(installView(state, { words, acts }));
  find("status").replaceChildren(...statusView(state, { words, language, unsent: unsent(), acts }));
  find("told").textContent = state.told;
  find("told").hidden = !state.told;
  find("form").hidden = Boolean(findTrouble(state, words)) || !state.kit;
}

function paintQueue() {
  find("queue").replaceChildren(...queueView(state.bundles, { words, language }));
}

async function onLeave() {
  await leave();
  state.wrong = "";
  await refresh();
  tellOthers();
  find("code").focus();
}

async function onInstall() {
  await room.install();
  await refresh();
}

function paintForm() {
  const { kit } = state; // what is answered is answered on this one, whatever a sync brings meanwhile
  const answering = document.querySelector("form.capture");
  const draft = answering && !state.told ? readDraft(answering) : undefined;
  find("page").replaceChildren(
    h("h1", { class: "unseen" }, words.app),
    h("div", { id: "status" }),
    h("p", { id: "told", class: "saved", role: "status", hidden: true }),
    h("div", { id: "form" }),
    h(
      "div",
      { id: "side" },
      h("section", { id: "queue", "aria-labelledby": "queue-title" }),
      h("div", { id: "install-hint" }),
    ),
  );
  if (!kit) return;
  const keep = async (changed) => {
    await store.write("kept", { ...state.kept, ...changed });
    await refresh({ form: true });
    find("form").querySelector("select").focus();
  };
  find("form").replaceChildren(
    captureForm({ kit, words, language, kept: state.kept, draft, keep, record: (...said) => record(kit, ...said) }),
  );
}

async function record(kit, said, kept) {
  try {
    await capture(said, kit);
    Object.assign(state, { told: words.recorded, wrong: "" });
  } catch (error) {
    Object.assign(state, { told: "", wrong: tellError(words, codeOf(error)) });
  }
  const isKept = Boolean(state.told);
  // It is captured, whether or not the same operator is filled in next time.
  if (isKept) await store.write("kept", kept).catch(() => undefined);
  await refresh({ form: isKept });
  tellOthers();
  find("main").focus();
  window.scrollTo(0, 0);
  if (isKept && navigator.onLine) await syncNow();
}

async function syncNow() {
  if (state.isSyncing || !state.device?.id) return;
  clearTimeout(again);
  Object.assign(state, { isSyncing: true, wrong: "", progress: { most: unsent(), left: unsent() } });
  paintStatus();
  const before = state.kit?.catalogue;
  let isPassing = false;
  try {
    await sync(async (left) => {
      state.progress = { most: Math.max(state.progress.most, left), left };
      await refresh();
      tellOthers();
    });
  } catch (error) {
    isPassing = error instanceof HubError && error.isPassing;
    state.wrong = tellError(words, isPassing ? passing(error) : syncCodeOf(error));
  }
  Object.assign(state, { isSyncing: false, progress: undefined });
  await load().catch(() => Object.assign(state, { wrong: tellError(words, "storageSync") }));
  const isAnswering = document.querySelector(".purpose :checked") !== null;
  paint({ form: state.kit?.catalogue !== before && !isAnswering });
  tellOthers();
  if (isPassing) again = setTimeout(syncIfOnline, AGAIN_MS);
  await room.lookForNewer();
}

const passing = ({ code }) => (code === "offline" || code === "rate_limited" ? code : "busy");
const syncCodeOf = (error) => (error instanceof HubError ? error.code : "storageSync");
const syncIfOnline = () => (navigator.onLine ? syncNow() : undefined);

async function speak(tag) {
  language = tag;
  words = { ...wordsOf(tag), tag };
  Object.assign(state, { told: "", wrong: "" });
  await store.write("language", tag).catch(() => undefined);
  await refresh({ form: true });
}

/** A newer app serves this page already: it is opened anew, unless somebody is answering. */
function onRenewed() {
  const isAnswering = document.querySelector(".purpose :checked, #code:focus") !== null;
  if (!isAnswering && !state.isSyncing) return location.reload();
  state.isOutdated = true;
  if (find("status")) paintStatus();
}

function tellHindrance(code) {
  paintFrame();
  find("page").replaceChildren(
    h("h1", {}, words.cannotTitle),
    h("p", { class: "lead", role: "alert" }, words.cannot[code]),
    h("p", {}, h("button", { class: "small", onclick: () => location.reload() }, words.reload)),
  );
}

async function start() {
  const hindered = room.hindrance();
  if (hindered) return tellHindrance(hindered);
  try {
    const spoken = await store.read("language");
    if (spoken) [language, words] = [spoken, { ...wordsOf(spoken), tag: spoken }];
    await load();
    paint({ form: true });
  } catch {
    return tellHindrance("storage");
  }
  tabs.addEventListener("message", () => !state.isSyncing && refresh());
  for (const event of ["online", "offline"]) {
    addEventListener(event, () => {
      if (find("status")) paintStatus();
      void syncIfOnline();
    });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && unsent() > 0) void syncIfOnline();
  });
  // Nothing waits for it: the app works without, and only is not there without network.
  room.serveOffline(() => find("status") && paintStatus(), onRenewed).catch(() => undefined);
  return undefined;
}

await start();
window.consentidField.ready = true;
await syncIfOnline();
