/**
 * consentid in the page.
 *
 * ```html
 * <script type="module">
 *   import { init, granted, onChange } from "https://consent.example/sdk/v1/consentid.js";
 *   await init({ client: "news-spa", brand: "news" });
 *   if (granted("ads")) showAds();
 * </script>
 * ```
 *
 * **States.**  `starting` until it is known; `known`: a valid token says what is granted and refused;
 * `empty`: nobody is known here; `unknown`: the hub could not be asked, and is asked again by and by.
 * Nothing is granted but in `known`, and nothing throws but `answer` and `withdraw`, whose errors carry
 * a stable `code`.  `state().by` says where it comes from: `kept` (this site's own storage), `renewed`,
 * `link` (taken along from another brand), `silent`, `ask`, `login` (from the hub), `answered`,
 * `withdrawn`, `another tab`, `changed elsewhere`, `signed out`.
 *
 * **Order.**  A valid token in the site's own storage: no network.  An ended one: one refresh, whatever
 * the number of tabs.  Nothing there: the code that a link of the group carried; else, where it can help,
 * one look at the hub without a screen; else the question.
 *
 * **The return page** (`/consent/return`, registered as the client's `redirect_uris`) is an empty page
 * that calls `init` with the same options.  It keeps the answer and goes back to the exact address.
 *
 * **`<consent-banner>`**: put one where you like (`<consent-banner hidden>`), or none, and one is made.
 * `in-page` asks on your own page, for your brand alone.  Slots: `logo`, `title`, `body`, `more`.
 * Parts: `banner content title body purposes scope signal alert acts button go later refuse accept choose
 * form purpose save withdraw`.  Custom properties: `--consent-accent`, `-on-accent`, `-ink`, `-muted`,
 * `-paper`, `-line`, `-radius`, `-font`, `-width`, `-z`; without them, the brand's look.
 *
 * **Headless**: `init({ auto: false })`, texts from `GET /v1/catalogue`, `state().missing`, `answer(...)`.
 *
 * **Blocking**: `<script type="text/plain" data-consent="ads" data-src="...">`; `data-src` (`data-srcset`,
 * `data-srcdoc`) on frames and images; several purposes with spaces between.  After a withdrawal the brand's declared cookies are
 * cleared, and the page loads once more if a script of that purpose ran.
 *
 * **Policy**: `script-src` and `connect-src` need the hub's origin, nothing else: no inline style, no
 * frame, no eval, and trusted types hold.
 *
 * @packageDocumentation
 */

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
  /** Whether the browser sent Global Privacy Control when the person answered. */
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
  /** Whether nobody is asked on this visit unless it finds them. */
  isEnded?: boolean;
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
  /** Hours between two such looks, whatever the first one found: by then somebody may have answered elsewhere. */
  period_h?: number;
  /** Ask by itself where something is missing (the default); `"first"`: only where nobody answered. */
  auto?: boolean | "first";
  /**
   * Hear of changes made elsewhere while the page is looked at.  `auto` (the default): a page that opened
   * with a valid token asks nobody until its tab is looked at again; `always`: every page, by one request
   * that waits; `never`: not before the token ends.
   */
  follow?: "auto" | "always" | "never";
  /** Hold what `data-consent` marks, also where nothing is marked yet; policy `consentid` in Trusted Types. */
  blocking?: boolean;
  /** Tell Google's tags, by Consent Mode v2. */
  consentMode?: boolean;
}

export interface State {
  status: "starting" | "known" | "empty" | "unknown";
  /** A purpose in neither list is not granted. */
  granted: string[];
  refused: string[];
  /** The purposes that this brand has to ask about. */
  missing: string[];
  /** Whether this is somebody who signed in, rather than a device. */
  account: boolean;
  /** Whether this browser sends Global Privacy Control. */
  gpc: boolean;
  /** Where it comes from. */
  by: string | null;
  /** When the token ends, in milliseconds of this browser's clock. */
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

/** What a page imports. */
type Page = typeof import("./consentid");

/** What the parts of the SDK share.  Not for pages. */
export interface Core extends Page {
  readonly options: Required<Omit<Options, "blocking" | "consentMode">> & Options;
  readonly holder: Holder | null;
  readonly isKept: boolean;
  /** Where the visitor came from, as the browser says; empty where it does not. */
  from(): string;
  load(area: Area, name: string): any;
  save(area: Area, name: string, value: object | null): boolean;
  /** What a token of ours says, else null. */
  read(token: string): Claims | null;
  keep(answer: any, how: string, more?: Partial<Holder>): void;
  drop(mayReturn: boolean): void;
  /** Tell whoever listens, if anything is new to them. */
  settle(how: string | null): void;
  call(path: string, body?: URLSearchParams | object, headers?: Record<string, string>, stop?: AbortSignal): Promise<Answer>;
  /** Ask for tokens, as this client. */
  grant(form: Record<string, string>): Promise<Answer>;
  /**
   * One tab at a time.  What a tab writes reaches the others' storage late, so the writer marks it by a
   * lock of its own, which they see at once, and they wait for what was marked.
   */
  lock<T>(work: () => Promise<T>): Promise<T>;
  /** One refresh, whatever asks for it, over all tabs: a refresh token is good for one use. */
  renew(how?: string): Promise<void>;
  asSubject(path: string, body?: object, headers?: Record<string, string>, stop?: AbortSignal): Promise<Answer>;
  catalogue(isFresh?: boolean): Promise<Catalogue>;
}

declare global {
  interface Document {
    readonly prerendering?: boolean;
  }
}
