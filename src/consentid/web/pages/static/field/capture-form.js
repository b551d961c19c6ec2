// The notice as it is shown, the answers, and what is said of them.

import { h } from "./dom.js";

const PARENT = /[.][^.]*$/;
const WORD = { required: true, pattern: "[A-Za-z0-9._\\-]+" };
const EVIDENCE = { shop: "form", paper: "paper", phone: "script" };

/** What somebody has filled in and not recorded yet. */
export const readDraft = (form) => ({ ...Object.fromEntries(new FormData(form)), notice: form.dataset.notice });

/** The form.  `draft`: what it shall hold; answers in it hold for the words that were shown. */
export function captureForm({ kit, words, language, kept, draft, record, keep }) {
  const languages = kit.notices.map(({ notice }) => notice.language);
  const shown = kit.notices.find(({ notice }) => notice.language === (kept.notice ?? language)) ?? kit.notices[0];
  const { notice, text } = shown;
  const shownAs = JSON.stringify(notice);
  // Offered to recorded adults alone: nobody is, here.
  const purposes = shown.purposes.filter((purpose) => !purpose.adults_only);
  const said = h("p", { class: "wrong-why", id: "form-wrong", role: "alert", hidden: true });

  const form = h(
    "form",
    {
      ...{ class: "capture", novalidate: true, "data-notice": shownAs },
      ...{ "aria-labelledby": "capture-title", onsubmit: onSubmit },
    },
    h("h2", { class: "section", id: "capture-title" }, words.captureTitle),
    h(
      "div",
      { class: "fields" },
      field("operator", words.operator, words.operatorHint, kept.operator ?? "", { ...WORD, autocomplete: "off" }),
      h("label", { class: "field" }, h("span", {}, words.noticeLanguage), languageChoice(languages, notice.language)),
      channelChoice(),
      field("version", words.version, undefined, kept.version ?? `${notice.id}-${notice.version}`, WORD),
      field("reference", words.reference, words.referenceHint, "", { autocomplete: "off", maxlength: "128", pattern: "[\\x21-\\x7e]+" }),
    ),
    h(
      "section",
      { class: "notice", lang: notice.language, "aria-labelledby": "notice-title" },
      h("p", { class: "fine", lang: words.tag }, words.show),
      h("h3", { id: "notice-title" }, text.title),
      ...text.body.split("\n\n").map((paragraph) => h("p", {}, paragraph)),
      h("p", { class: "fine" }, text.reach_own),
      h(
        "div",
        { class: "acts" },
        h("button", { type: "button", class: "small", onclick: () => answerAll("refused") }, words.noToAll),
        h("button", { type: "button", class: "small", onclick: () => answerAll("granted") }, words.yesToAll),
      ),
      h("div", { class: "family" }, purposes.map(question)),
    ),
    said,
    h("div", { class: "acts answer" }, h("button", { class: "act" }, words.record)),
  );
  if (draft) fill(draft);
  return form;

  function fill({ notice: answered, ...given }) {
    for (const [name, value] of Object.entries(given)) {
      if (name === "language" || (name.startsWith("choice.") && answered !== shownAs)) continue;
      const control = form.elements.namedItem(name);
      if (control) control.value = value;
    }
  }

  function field(name, label, hint, value, more = {}) {
    const describedBy = hint && `${name}-hint`;
    return h(
      "div",
      { class: "field" },
      h("label", { for: name }, label),
      hint && h("p", { class: "hint", id: describedBy }, hint),
      h("input", { id: name, name, value, maxlength: "64", "aria-describedby": describedBy, ...more }),
    );
  }

  function languageChoice(tags, chosen) {
    const names = new Intl.DisplayNames([words.tag], { type: "language" });
    return h(
      "select",
      { name: "language", onchange: (event) => keep({ notice: event.target.value }) },
      tags.map((tag) => h("option", { value: tag, selected: tag === chosen }, names.of(tag))),
    );
  }

  function channelChoice() {
    return h(
      "fieldset",
      { class: "field" },
      h("legend", {}, words.where),
      h(
        "div",
        { class: "either three" },
        Object.keys(EVIDENCE).map((channel) =>
          h(
            "label",
            {},
            h("input", { type: "radio", name: "channel", value: channel, checked: channel === (kept.channel ?? "shop") }),
            h("span", {}, words[channel]),
          ),
        ),
      ),
    );
  }

  /** How many of those that it is part of are shown above it. */
  function depth({ parent }) {
    const above = purposes.find(({ id }) => id === parent);
    return above ? 1 + depth(above) : 0;
  }

  function question(purpose) {
    const name = `choice.${purpose.id}`;
    return h(
      "fieldset",
      { class: `purpose depth-${depth(purpose)}`, "aria-describedby": `${name}-what` },
      h("legend", {}, purpose.name),
      h("div", { class: "what", id: `${name}-what` }, h("p", {}, purpose.description)),
      h(
        "div",
        { class: "either" },
        ["refused", "granted"].map((outcome) =>
          h(
            "label",
            { lang: words.tag },
            h("input", { type: "radio", name, value: outcome }),
            h("span", {}, outcome === "granted" ? words.yes : words.no),
          ),
        ),
      ),
    );
  }

  function answerAll(outcome) {
    for (const input of form.querySelectorAll(`.purpose input[value="${outcome}"]`)) input.checked = true;
  }

  function answers() {
    const given = new FormData(form);
    const of = (outcome) =>
      purposes.map(({ id }) => id).filter((id) => given.get(`choice.${id}`) === outcome);
    return { granted: of("granted"), refused: of("refused") };
  }

  function mistake({ granted, refused }) {
    if (!granted.length && !refused.length) return words.nothing;
    const nameOf = (id) => purposes.find((purpose) => purpose.id === id).name;
    for (const child of granted) {
      for (let above = child.replace(PARENT, ""); above !== child; ) {
        if (refused.includes(above)) return words.within(nameOf(child), nameOf(above));
        if (!PARENT.test(above)) break;
        above = above.replace(PARENT, "");
      }
    }
    return undefined;
  }

  async function onSubmit(event) {
    event.preventDefault();
    if (!form.reportValidity()) return;
    const given = new FormData(form);
    const chosen = answers();
    const wrong = mistake(chosen);
    said.hidden = !wrong;
    said.textContent = wrong ?? "";
    if (wrong) return;
    const [operator, version, reference] = ["operator", "version", "reference"].map((name) => given.get(name));
    const channel = given.get("channel");
    await record(
      {
        operator,
        channel,
        notice,
        ...chosen,
        evidence: { kind: EVIDENCE[channel], version, ...(reference && { reference }) },
      },
      { operator, version, channel, notice: notice.language },
    );
  }
}
