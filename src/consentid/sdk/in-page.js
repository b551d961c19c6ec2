/**
 * Answers given on the brand's own page, and withdrawals.
 *
 * The first answer makes a device, for nobody is known before.  Grants given here hold at this
 * brand; a refusal or a withdrawal may reach the group.
 */

/** @typedef {import("./types").Core} Core */
/** @typedef {import("./types").State} State */

/** @type {Map<string, Promise<State>>} what is under way: a second click is the first one again */
const acts = new Map();

/** @type {(name: string, act: () => Promise<State>) => Promise<State>} */
function once(name, act) {
  const going = acts.get(name) ?? act().finally(() => acts.delete(name));
  acts.set(name, going);
  return going;
}

const fresh = () => ({ "Idempotency-Key": crypto.randomUUID() });

/** What the hub does not take.  Its `code` is stable.  @param {{ code?: string, detail?: string, title?: string }} problem */
function refused(problem) {
  return Object.assign(new Error(problem.detail ?? problem.title ?? "refused"), { code: problem.code });
}

/**
 * Somebody took everything back elsewhere, and so is not asked anew on this visit.
 *
 * @param {Core} core
 */
export function gone(core) {
  core.save("sessionStorage", ":later", {});
  core.settle("changed elsewhere");
}

/**
 * Call as the person who is known here.
 *
 * @param {Core} core
 * @param {string} path
 * @param {object} [body]
 * @param {Record<string, string>} [headers]
 * @param {AbortSignal} [stop]
 */
export async function asSubject(core, path, body, headers, stop) {
  for (let again = 0; ; again += 1) {
    if (again || !(Date.now() / 1000 < (core.holder?.access_exp ?? 0) - 5)) await core.renew();
    if (!core.holder) {
      gone(core);
      throw new Error("consentid: nobody is known here");
    }
    const bearer = { Authorization: `Bearer ${core.holder.access}` };
    const answer = await core.call(path, body, { ...headers, ...bearer }, stop);
    if (answer.status !== 401 || again) return answer;
  }
}

/**
 * @param {Core} core
 * @param {Record<string, boolean>} choices
 * @param {{ reach?: "brand" | "group", told?: boolean }} [how]
 */
export const answer = (core, choices, { reach = "brand", told = false } = {}) =>
  once(JSON.stringify([choices, reach]), async () => {
    const shown = await core.catalogue();
    if (!core.holder) await makeDevice(core);
    const { gpc } = core.state();
    const decision = {
      served: shown.served,
      notice: shown.notice,
      reach,
      choices: Object.entries(choices).map(([purpose, yes]) => ({ purpose, outcome: yes === true ? "granted" : "refused" })),
      ...(gpc && { signals: { gpc: true }, told_of_signal: told }),
    };
    const hand = () => write(core, "/v1/decisions", decision, "answered");
    return hand().catch(async (error) => {
      if (core.holder) throw error;
      await makeDevice(core); // who was known is so no longer, as after taking everything back
      return hand();
    });
  });

/**
 * @param {Core} core
 * @param {string[] | "all"} what
 * @param {{ reach?: "brand" | "group" }} [how]
 */
export const withdraw = (core, what, { reach = "brand" } = {}) =>
  once(JSON.stringify([what, reach]), async () => {
    if (!core.holder) return core.state(); // nothing was given
    return write(core, "/v1/withdrawals", what === "all" ? { reach, all: true } : { reach, purposes: what }, "withdrawn");
  });

/**
 * @param {Core} core
 * @param {string} path
 * @param {object} body
 * @param {string} how
 */
async function write(core, path, body, how) {
  const { status, body: said } = await core.asSubject(path, body, fresh());
  if (status === 409) await core.catalogue(true); // another text is in force: it has to be shown
  if (status !== 201) throw refused(said);
  const token = core.read(said.consent_token ?? "");
  const isKept = await core.lock(async () => {
    const held = core.load("localStorage", "");
    if (!token || !held || core.read(held.token)?.sub !== token.sub) return false; // somebody else by now
    core.keep(said, how, how === "answered" ? { gpc: core.state().gpc } : {});
    return true;
  });
  if (!isKept) await core.renew(how);
  return core.state();
}

/** @param {Core} core */
async function makeDevice(core) {
  await core.lock(async () => {
    if (core.load("localStorage", "")) return; // another tab just did
    const { client } = core.options;
    const made = await core.call("/v1/devices", { client_id: client }, fresh());
    if (made.status !== 201) throw refused(made.body);
    const { credential } = made.body;
    const { status, body } = await core.grant({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: credential,
      subject_token_type: "urn:consentid:params:oauth:token-type:device_credential",
    });
    if (status !== 200) throw refused({ code: body.error, detail: body.error_description });
    core.keep(body, "answered", { device: credential });
  });
  if (!core.holder) await core.renew();
}
