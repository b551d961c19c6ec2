/**
 * What the two scripts for old televisions take and give.  They are ES5, define the globals
 * `ConsentidTv` and `ConsentidTvPair`, and need nothing else.
 *
 * @packageDocumentation
 */

/** For `new ConsentidTv(options)`. */
export interface TvOptions {
  /** The hub's `/v1/verify`, or one of yours that asks it. */
  endpoint: string;
  /** The consent token, or what gives it. */
  token: string | (() => string | null | undefined);
  /** The same, of the television's own access token, where the endpoint wants one. */
  accessToken?: string | (() => string | null | undefined);
  /** Called once per question where that is refused (401) or there is no token, before it is asked again. */
  renew?: (done: (isRenewed: boolean) => void) => void;
  purposes?: string[];
  onchange?: () => void;
  timeoutMs?: number;
}

/** For `new ConsentidTvPair(options)`. */
export interface PairOptions {
  hub: string;
  /** The OAuth client of the television, e.g. `play-tv`. */
  client: string;
  /** What people tell two televisions apart by. */
  deviceName?: string;
  scope?: string;
  resource?: string;
  /** How many codes are shown, one after the other, before nobody is waited for any longer. */
  mostCodes?: number;
  /** `told`: what to show in `code` and `away`, the tokens in `approved`. */
  onstate?: (state: PairState, told: any) => void;
}

export type PairState = "starting" | "code" | "approved" | "denied" | "away" | "expired";

/** What the hub says of a code, and how long it is good for. */
export interface Codes {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete?: string;
  verification_qr?: string;
  expires_in: number;
  interval?: number;
  leftMs: number;
}

/** What is granted, for how long. */
export interface TvAnswer {
  leftMs: number;
  granted: string[];
}

/** A moment by two clocks; the second one cannot be set, and is not everywhere. */
export interface Instant {
  wall: number;
  ticked: number | null;
}

type Finish = (answer: TvAnswer | null, sentAt?: Instant, isAway?: boolean) => void;

/** `status` 0: no answer; `told`: JSON, or null; `retryMs`: how long to wait at least. */
type Heard = (status: number, told: any, retryMs: number) => void;
