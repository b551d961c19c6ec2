/** What stands in the brand's own storage.  Expiry is the token's own. */
export interface Holder {
  v?: 1;
  /** The consent token: compact, signed, short-lived. */
  token: string;
  access?: string;
  /** When the access token ends, in seconds of this browser's clock. */
  access_exp?: number;
  refresh?: string;
  id_token?: string;
  /** The credential of a device that this page made itself. */
  device?: string;
  /** The hub's clock less this browser's, in seconds. */
  skew_s: number;
  got_at: number;
  account?: boolean;
  /** Whether the browser sent Global Privacy Control when this was said. */
  gpc?: boolean;
}

export interface Claims {
  iss: string;
  client_id: string;
  iat: number;
  exp: number;
  sub: string;
  consent: { cat: number; rev: number; g: string[]; d: string[] };
}

export interface Trip {
  kind: "silent" | "ask" | "login";
  state: string;
  nonce: string;
  verifier: string;
  href: string;
  scroll: number;
}

/** What `init` is told. */
export interface Options {
  /** The public OAuth client of this brand, e.g. `news-spa`. */
  client: string;
  /** The brand's slug, e.g. `news`. */
  brand: string;
  /** The hub's issuer; without it, where this script came from. */
  hub?: string;
  /** The page of this site that the hub answers to: registered, and loads this script. */
  callback?: string;
  /** Where people are after signing out: registered. */
  signedOut?: string;
  /** The language to ask in; without it, the document's. */
  language?: string;
  /** When to look at the hub without a screen: for visitors who come from the group (the default). */
  silent?: "group" | "always" | "never";
  /** Hours between two such looks. */
  period_h?: number;
  /** Ask by itself where something is missing (the default); `"first"`: only where nobody answered. */
  auto?: boolean | "first";
  /** Hear of changes made elsewhere while the page is looked at. */
  follow?: "auto" | "always" | "never";
  /** Hold what `data-consent` marks, also where nothing is marked yet. */
  blocking?: boolean;
  /** Tell Google's tags, by Consent Mode v2. */
  consentMode?: boolean;
}

export interface State {
  status: "starting" | "known" | "empty" | "unknown";
  granted: string[];
  refused: string[];
  missing: string[];
  account: boolean;
  gpc: boolean;
  by: string | null;
  until: number | null;
}

export interface CataloguePurpose {
  id: string;
  parent: string | null;
  name: string;
  description: string;
  basis: string;
  mandatory: boolean;
  adults_only: boolean;
  signals?: { gcm?: string[] };
  cookies?: string[];
}

export interface Catalogue {
  brand: string;
  catalogue: number;
  served: string;
  notice: { id: string; version: number; language: string; digest: string };
  text: Record<string, string>;
  names: { party: string; name: string; legal_entity: string }[];
  purposes: CataloguePurpose[];
  look: Record<string, string>;
  origins?: Record<string, string>;
  gpc?: string[];
}

/** Of the catalogue, what is kept beside the holder. */
export interface About {
  cat: number;
  /** The purposes that must be answered, yes or no. */
  must: string[];
  origins: Record<string, string>;
  gpc: string[];
  gcm: Record<string, string[]>;
  cookies: Record<string, string[]>;
}

type Area = "localStorage" | "sessionStorage";
type Answer = { status: number; headers: Headers; body: any };

/** What the parts of the SDK share.  Not for pages. */
export interface Core {
  init(options: Options): Promise<State>;
  state(): State;
  granted(purpose: string): boolean;
  onChange(listener: (state: State) => void): () => void;
  ask(how?: { at?: "banner" | "hub" }): Promise<void>;
  answer(choices: Record<string, boolean>, how?: { reach?: "brand" | "group"; told?: boolean }): Promise<State>;
  withdraw(what: string[] | "all", how?: { reach?: "brand" | "group" }): Promise<State>;
  openPreferences(): Promise<void>;
  signIn(): Promise<void>;
  signOut(): Promise<void>;
  token(): Promise<string | null>;
  readonly options: Required<Omit<Options, "blocking" | "consentMode">> & Options;
  readonly holder: Holder | null;
  readonly isKept: boolean;
  load(area: Area, name: string): any;
  save(area: Area, name: string, value: object | null): boolean;
  read(token: string): Claims | null;
  keep(answer: any, how: string, more?: Partial<Holder>): void;
  drop(mayReturn: boolean): void;
  settle(how: string | null): void;
  call(path: string, body?: URLSearchParams | object, headers?: Record<string, string>, stop?: AbortSignal): Promise<Answer>;
  lock<T>(work: () => Promise<T>): Promise<T>;
  renew(how?: string): Promise<void>;
  asSubject(path: string, body?: object, headers?: Record<string, string>, stop?: AbortSignal): Promise<Answer>;
  catalogue(isFresh?: boolean): Promise<Catalogue>;
}

declare global {
  interface Document {
    readonly prerendering?: boolean;
  }
}
