/** See verify.d.ts. */
/** @typedef {import("./verify-parts").Parts} Is */

const LIST_S = 300, LEEWAY = 30, MAX = 65536;
const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** @type {Is["text"]} */ const text = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

class No extends Error {}
/** @type {Is["no"]} */ const no = (reason) => {
  throw new No(reason);
};

/** @type {Is["decode64"]} */
function decode64(part) {
  const standard = part.replace(/-/g, "+").replace(/_/g, "/");
  let raw;
  try {
    raw = atob(standard);
  } catch {}
  if (/[+/=]/.test(part) || raw === undefined || btoa(raw).replace(/=+$/, "") !== standard) no("bad_encoding");
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

/** @type {Is["parse"]} */
function parse(json) {
  let members = -1, names = 0, made;
  try {
    made = JSON.parse(json, function (_, value) {
      members += +!Array.isArray(this);
      return value;
    });
  } catch {
    no("bad_claims");
  }
  const rest = json.replace(/"(?:[^"\\]|\\.)*"(\s*:)?/g, (_, colon) => ((names += +!!colon), ""));
  if (names !== members) no("duplicate_claims");
  return /\d[.eE]/.test(rest) || rest.split(/[{[]/).length > 65 ? no("bad_claims") : made;
}

/** @type {Is["test"]} */ const object = (v) => v?.constructor === Object;
/** @type {Is["test"]} */ const count = (v, most = 2 ** 53 - 1) => Number.isInteger(v) && v >= 0 && v <= most;
/** @type {Is["test"]} */ const seconds = (v) => count(v, 2 ** 40);
/** @type {Is["test"]} */ const words = (v, most = 512) => typeof v === "string" && v !== "" && [...v].length <= most;
/** @type {Is["test"]} */ const purposes = (v) => Array.isArray(v) && v.every((each) => words(each, 64));
/** @type {Is["actor"]} */ const actor = (v, left) => object(v) && words(v.sub) && (!("act" in v) || (left > 1 && actor(v.act, left - 1)));

/** @type {Is["isClaims"]} */
function isClaims(c) {
  const { consent, status, nbf = 0, acr = "-" } = c, { cat, rev, g, d, a = [] } = consent ?? {};
  return (
    [c.iss, c.sub, c.aud, c.client_id, c.jti].every((v) => words(v)) && /^[\w-]{22}$/.test(c.sub) &&
    seconds(c.iat) && seconds(c.exp) && seconds(nbf) &&
    object(consent) && count(cat) && count(rev) && [g, d, a].every((v) => purposes(v)) &&
    g.every((/** @type {string} */ each) => !d.includes(each)) && a.every((/** @type {string} */ each) => g.includes(each)) &&
    object(status) && object(status.status_list) && count(status.status_list.idx) && words(status.status_list.uri) &&
    (!("act" in c) || actor(c.act, 2)) && words(acr) &&
    (!("cnf" in c) || (object(c.cnf) && words(c.cnf.jkt, 43) && c.cnf.jkt.length > 42))
  );
}

/** @type {Is["isListClaims"]} */ const isListClaims = (c) =>
  seconds(c.iat) && seconds(c.exp) && count(c.ttl, 86400) && c.ttl > 0 &&
  object(c.status_list) && c.status_list.bits === 1 && typeof c.status_list.lst === "string";

/** @type {Is["open"]} */
async function open(token, type, longest, isRight, keys) {
  if (typeof token !== "string" || token.length > longest) no("too_long");
  const parts = token.split(".");
  if (parts.length !== 3) no("not_compact");
  const [head, body, signature] = parts.map(decode64);
  let header, claims;
  try {
    header = parse(text(head));
  } catch {
    no("bad_header");
  }
  if (Object.keys(Object(header)).sort().join() !== "alg,kid,typ" || typeof header.kid !== "string") no("bad_header");
  if (header.alg !== "ES256") no("wrong_algorithm");
  if (header.typ !== type) no("wrong_type");
  if (!/^[\w-]{1,12}$/.test(header.kid)) no("bad_header");
  if (signature.length !== 64) no("bad_signature");
  try {
    claims = parse(text(body));
  } catch (error) {
    no(error instanceof No ? error.message : "bad_encoding");
  }
  if (!object(claims) || !isRight(claims)) no("bad_claims");
  const key = keys.get(header.kid) ?? no("unknown_key");
  const signed = new TextEncoder().encode(token.slice(0, token.lastIndexOf(".")));
  if (!(await crypto.subtle.verify(ES256, key, signature, signed))) no("bad_signature");
  return claims;
}

/** @type {Is["readKeys"]} */
export async function readKeys({ keys }) {
  const found = new Map(), seen = new Set();
  if (keys.length > 64) no("keys_unavailable");
  for (const { kty, crv, alg, use, kid, x, y, d, k } of keys) {
    if (d || k || seen.has(kid)) no("keys_unavailable");
    if (kid === undefined) continue;
    seen.add(kid);
    if ([kty, crv, alg, use].join() === "EC,P-256,ES256,sig")
      found.set(kid, await crypto.subtle.importKey("jwk", { kty, crv, x, y }, ES256, false, ["verify"]));
  }
  return found;
}

/** @type {Is["isTimely"]} */
function isTimely({ exp, iat, nbf = 0 }, now) {
  if (exp <= now) no("expired");
  if (Math.max(iat, nbf) > now + LEEWAY) no("not_yet_valid");
}

/** @type {Is["checkToken"]} */
export async function checkToken(token, { keys, issuer, audience, now }) {
  const claims = await open(token, "consent+jwt", 8192, isClaims, keys);
  if (claims.iss !== issuer) no("wrong_issuer");
  if (claims.aud !== audience) no("wrong_audience");
  isTimely(claims, now);
  if (claims.exp - claims.iat > 86400) no("lifetime_too_long");
  return claims;
}

/** @type {Is["checkList"]} */
export async function checkList(token, { keys, uri, now }) {
  const claims = await open(token, "statuslist+jwt", MAX, isListClaims, keys);
  if (claims.sub !== uri) no("wrong_status_list");
  if (claims.exp <= now || claims.iat > now + LEEWAY) no("status_unavailable");
  const inflated = new Blob([decode64(claims.status_list.lst)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bits = await collect(inflated, 16384);
  return { ...claims, isSet: (idx) => idx >= bits.length * 8 || ((bits[idx >> 3] >> (idx & 7)) & 1) === 1 };
}

/** @type {Is["collect"]} */
async function collect(stream, most) {
  const chunks = [];
  let size = 0;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    if ((size += value.length) > most) {
      reader.cancel().catch(() => {});
      no("status_unavailable");
    }
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** @template T */
class Kept {
  at = 0; fresh = 0; usable = 0; failed = -9;
  /** @type {T=} */ value;
  /** @type {Promise<void>=} */ pending;

  /** @param {import("./verify-parts").Load<T>} load @param {() => number} now */
  constructor(load, now) {
    this.load = load;
    this.now = now;
  }

  renew() {
    const now = this.now();
    if (Math.abs(now - this.failed) < 5) return Promise.resolve();
    return (this.pending ??= this.load(this.value, now)
      .then(
        ([value, usable, ends = Infinity]) => {
          const until = Math.min(now + usable, ends);
          if (until <= now) return void (this.failed = now);
          const fresh = now + usable * (0.4 + Math.random() / 10);
          Object.assign(this, { value, at: now, fresh, usable: until });
        },
        () => void (this.failed = now),
      )
      .finally(() => (this.pending = undefined)));
  }

  async read() {
    const ok = (until = this.usable) => this.at <= this.now() && this.now() < until;
    if (!ok(Math.min(this.fresh, this.usable))) {
      const coming = this.renew();
      if (!ok()) await coming;
    }
    return ok() ? this.value : undefined;
  }
}

export class Verifier {
  lists = new Map();
  seen = new Map();
  vain = 0;

  /** @param {Is["options"]} options */
  constructor({ issuer, audience, strict = false, timeoutMs = 5000, fetch = globalThis.fetch, now = () => Date.now() / 1000 }) {
    if (!/^(https:\/\/[^/?#@]+|http:\/\/(([\w-]+\.)*localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(\/[^/?#@]+)*$/.test(issuer) || !audience) throw new TypeError("issuer or audience");
    this.issuer = issuer;
    this.audience = audience;
    this.now = now;
    this.usable = strict ? 60 : LIST_S;
    this.get = async (/** @type {string} */ url) => {
      const answer = await fetch(url, { redirect: "error", credentials: "omit", cache: "no-cache", signal: AbortSignal.timeout(timeoutMs) });
      return answer.ok && answer.body ? text(await collect(answer.body, MAX)) : no("unavailable");
    };
    this.keys = new Kept(async () => {
      const found = JSON.parse(await this.get(`${issuer}/.well-known/openid-configuration`));
      if (found.issuer !== issuer || !found.jwks_uri.startsWith(`${issuer}/`)) no("keys_unavailable");
      return [await readKeys(JSON.parse(await this.get(found.jwks_uri))), this.usable - 0.5];
    }, now);
  }

  /** @type {Is["verify"]} */
  async verify(token) {
    try {
      return await this.judge(token);
    } catch (error) {
      return { active: false, reason: error instanceof No ? error.message : "status_unavailable" };
    }
  }

  /** @type {Is["allows"]} */
  async allows(token, purpose) {
    const found = await this.verify(token);
    return found.active && found.granted.has(purpose);
  }

  /** @type {Is["withKeys"]} */
  async withKeys(attempt, again) {
    const keys = (await this.keys.read()) ?? no("keys_unavailable");
    try {
      return await attempt(keys);
    } catch (error) {
      if (again) this.vain = this.now();
      if (!(error instanceof No) || error.message !== "unknown_key" || Math.abs(this.now() - this.vain) < 60) throw error;
      await this.keys.renew();
      return this.withKeys(attempt, true);
    }
  }

  /** @type {Is["judge"]} */
  async judge(token) {
    const { issuer, audience, seen } = this;
    const keys = await this.keys.read();
    let found = seen.get(token);
    if (!found || (keys && found.keys !== keys)) {
      found = await this.withKeys(async (keys) => ({ ...(await checkToken(token, { keys, issuer, audience, now: this.now() })), keys }));
      if (seen.size > 255) seen.delete(seen.keys().next().value);
      seen.set(token, found);
    }
    const { idx, uri } = found.status.status_list;
    if (!uri.startsWith(`${issuer}/statuslists/`) || !/^[\w-]{1,64}$/.test(uri.slice(issuer.length + 13))) no("foreign_status_list");
    const list = (await this.list(uri).read()) ?? no("status_unavailable");
    if (list.isSet(idx)) no("superseded");
    if (!keys) no("keys_unavailable");
    isTimely(found, this.now());
    const { sub, aud, client_id, exp, consent: { cat, rev, g, d, a } } = found;
    return { active: true, sub, aud, client_id, exp, rev, catalogue: cat, granted: new Set(g), refused: new Set(d), assisted: new Set(a) };
  }

  /** @type {Is["list"]} */
  list(uri) {
    const { lists, now } = this;
    if (!lists.has(uri)) {
      if (lists.size > 63) lists.delete(lists.keys().next().value);
      lists.set(uri, new Kept(async (old) => {
        const token = await this.get(uri);
        const list = await this.withKeys((keys) => checkList(token, { keys, uri, now: now() }));
        if (list.iat < old?.iat) no("status_unavailable");
        return [list, Math.min(list.ttl, this.usable), Math.min(list.exp, list.iat + Math.min(list.ttl, LIST_S))];
      }, now));
    }
    return lists.get(uri);
  }
}
