// The only way in which these pages use consentid: the SDK that the hub serves to everybody.
import { site } from "./site.js";

/** Load the SDK and tell it who we are; null where it is blocked or the hub is away. */
export async function start(onChange) {
  let consent;
  try {
    consent = await import(`${site.hub}/sdk/v1/consentid.js`);
  } catch {
    return null;
  }
  consent.onChange(onChange);
  await consent.init({
    client: site.clientId,
    brand: site.brand,
    hub: site.hub,
    callback: "/consent/return",
    silent: "always",
    auto: "first", // what is missing later is asked where it belongs, by invite.js
    follow: "auto",
    consentMode: true,
  });
  return consent;
}
