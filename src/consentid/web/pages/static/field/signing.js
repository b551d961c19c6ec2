// Signatures and digests, by WebCrypto alone.  Spec: RFC 7515, RFC 7518 section 3.4 (ES256).

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const ES256 = { name: "ECDSA", hash: "SHA-256" };
const encoder = new TextEncoder();

export const toBase64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

export const randomName = () => toBase64url(crypto.getRandomValues(new Uint8Array(16)));

export const digest = async (text) => crypto.subtle.digest("SHA-256", encoder.encode(text));

export const toHex = (bytes) =>
  [...new Uint8Array(bytes)].map((one) => one.toString(16).padStart(2, "0")).join("");

/** A key of the device's own: its private half can be used, and never read. */
export async function makeKey() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  return { privateKey, publicJwk: { kty, crv, x, y } };
}

const encodeText = (value) => {
  const bytes = encoder.encode(JSON.stringify(value));
  let text = "";
  for (const one of bytes) text += String.fromCharCode(one);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

/** A compact JWS. */
export async function sign(privateKey, { typ, kid }, payload) {
  const input = `${encodeText({ alg: "ES256", kid, typ })}.${encodeText(payload)}`;
  const signature = await crypto.subtle.sign(ES256, privateKey, encoder.encode(input));
  return `${input}.${toBase64url(signature)}`;
}

/** What a JWS of our own says. */
export const readPayload = (jws) => JSON.parse(new TextDecoder().decode(fromBase64url(jws.split(".")[1])));

/** What a JWS says that one of the keys signed; null if none did. */
export async function verify(jws, typ, keys) {
  const [header, payload, signature] = jws.split(".");
  const head = JSON.parse(new TextDecoder().decode(fromBase64url(header)));
  const jwk = keys.find((key) => key.kid === head.kid && key.alg === "ES256");
  if (head.alg !== "ES256" || head.typ !== typ || !jwk) return null;
  const key = await crypto.subtle.importKey("jwk", jwk, ALGORITHM, false, ["verify"]);
  const input = encoder.encode(`${header}.${payload}`);
  const holds = await crypto.subtle.verify(ES256, key, fromBase64url(signature), input);
  return holds ? readPayload(jws) : null;
}

/** What the next bundle names: the digest of all but the signature. */
export const digestOf = async (jws) => toBase64url(await digest(jws.slice(0, jws.lastIndexOf("."))));
