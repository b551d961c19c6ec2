/**
 * What a server imports from `webhooks.js` to check what the hub sends.  Spec: Standard Webhooks.
 *
 * @packageDocumentation
 */

/** Remembers ids.  Where a receiver has several processes, give a place that they share. */
export interface Seen {
  /** Remember one; whether it is new. */
  add(id: string): boolean | Promise<boolean>;
  /** Whoever took it could not do it: let it come again. */
  forget(id: string): unknown;
}

export interface ReceiverOptions {
  /** The last hundred thousand in this process, unless given. */
  seen?: Seen;
  /** How long ago it may have been sent. */
  toleranceS?: number;
  /** Seconds since 1970. */
  now?: () => number;
}

/** `request.headers` of Node, or of a `Request`. */
export type GivenHeaders = Headers | Record<string, string | string[] | undefined>;

/** A CloudEvent, as `/schema/events` describes it. */
export interface WebhookEvent {
  specversion: "1.0";
  id: string;
  source: string;
  type: string;
  time: string;
  sequence: string;
  /** Of whom it tells, for this receiver alone. */
  subject?: string;
  data: Record<string, unknown>;
}

/** It is not what the hub sent, or not now: answer 400, and do nothing. */
export class BadWebhookError extends Error {
  constructor(code: string, message: string);
  /** A stable word: `bad_webhook`, `stale_webhook`, `bad_signature` or `bad_webhook_key`. */
  code: string;
}

/** Checks webhooks with one or more keys; while secrets change, give both. */
export class Receiver {
  /** `whsec_...` or `whpk_...`, as `consentid webhooks add` showed them.  Throws for anything else. */
  constructor(keys: string | string[], options?: ReceiverOptions);
  /**
   * The event; null where it was here before: answer 204 either way.  `body` is what came, byte by
   * byte, and not what was parsed.  Where doing it fails, `forget` its id and answer 500: it comes
   * again.  Throws a `BadWebhookError`.
   */
  receive(headers: GivenHeaders, body: string | Uint8Array): Promise<WebhookEvent | null>;
  forget(id: string): Promise<void>;
}
