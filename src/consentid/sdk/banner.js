/**
 * `<consent-banner>`: the first layer, over the page and never in its way.
 *
 * Its button leads to the hub, where accepting and refusing are equals; with `in-page` it asks here.
 * It is no dialog: focus stays where it is, the page stays usable, nothing moves.  See types.d.ts.
 */

/** @typedef {import("./types").Core} Core */
/** @typedef {import("./types").Catalogue} Catalogue */
/** @typedef {import("./types").CataloguePurpose} Purpose */

const WORDS = {
  en: {
    go: "Make my choices",
    later: "Not now",
    yes: "Yes",
    no: "No",
    scope: (/** @type {number} */ brands, /** @type {number} */ entities) =>
      `${brands} ${brands > 1 ? "brands" : "brand"}, ${entities} ${entities > 1 ? "legal entities" : "legal entity"}:`,
    asked: "What needs an answer:",
    gpc: "Your browser sends Global Privacy Control. We honour it as a no to:",
    optional: "May be left unanswered",
    open: "Say yes or no to each of these:",
    under: "You say yes to a part of what you refuse:",
    failed: "That did not work. Please try again.",
  },
  fr: {
    go: "Faire mes choix",
    later: "Plus tard",
    yes: "Oui",
    no: "Non",
    scope: (/** @type {number} */ brands, /** @type {number} */ entities) =>
      `${brands} ${brands > 1 ? "marques" : "marque"}, ${entities} ${entities > 1 ? "entités juridiques" : "entité juridique"} :`,
    asked: "Ce qui demande une réponse :",
    gpc: "Votre navigateur envoie Global Privacy Control. Nous en tenons compte comme d’un non à :",
    optional: "Réponse facultative",
    open: "Répondez par oui ou par non pour :",
    under: "Vous dites oui à une partie de ce que vous refusez :",
    failed: "Cela n’a pas fonctionné. Veuillez réessayer.",
  },
};

const STYLE = `
:host { position: fixed; inset: auto 0 0; z-index: var(--consent-z, 2147483000); display: block;
  font: 400 1rem/1.5 var(--consent-font, var(--font)); color: var(--consent-ink, var(--ink)) }
:host([hidden]) { display: none }
* { box-sizing: border-box }
[hidden] { display: none !important }
h2, p, ul, fieldset, legend { margin: 0; padding: 0; border: 0 }
section { max-height: 85vh; max-height: 85dvh; overflow: auto; overflow-wrap: break-word; scroll-padding: 8rem;
  background: var(--consent-paper, var(--paper)); border-top: 3px solid var(--consent-accent, var(--accent));
  box-shadow: 0 -.5rem 2rem #0003 }
.in { display: grid; gap: .75rem; max-width: var(--consent-width, 60rem); margin: auto; padding: 1.25rem clamp(1rem, 4vw, 2rem) }
h2, legend { font-size: 1.125rem; font-weight: 700; line-height: 1.3 }
legend { float: inline-start; width: 100%; font-size: 1rem }
fieldset > * { clear: both }
.fine, .what { font-size: .875rem; color: var(--consent-muted, var(--muted)) }
.acts { position: sticky; bottom: 0; display: flex; flex-wrap: wrap; gap: .75rem; margin: -.75rem 0; padding: .75rem 0;
  background: var(--consent-paper, var(--paper)) }
@media (max-height: 26rem) { .acts { position: static } .in { gap: .5rem; padding-block: .75rem } }
button { font: inherit; min-height: 2.75rem; padding: .5rem .75rem; cursor: pointer; color: inherit; background: none;
  border: 2px solid transparent; border-radius: var(--consent-radius, var(--radius)) }
button.act { flex: 1 1 8rem; font-weight: 600; color: var(--consent-on-accent, var(--on-accent));
  background: var(--consent-accent, var(--accent)) }
button.later { text-decoration: underline; text-underline-offset: .2em }
button:hover { filter: brightness(.92) }
:host([aria-busy=true]) button { opacity: .6; cursor: progress }
:focus-visible { outline: 3px solid var(--consent-ink, var(--ink)); outline-offset: 2px }
form { display: grid; gap: .75rem }
fieldset { padding-top: .75rem; border-top: 1px solid var(--consent-line, var(--line)) }
.depth { margin-inline-start: 1.25rem }
label { display: inline-flex; gap: .5rem; align-items: center; min-height: 2.75rem; padding-inline-end: 2rem; cursor: pointer }
input { width: 1.25rem; height: 1.25rem; accent-color: var(--consent-accent, var(--accent)) }
[role=alert] { font-weight: 600 }
[role=alert]:empty { display: none }
@media (prefers-reduced-motion: no-preference) { section { animation: in .25s ease-out } }
@keyframes in { from { opacity: 0; translate: 0 1rem } }
@media print { :host { display: none } }
`;

/**
 * @param {string} name
 * @param {Record<string, any>} [properties] `part` names the part
 * @param {(Node | string)[]} children
 */
function element(name, { part, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  if (part) made.setAttribute("part", part);
  made.append(...children);
  return made;
}

/** The rest is answered with these.  @param {Purpose[]} some */
const highest = (some) => some.filter(({ id }) => !some.some((other) => id.startsWith(`${other.id}.`)));

class ConsentBanner extends HTMLElement {
  /** @type {() => void} */ stop = () => {};

  constructor() {
    super();
    this.attachShadow({ mode: "open" });
  }

  connectedCallback() {
    this.hidden = true; // until there is something to ask
    import("./aside.js").then(({ watch }) => watch(this), () => {});
  }

  disconnectedCallback() {
    this.stop();
  }

  /**
   * @param {Core} core
   * @param {Catalogue} catalogue
   */
  open(core, catalogue) {
    const { text, names, notice, look } = catalogue;
    const words = notice.language === "fr" ? WORDS.fr : WORDS.en;
    const asked = wanted(core, catalogue);
    const isHere = this.hasAttribute("in-page");
    const named = (/** @type {Purpose[]} */ some) => some.map((each) => each.name).join(", ");
    const refused = catalogue.purposes.filter((each) => catalogue.gpc?.includes(each.id));
    const isTold = core.state().gpc && refused.length > 0;
    const entities = new Set(names.map((each) => each.legal_entity)).size;
    const scope = names.map((each) => `${each.name} (${each.legal_entity})`).join(", ");
    const alarm = element("p", { role: "alert", part: "alert", tabIndex: -1 });
    const say = (/** @type {string} */ complaint) => {
      alarm.textContent = complaint;
      alarm.focus(); // and so seen
    };
    const fail = () => say(words.failed);
    const act = (/** @type {Record<string, boolean>} */ choices) => {
      alarm.textContent = "";
      this.act(core, choices, isTold, fail);
    };
    const all = (/** @type {boolean} */ yes) => () =>
      act(Object.fromEntries(asked.filter((each) => each.mandatory).map((each) => [each.id, yes])));
    const form = isHere ? choosing(asked, text, words, act, say) : null;
    const button = (/** @type {string} */ part, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
      element("button", { type: "button", part: `button ${part}`, className: part === "later" ? part : "act", onclick }, label);
    const slot = (/** @type {string} */ name, /** @type {string} */ content) => element("slot", { name }, content);

    const section = element("section", { part: "banner", lang: notice.language });
    section.setAttribute("aria-labelledby", "title");
    section.append(
      element(
        "div",
        { className: "in", part: "content" },
        slot("logo", ""),
        element("h2", { id: "title", part: "title" }, slot("title", text.title)),
        element("p", { part: "body" }, slot("body", text.body)),
        element("p", { part: "purposes" }, `${words.asked} ${named(highest(asked.filter((each) => each.mandatory)))}.`),
        element("p", { className: "fine", part: "scope" },
          `${isHere || names.length < 2 ? text.reach_own : text.reach_group} `,
          ...(isHere ? [] : [`${words.scope(names.length, entities)} ${scope}.`])),
        ...(isTold ? [element("p", { part: "signal" }, `${words.gpc} ${named(refused)}.`)] : []),
        slot("more", ""),
        element(
          "div",
          { className: "acts", part: "acts" },
          ...(form
            ? [button("refuse", text.refuse, all(false)), button("accept", text.accept, all(true)),
               button("choose", text.choose, () => reveal(form))]
            : [button("go", words.go, () => this.go(core, fail))]),
          button("later", words.later, () => this.put(core, catalogue)),
        ),
        alarm,
        ...(form ? [form] : []),
        element("p", { className: "fine", part: "withdraw" }, text.withdraw),
      ),
    );
    const style = new CSSStyleSheet();
    const brand = Object.entries(look).map(([name, value]) => `${name}: ${value}`).join(";");
    style.replaceSync(`:host { ${brand} }${STYLE}`);
    const root = /** @type {ShadowRoot} */ (this.shadowRoot);
    root.adoptedStyleSheets = [style];
    root.replaceChildren(section);
    this.hidden = false;
    this.stop();
    this.stop = core.onChange(({ status, missing }) => {
      if (status === "known" && !missing.length) this.hidden = true;
    });
    note(core, catalogue, "shown", root.innerHTML);
  }

  /**
   * @param {Core} core
   * @param {Record<string, boolean>} choices
   * @param {boolean} told
   * @param {() => void} fail
   */
  async act(core, choices, told, fail) {
    if (this.ariaBusy === "true") return; // a double click is one answer
    this.ariaBusy = "true";
    try {
      await core.answer(choices, { told });
      this.hidden = true;
    } catch (/** @type {any} */ error) {
      if (error.code === "notice_not_current" || error.code === "served_expired") this.open(core, await core.catalogue());
      else fail();
    } finally {
      this.ariaBusy = null;
    }
  }

  /**
   * @param {Core} core
   * @param {() => void} fail
   */
  async go(core, fail) {
    if (this.ariaBusy === "true") return;
    this.ariaBusy = "true";
    try {
      await core.catalogue(true); // nobody is sent to a hub that is away
      await core.ask({ at: "hub" });
    } catch {
      fail();
    } finally {
      this.ariaBusy = null;
    }
  }

  /**
   * Closing is no choice, for this visit.
   * @param {Core} core
   * @param {Catalogue} catalogue
   */
  put(core, catalogue) {
    core.save("sessionStorage", ":later", {});
    this.hidden = true;
    note(core, catalogue, "dismissed");
  }
}

/** @param {HTMLElement} form */
function reveal(form) {
  form.hidden = false;
  form.querySelector("input")?.focus();
}

/** What is missing; everything that needs an answer where nobody is known.
 * @param {Core} core
 * @param {Catalogue} catalogue
 */
function wanted(core, { purposes }) {
  const { status, missing, granted, refused } = core.state();
  const askable = purposes.filter((each) => each.basis === "consent" && !each.adults_only);
  const open = askable.filter((each) => !granted.includes(each.id) && !refused.includes(each.id));
  if (status === "known" && missing.length) return open;
  return askable;
}

/**
 * One by one: nothing is ticked beforehand.
 *
 * @param {Purpose[]} asked
 * @param {Record<string, string>} text
 * @param {typeof WORDS.en} words
 * @param {(choices: Record<string, boolean>) => void} act
 * @param {(complaint: string) => void} say
 */
function choosing(asked, text, words, act, say) {
  const fields = asked.map(({ id, name, description, parent, mandatory }) => {
    const fieldset = element("fieldset", { part: "purpose", className: asked.some((each) => each.id === parent) ? "depth" : "" },
      element("legend", {}, name),
      element("p", { className: "what" }, description, mandatory ? "" : ` ${words.optional}.`));
    for (const [value, word] of [["no", words.no], ["yes", words.yes]]) {
      fieldset.append(element("label", {}, element("input", { type: "radio", name: id, value }), word));
    }
    return fieldset;
  });
  const save = element("button", { className: "act", part: "button save" }, text.save);
  const form = /** @type {HTMLFormElement} */ (element("form", { hidden: true, noValidate: true, part: "form" }, ...fields, save));
  form.onsubmit = (event) => {
    event.preventDefault();
    const said = new FormData(form);
    const open = asked.filter((each) => each.mandatory && !said.has(each.id));
    const torn = asked.filter((each) => said.get(each.id) === "yes" && above(asked, each).some((one) => said.get(one.id) === "no"));
    const names = (/** @type {Purpose[]} */ some) => some.map((each) => each.name).join(", ");
    if (open.length) say(`${words.open} ${names(open)}.`);
    else if (torn.length) say(`${words.under} ${names(torn)}.`);
    else act(Object.fromEntries([...said].map(([purpose, value]) => [purpose, value === "yes"])));
  };
  return form;
}

/** @type {(asked: Purpose[], of: Purpose) => Purpose[]} */
const above = (asked, of) => asked.filter((each) => of.id.startsWith(`${each.id}.`));

/** For the measures only.
 * @param {Core} core
 * @param {Catalogue} catalogue
 * @param {"shown" | "dismissed"} event
 * @param {string} [layout]
 */
async function note(core, { served }, event, layout) {
  if (!core.holder) return;
  const digest = layout && (await crypto.subtle.digest("SHA-256", new TextEncoder().encode(layout)));
  const hex = digest && [...new Uint8Array(digest)].map((each) => each.toString(16).padStart(2, "0")).join("");
  await core.asSubject("/v1/served", { served, event, ...(hex && { layout: hex }) }).catch(() => {});
}

if (!customElements.get("consent-banner")) customElements.define("consent-banner", ConsentBanner);

/** Show one banner: the page's first, or one of our own.  @param {Core} core */
export async function show(core) {
  const catalogue = await core.catalogue();
  const [first, ...others] = /** @type {NodeListOf<ConsentBanner>} */ (document.querySelectorAll("consent-banner"));
  const banner = /** @type {ConsentBanner} */ (first ?? document.createElement("consent-banner"));
  if (!first) document.body.prepend(banner);
  others.forEach((each) => (each.hidden = true));
  banner.open(core, catalogue);
}
