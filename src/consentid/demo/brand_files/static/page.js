// A brand's page: it is complete without consent, and parts of it follow what is granted.
import { site } from "./site.js";
import { start } from "./start.js";
import { note } from "./story.js";
import { showBasket } from "./basket.js";
import { showInvitation } from "./invite.js";
import { showShelf } from "./shelf.js";
import { openPanel } from "./panel.js";
import { words } from "./words.js";

const panel = openPanel();
const sign = document.getElementById("sign");
showBasket();

const consent = await start(follow);
if (consent) {
  panel.plug(consent);
  consent.onChange((state) => showInvitation(state, consent));
  follow(consent.state());
  wire();
} else {
  note("blocked");
  panel.show(null);
  showShelf(false);
}

/** Everything that depends on consent, whenever it changes. */
function follow(state) {
  note(state.status === "known" ? (state.by ?? "kept") : state.status);
  document.documentElement.dataset.granted = state.granted.join(" ");
  document.documentElement.dataset.consent = state.status;
  showShelf(state.granted.includes("content"));
  if (sign) sign.textContent = state.account ? words.signOut : words.signIn;
  panel.show(state);
}

function wire() {
  if (sign) {
    sign.hidden = false;
    sign.addEventListener("click", () => (consent.state().account ? consent.signOut() : consent.signIn()));
  }
  document.getElementById("choices")?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    consent.openPreferences();
  });
  // For whoever opens the console: the same object that this page uses.
  globalThis.consentid = consent;
}

document.documentElement.dataset.site = site.brand;
