/**
 * What `verify.js` is made of: told here, so that it stays small.  Not for pages.
 *
 * A token goes a ladder: form, closed header, claims, key, signature, then issuer, audience, times,
 * and last the list.  Each step that is not passed throws its reason; whoever asks gets a value, and
 * any doubt is a no.
 *
 * @packageDocumentation
 */

import type { Active, Verdict, VerifierOptions } from "./verify";

/** By key id. */
export type Keys = Map<string, CryptoKey>;

export interface Claims {
  iss: string;
  sub: string;
  aud: string;
  client_id: string;
  jti: string;
  iat: number;
  exp: number;
  nbf?: number;
  consent: { cat: number; rev: number; g: string[]; d: string[]; a?: string[] };
  status: { status_list: { idx: number; uri: string } };
}

export interface ListClaims {
  sub: string;
  iat: number;
  exp: number;
  /** Seconds until it is to be fetched again. */
  ttl: number;
  status_list: { bits: 1; lst: string };
}

export type List = ListClaims & { isSet(idx: number): boolean };

/**
 * What is kept is fresh for a while, usable a little longer, then not at all.
 *
 * Gives what to keep, for how many seconds it is usable, and when it ends at the latest.
 */
export type Load<T> = (old: T | undefined, now: number) => Promise<[value: T, usable_s: number, ends?: number]>;

type Test = (value: any, most?: number) => boolean;

export interface Parts {
  options: VerifierOptions;
  text(bytes: Uint8Array): string;
  no(reason: string): never;
  /** Strict: every byte string has one spelling. */
  decode64(part: string): Uint8Array<ArrayBuffer>;
  /** As many names as members, so none is there twice; no fraction, few brackets. */
  parse(json: string): any;
  test: Test;
  actor(value: any, left: number): boolean;
  isClaims(claims: any): claims is Claims;
  isListClaims(claims: any): claims is ListClaims;
  /** Form, closed header, claims, key, signature: in this order. */
  open<T>(token: string, type: string, longest: number, isRight: (claims: any) => claims is T, keys: Keys): Promise<T>;
  readKeys(set: { keys: any[] }): Promise<Keys>;
  isTimely(claims: { exp: number; iat: number; nbf?: number }, now: number): void;
  /** All but the status. */
  checkToken(token: string, how: { keys: Keys; issuer: string; audience: string; now: number }): Promise<Claims>;
  checkList(token: string, how: { keys: Keys; uri: string; now: number }): Promise<List>;
  collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, most: number): Promise<Uint8Array>;
  verify(token: string): Promise<Verdict>;
  allows(token: string, purpose: string): Promise<boolean>;
  /** An unknown key is looked for anew, unless that was in vain within the last minute. */
  withKeys<T>(attempt: (keys: Keys) => Promise<T>, again?: boolean): Promise<T>;
  /** Remembered is the signature alone. */
  judge(token: string): Promise<Active>;
  list(uri: string): { read(): Promise<List | undefined> };
}
