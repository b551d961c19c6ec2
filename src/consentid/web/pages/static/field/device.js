// A capture device: enrols, captures without network, brings what waits, takes a new kit.
// Each step is kept before the next, so it may be cut off anywhere and goes on from there.

import * as store from "./store.js";
import { digest, digestOf, makeKey, randomName, sign, toBase64url, toHex, verify } from "./signing.js";

const AT_ONCE = 16;
const CHAIN = "consentid-field-chain";
const SYNC = "consentid-field-sync";

/** What the hub refused, or that it cannot be reached (`code` is "offline"). */
export class HubError extends Error {
  constructor(code, message, status = 0) {
    super(message);
    this.code = code;
    this.status = status;
  }

  /** Whether the same may be heard in a while. */
  get isPassing() {
    return this.code === "offline" || this.status === 429 || this.status >= 500;
  }
}

async function ask(path, body) {
  let answer;
  try {
    const init = body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    };
    answer = await fetch(path, { ...init, cache: "no-store", credentials: "omit" });
    const told = await answer.json();
    if (answer.ok) return told;
    throw new HubError(told.code ?? "failed", told.detail ?? "", answer.status);
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new HubError("offline", String(error));
  }
}

/** Enrols by a code.  The key is kept before it is shown, so a lost answer is asked for again. */
export const enrol = (code) => navigator.locks.request(CHAIN, () => enrolAlone(code));

async function enrolAlone(code) {
  let device = await store.readDevice();
  if (!device || device.id || device.code !== code) {
    const { issuer } = await ask("/.well-known/openid-configuration");
    device = { ...(await makeKey()), issuer, code };
    await store.writeDevice(device);
  }
  const claims = { aud: device.issuer, code };
  const proof = await sign(device.privateKey, { typ: "field-enrolment+jwt", kid: "enrol" }, claims);
  const told = await ask("/v1/field/enrolments", { code, key: device.publicJwk, proof });
  const head = toBase64url(await digest(told.device));
  device = { ...device, code: undefined, id: told.device, name: told.name, seq: 0, head };
  await store.writeDevice(device);
  await store.write("kit", undefined);
  await navigator.storage?.persist?.();
}

/** Forgets the device, and not what it captured. */
export const leave = () => navigator.locks.request(CHAIN, () => store.writeDevice(undefined));

/** Remembers that the hub believes the device no more, also without network. */
const noteRevoked = () =>
  navigator.locks.request(CHAIN, async () => {
    const device = await store.readDevice();
    if (device?.id) await store.writeDevice({ ...device, isRevoked: true });
  });

/** Signs a capture on a notice of a kit, and puts it at the end of the chain; durable when it returns. */
export async function capture(said, kit) {
  await navigator.locks.request(CHAIN, async () => {
    const [device, newest] = await Promise.all([store.readDevice(), store.read("kit")]);
    if (device?.id !== kit.device) throw new HubError("other_device", "");
    // The same words were fetched anew since they were shown: so late it is, at least.
    const isSame = newest?.device === kit.device && newest.catalogue === kit.catalogue;
    const seq = device.seq + 1;
    const entry = { id: randomName(), at_ms: Date.now(), ...said };
    const proof = (isSame ? newest : kit).sync;
    const claims = { aud: device.issuer, seq, prev: device.head, sync: proof, entries: [entry] };
    const text = await sign(device.privateKey, { typ: "capture-bundle+jwt", kid: device.id }, claims);
    const bundle = { device: device.id, seq, at: entry.at_ms, state: "queued", text };
    await store.append(device, bundle, await digestOf(text));
  });
}

/**
 * Brings what waits, also what is captured meanwhile, then takes a new kit; `moved` is called after
 * each step with how many are left.  False where another tab is at it.
 */
export function sync(moved) {
  return navigator.locks.request(SYNC, { ifAvailable: true }, async (lock) => {
    if (!lock) return false;
    const brought = new Set();
    const nameOf = ({ device, seq }) => `${device}/${seq}`;
    for (;;) {
      const all = await store.readBundles();
      const left = all.filter((bundle) => bundle.text && !brought.has(nameOf(bundle)));
      if (!left.length) break;
      const some = left.slice(0, AT_ONCE);
      await bring(some);
      for (const bundle of some) brought.add(nameOf(bundle));
      await moved(left.length - some.length);
    }
    try {
      await takeKit();
    } catch (error) {
      if (error.code === "device_revoked") await noteRevoked();
      throw error;
    }
    return true;
  });
}

async function bring(some) {
  const { bundles } = await ask("/v1/captures/bundles", { bundles: some.map(({ text }) => text) });
  await store.writeBundles(
    some.map((bundle, place) => {
      const { state, why, is_kept, waiting_for, captures = [] } = bundles[place];
      const isDone = state === "recorded" || (state === "refused" && is_kept !== false);
      // What the hub has, the device needs no longer.
      const text = isDone ? undefined : bundle.text;
      return { ...bundle, state, why, waitingFor: waiting_for, text, captures: captures.map((one) => one.capture) };
    }),
  );
}

async function takeKit() {
  const device = await store.readDevice();
  const nonce = randomName();
  const request = { aud: device.issuer, nonce };
  const proof = await sign(device.privateKey, { typ: "field-request+jwt", kid: device.id }, request);
  const { kit, sync: signed } = await ask("/v1/field/kit", { proof });
  const { keys } = await ask("/jwks.json");
  const claims = await verify(signed, "field-sync+jwt", keys);
  const holds =
    claims?.iss === device.issuer &&
    claims.sub === device.id &&
    claims.nonce === nonce &&
    claims.kit === toHex(await digest(kit));
  if (!holds) throw new HubError("bad_kit", "");
  await store.write("kit", { ...JSON.parse(kit), sync: signed, syncedAt: claims.iat * 1000 });
}
