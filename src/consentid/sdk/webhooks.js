/** Checks webhooks in Node 20, and wherever else WebCrypto is: see webhooks.d.ts. */
/** @typedef {import("./webhooks").Seen} Seen */

const LONGEST_ID = 256, LONGEST = 1048576, SIGNATURES = 16, REMEMBERED = 100000;
const HMAC = { name: "HMAC", hash: "SHA-256" };

export class BadWebhookError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "BadWebhookError";
    this.code = code;
  }
}

/** @param {string} code @param {string} message @returns {never} */
const refuse = (code, message) => {
  throw new BadWebhookError(code, message);
};

/** Bytes of base64 as it is written, or undefined. @param {string} text */
function decode64(text) {
  try {
    const raw = atob(text);
    return btoa(raw) === text ? Uint8Array.from(raw, (c) => c.charCodeAt(0)) : undefined;
  } catch {
    return undefined;
  }
}

/** @param {unknown} key */
function readKey(key) {
  const [, prefix, text] = /^(whsec_|whpk_)(.*)$/.exec(String(key)) ?? [];
  const raw = text === undefined ? undefined : decode64(text);
  const isPublic = prefix === "whpk_";
  if (raw === undefined || (isPublic ? raw.length !== 32 : raw.length < 24 || raw.length > 64))
    refuse("bad_webhook_key", "A webhook's key is whsec_ or whpk_ and base64, as it was shown.");
  const algorithm = isPublic ? { name: "Ed25519" } : HMAC;
  return { kind: isPublic ? "v1a" : "v1", algorithm, raw };
}

class InMemory {
  /** @type {Set<string>} */ ids = new Set();

  /** @param {string} id */
  add(id) {
    if (this.ids.has(id)) return false;
    this.ids.add(id);
    for (const oldest of this.ids) {
      if (this.ids.size <= REMEMBERED) break;
      this.ids.delete(oldest);
    }
    return true;
  }

  /** @param {string} id */
  forget(id) {
    this.ids.delete(id);
  }
}

/** @param {import("./webhooks").GivenHeaders} headers @param {string} name */
function header(headers, name) {
  if (headers instanceof Headers) return headers.get(name) ?? "";
  const found = Object.entries(headers).find(([each]) => each.toLowerCase() === name);
  return found && typeof found[1] === "string" ? found[1] : "";
}

export class Receiver {
  /** @param {string | string[]} keys @param {import("./webhooks").ReceiverOptions} options */
  constructor(keys, { seen = new InMemory(), toleranceS = 300, now = () => Date.now() / 1000 } = {}) {
    /** @type {Seen} */ this.seen = seen;
    this.toleranceS = toleranceS;
    this.now = now;
    this.keys = [keys].flat().map(readKey);
    if (!this.keys.length) refuse("bad_webhook_key", "A receiver needs a key.");
  }

  /** @param {import("./webhooks").GivenHeaders} headers @param {string | Uint8Array} body */
  async receive(headers, body) {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((each) => header(headers, `webhook-${each}`));
    if (!id || id.length > LONGEST_ID || bytes.length > LONGEST) refuse("bad_webhook", "An id is missing, or all is too long.");
    if (!/^[0-9]{1,12}$/.test(timestamp)) refuse("bad_webhook", "The timestamp is missing or no number.");
    if (Math.abs(this.now() - Number(timestamp)) > this.toleranceS) refuse("stale_webhook", "It was sent too long ago, or is yet to be.");
    const head = new TextEncoder().encode(`${id}.${timestamp}.`);
    const content = new Uint8Array(head.length + bytes.length);
    content.set(head);
    content.set(bytes, head.length);
    if (!(await this.isSigned(signatures, content))) refuse("bad_signature", "None of its signatures is of a known key.");
    const event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return (await this.seen.add(id)) ? event : null;
  }

  /** @param {string} id */
  async forget(id) {
    await this.seen.forget(id);
  }

  /** @private @param {string} signatures @param {Uint8Array<ArrayBuffer>} content */
  async isSigned(signatures, content) {
    const given = signatures.split(" ").slice(0, SIGNATURES).map((each) => each.split(","));
    for (const { kind, algorithm, raw } of this.keys) {
      const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["verify"]);
      for (const [named, text, ...rest] of given) {
        const signature = named === kind && text && !rest.length ? decode64(text) : undefined;
        if (signature && (await crypto.subtle.verify(algorithm.name, key, signature, content))) return true;
      }
    }
    return false;
  }
}
