// The app: one page of state, written anew when something has changed.

import { HubError, capture, enrol, leave, sync } from "./device.js";
import { captureForm } from "./capture-form.js";
import { find, h } from "./dom.js";
import * as store from "./store.js";
import { NAMES, chooseLanguage, tellError, wordsOf } from "./words.js";

const SHOWN = 50;
const state = { device: undefined, kit: undefined, bundles: [], kept: {}, isSyncing: false, told: "", wrong: "" };
let language = chooseLanguage(navigator.languages);
let words = { ...wordsOf(language), tag: language };

/** For whoever waits for the app: its state, and how often it was written. */
window.consentidField = { ready: false, state };

async function load() {
  const [device, kit, bundles, kept] = await Promise.all([
    store.readDevice(),
    store.read("kit"),
    store.readBundles(),
    store.read("kept"),
  ]);
  Object.assign(state, { device, kit, bundles, kept: kept ?? {} });
}

async function refresh({ form = false } = {}) {
  await load();
  paint({ form });
}

function paint({ form }) {
  document.documentElement.lang = language;
  document.title = words.app;
  find("skip").textContent = words.skip;
  find("logo").textContent = brandName() ?? words.app;
  find("languages").setAttribute("aria-label", words.language);
  find("languages").replaceChildren(
    h(
      "ul",
      { class: "languages" },
      Object.entries(NAMES).map(([tag, name]) =>
        h(
          "li",
          {},
          h(
            "button",
            { class: "plain", lang: tag, "aria-pressed": String(tag === language), onclick: () => speak(tag) },
            name,
          ),
        ),
      ),
    ),
  );
  for (const [name, value] of Object.entries(state.kit?.look ?? {})) {
    document.documentElement.style.setProperty(name, value);
  }
  if (state.kit) document.documentElement.style.setProperty("color-scheme", "light"); // as the look
  if (!state.device?.id) {
    find("page").replaceChildren(enrolment());
    return;
  }
  if (form || !find("status")) {
    find("page").replaceChildren(
      h("h1", {}, words.app),
      h("div", { id: "status" }),
      h("p", { id: "told", class: "saved", role: "status", hidden: true }),
      h("div", { id: "form" }),
      h("section", { id: "queue", "aria-labelledby": "queue-title" }),
    );
    paintForm();
  }
  paintStatus();
  paintQueue();
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
      ...{ autocapitalize: "characters", spellcheck: "false", value: state.device?.code ?? "" },
      "aria-describedby": wrong ? "code-hint code-wrong" : "code-hint",
      "aria-invalid": wrong ? "true" : undefined,
    }),
    h("button", { class: "act" }, words.enrol),
    state.bundles.length > 0 && h("p", { class: "fine" }, words.waitingCount(unsent().length)),
  );
}

async function onEnrol(event) {
  event.preventDefault();
  const button = event.target.querySelector(".act");
  button.disabled = true;
  button.textContent = words.enrolling;
  state.wrong = "";
  try {
    await enrol(find("code").value.trim());
  } catch (error) {
    state.wrong = tellError(words, codeOf(error));
  }
  await refresh({ form: true });
  if (!state.wrong) await syncNow();
}

const codeOf = (error) => (error instanceof HubError ? error.code : "storage");
const unsent = () => state.bundles.filter(({ text }) => text);
const own = () => state.bundles.filter(({ device }) => device === state.device.id);

function trouble() {
  if (own().some(({ why }) => why === "device_revoked") || state.isRevoked) return words.revoked;
  if (own().some(({ why }) => why === "chain_broken" || why === "chain_forked")) return words.broken;
  return undefined;
}

function paintStatus() {
  const found = trouble();
  const when = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  find("status").replaceChildren(
    h(
      "div",
      { class: "who" },
      h(
        "p",
        {},
        h("strong", {}, state.device.name),
        h("span", {}, navigator.onLine ? words.online : words.offline),
        h("span", {}, state.kit ? words.lastSync(when.format(state.kit.syncedAt)) : words.never),
        h(
          "span",
          { id: "count" },
          h("a", { href: "#queue" }, unsent().length ? words.waitingCount(unsent().length) : words.allSent),
        ),
      ),
      h(
        "button",
        { class: "small", id: "sync", "aria-disabled": String(state.isSyncing), onclick: () => syncNow() },
        state.isSyncing ? words.syncing : words.sync,
      ),
    ),
    ...(state.wrong ? [h("p", { class: "wrong-why", role: "alert" }, state.wrong)] : []),
    ...(found
      ? [
          h(
            "div",
            { class: "note", role: "alert" },
            h("p", {}, found),
            h("p", {}, h("button", { class: "small", onclick: onLeave }, words.again)),
          ),
        ]
      : []),
  );
  find("told").textContent = state.told;
  find("told").hidden = !state.told;
  find("form").hidden = Boolean(found) || !state.kit;
}

async function onLeave() {
  await leave();
  state.isRevoked = false;
  await refresh();
}

function paintForm() {
  const { kit } = state; // what is answered is answered on this one, whatever a sync brings meanwhile
  if (!kit) return;
  find("form").replaceChildren(
    captureForm({
      ...{ kit, words, language, kept: state.kept },
      keep: async (changed) => {
        await store.write("kept", { ...state.kept, ...changed });
        await refresh({ form: true });
        find("form").querySelector("select").focus();
      },
      record: async (said, kept) => {
        try {
          await capture(said, kit);
          await store.write("kept", kept);
          Object.assign(state, { told: words.recorded, wrong: "" });
        } catch {
          Object.assign(state, { told: "", wrong: tellError(words, "storage") });
        }
        await refresh({ form: !state.wrong });
        find("main").focus();
        window.scrollTo(0, 0);
        if (navigator.onLine) await syncNow();
      },
    }),
  );
}

function paintQueue() {
  const newest = [...state.bundles].sort((one, other) => other.at - one.at || other.seq - one.seq);
  const when = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });
  find("queue").replaceChildren(
    h("h2", { class: "section", id: "queue-title" }, words.queueTitle),
    newest.length === 0
      ? h("p", { class: "nothing" }, words.queueEmpty)
      : h(
          "ul",
          { class: "queue" },
          newest.slice(0, SHOWN).map((bundle) =>
            h(
              "li",
              { "data-state": bundle.state },
              h("p", {}, h("strong", {}, words.number(bundle.seq)), ` · ${when.format(bundle.at)}`),
              h("p", { class: "fine" }, tellState(bundle)),
              (bundle.captures ?? []).map((id) => h("p", { class: "fine" }, h("code", {}, words.capture(id)))),
            ),
          ),
        ),
  );
}

function tellState({ state: reached, why, waitingFor }) {
  if (reached === "waiting") return words.waiting(waitingFor - 1);
  if (reached === "refused") return `${words.refused} (${why})`;
  return reached === "recorded" ? words.recordedState : words.queued;
}

async function syncNow() {
  if (state.isSyncing || !state.device?.id) return;
  Object.assign(state, { isSyncing: true, wrong: "" });
  paintStatus();
  const before = state.kit?.catalogue;
  try {
    await sync(() => refresh());
  } catch (error) {
    state.isRevoked = codeOf(error) === "device_revoked";
    state.wrong = state.isRevoked ? "" : tellError(words, codeOf(error));
  }
  state.isSyncing = false;
  await load();
  const isAnswering = document.querySelector(".purpose :checked") !== null;
  paint({ form: state.kit?.catalogue !== before && !isAnswering });
}

async function speak(tag) {
  language = tag;
  words = { ...wordsOf(tag), tag };
  state.told = "";
  await store.write("language", tag);
  await refresh({ form: true });
}

function install() {
  const policy = window.trustedTypes?.createPolicy("consentid-field", {
    createScriptURL: (path) => path,
  });
  const path = "/field/sw.js";
  return navigator.serviceWorker?.register(policy ? policy.createScriptURL(path) : path, { scope: "/field/" });
}

const spoken = await store.read("language");
if (spoken) await speak(spoken);
else await refresh({ form: true });
for (const event of ["online", "offline"]) {
  addEventListener(event, () => {
    if (find("status")) paintStatus();
    if (navigator.onLine) syncNow();
  });
}
await install()?.catch(() => undefined); // the app works; it only is not there without network
window.consentidField.ready = true;
if (navigator.onLine) await syncNow();
