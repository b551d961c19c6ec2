/**
 * What a page or a server (Node 20) imports from `verify.js`.
 *
 * @packageDocumentation
 */

import type { Parts } from "./verify-parts";

/** How to make a verifier.  Keep it: it holds the keys and the lists. */
export interface VerifierOptions {
  /** Exactly as in the token: `https`, or `http` on this very machine. */
  issuer: string;
  /** Of the brand: another one's token is no good here. */
  audience: string;
  /** Use no list for longer than a minute, instead of five. */
  strict?: boolean;
  timeoutMs?: number;
  fetch?: typeof globalThis.fetch;
  /** Seconds since 1970. */
  now?: () => number;
}

export interface Active {
  active: true;
  /** Whom it is about, for this audience alone. */
  sub: string;
  aud: string;
  client_id: string;
  exp: number;
  rev: number;
  catalogue: number;
  granted: Set<string>;
  refused: Set<string>;
  /** Those granted by somebody else's word, which the person has not confirmed yet. */
  assisted: Set<string>;
}

export interface Inactive {
  active: false;
  /** Why not: a stable word, such as `expired` or `superseded`. */
  reason: string;
}

export type Verdict = Active | Inactive;

/** Keep one: it holds the keys and the lists. */
export class Verifier {
  constructor(options: VerifierOptions);
  /** Any doubt is a no.  Never throws for a token. */
  verify(token: string): Promise<Verdict>;
  /** Yes or no to one purpose, of a token that is active. */
  allows(token: string, purpose: string): Promise<boolean>;
}

/** Of a key set, those that sign here. */
export const readKeys: Parts["readKeys"];
/** All but the status.  Throws. */
export const checkToken: Parts["checkToken"];
/** Throws. */
export const checkList: Parts["checkList"];
