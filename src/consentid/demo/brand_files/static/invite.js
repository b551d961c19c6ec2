// What only this brand can ask, where the rest was answered: an invitation in its place, no banner.
const invitation = document.getElementById("invite");

/** Show it while something is missing. */
export function showInvitation(state, consent) {
  if (!invitation) return;
  invitation.hidden = state.status !== "known" || state.missing.length === 0;
  invitation.querySelector("button").onclick = () => consent.ask();
}
