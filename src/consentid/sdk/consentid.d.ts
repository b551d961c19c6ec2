/**
 * What a page imports from `consentid.js`.  What it means, and everything else, is in types.d.ts.
 *
 * @packageDocumentation
 */

import type { Options, State } from "./types";

export type { Catalogue, CataloguePurpose, Options, State } from "./types";

/** Find out what is known.  Never rejects; a second call is the first. */
export function init(options: Options): Promise<State>;

export function state(): State;

/** Yes or no, now. */
export function granted(purpose: string): boolean;

/** Hear of the state now, unless it is `starting`, and of each change; returns how to stop. */
export function onChange(listener: (state: State) => void): () => void;

/** Show the banner, or go to the hub's own page. */
export function ask(how?: { at?: "banner" | "hub" }): Promise<void>;

/** Hand in what a person chose on this page: for this brand, unless all of it is a no. */
export function answer(
  choices: Record<string, boolean>,
  how?: { reach?: "brand" | "group"; told?: boolean },
): Promise<State>;

/** Take back: at this brand, or with `reach: "group"` everywhere. */
export function withdraw(what: string[] | "all", how?: { reach?: "brand" | "group" }): Promise<State>;

/**
 * Go to the preference centre, and back here from there.  A code takes this page's device along, so
 * whoever answered on a page, or came by a link, finds their choices; what is changed counts here.
 */
export function openPreferences(): Promise<void>;

export function signIn(): Promise<void>;

/** Sign out at the hub, and so at all brands: no withdrawal, the device's own answers count again. */
export function signOut(): Promise<void>;

/** The consent token, for this brand's own servers; null where nobody is known. */
export function token(): Promise<string | null>;
