/**
 * A brand's page and its server in TypeScript, with the types that we publish; and those types
 * beside what TypeScript finds in our modules (`found/`).  It is checked, never run.
 */

import * as page from "https://consent.example/sdk/v1/consentid.js";
import type { State } from "https://consent.example/sdk/v1/consentid.js";
import * as server from "https://consent.example/sdk/v1/verify.js";
import * as hooks from "https://consent.example/sdk/v1/webhooks.js";
import type * as foundHooks from "found/own-webhooks";
import type * as foundPage from "found/own-consentid";
import type * as foundServer from "found/own-verify";

export async function start(): Promise<void> {
  const known: State = await page.init({ client: "news-spa", brand: "news", silent: "group", auto: "first" });
  const stop: () => void = page.onChange(({ granted, until }) => show(granted, until));
  if (known.status === "empty") await page.ask({ at: "hub" });
  await page.answer({ ads: false, content: true }, { reach: "group" });
  await page.withdraw("all", { reach: "group" });
  const token: string | null = await page.token();
  if (page.granted("ads") && token) stop();

  // @ts-expect-error a page needs a client
  await page.init({ brand: "news" });
  // @ts-expect-error there is no such state
  if (known.status === "granted") stop();
  // @ts-expect-error a choice is a yes or a no
  await page.answer({ ads: "granted" });
  // @ts-expect-error what the modules share is nobody else's
  page.keep({});
}

function show(granted: string[], until: number | null): void {
  document.body.classList.toggle("personal", granted.includes("content") && until !== null);
}

const verifier = new server.Verifier({ issuer: "https://consent.example", audience: "https://news.example" });

export async function reasonAgainst(token: string): Promise<string | undefined> {
  if (await verifier.allows(token, "ads")) return undefined;
  const found = await verifier.verify(token);
  // @ts-expect-error whoever is told no is told nothing of a person
  if (!found.active) return found.sub ?? found.reason;
  return found.granted.has("ads") ? undefined : "refused";
}

const receiver = new hooks.Receiver(["whsec_old", "whsec_new"], { seen: { add: async () => true, forget: () => undefined } });

export async function receive(request: Request): Promise<Response> {
  try {
    const event = await receiver.receive(request.headers, new Uint8Array(await request.arrayBuffer()));
    // @ts-expect-error it may have been here before
    if (event.type === "consentid.erasure.v1") await receiver.forget(event.id);
    return new Response(event?.subject, { status: 204 });
  } catch (error) {
    return new Response(error instanceof hooks.BadWebhookError ? error.code : "", { status: 400 });
  }
}

// Published is what is there, no more and no less; of a verifier, what is promised.
type Same<One, Other> = [One, Other] extends [Other, One] ? true : never;

export const isPublished: [
  Same<typeof page, typeof foundPage>,
  Same<keyof typeof server, keyof typeof foundServer>,
  typeof foundServer extends typeof server ? true : never,
  Same<keyof typeof hooks, keyof typeof foundHooks>,
  typeof foundHooks extends typeof hooks ? true : never,
] = [true, true, true, true, true];
