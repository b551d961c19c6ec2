// Receives the golden vectors and prints what came of each: node receive_vectors.mjs WEBHOOKS_JS VECTORS_JSON
import fs from "node:fs";
import { pathToFileURL } from "node:url";

const [, , module, vectors] = process.argv;
const { BadWebhookError, Receiver } = await import(pathToFileURL(module));
const { receivers, bad_keys } = JSON.parse(fs.readFileSync(vectors, "utf8"));
const codeOf = (error) => (error instanceof BadWebhookError ? error.code : String(error));
const told = {};
for (const { name, keys, now, deliveries } of receivers) {
  const receiver = new Receiver(keys, { now: () => now });
  told[name] = [];
  for (const { headers, body } of deliveries) {
    try {
      const event = await receiver.receive(headers, Buffer.from(body));
      told[name].push(event === null ? "again" : JSON.stringify(event) === JSON.stringify(JSON.parse(body)) ? "taken" : "other");
    } catch (error) {
      told[name].push(codeOf(error));
    }
  }
}
const refused = bad_keys.map((key) => {
  try {
    return new Receiver(key) && "taken";
  } catch (error) {
    return codeOf(error);
  }
});
// What could not be done comes again; a list of header values is no header.
const [{ keys, now, deliveries: [{ headers, body }] }] = receivers;
const receiver = new Receiver(keys[0], { now: () => now });
const again = [];
for (let turn = 0; turn < 2; turn++) {
  const event = await receiver.receive(new Headers(headers), body);
  again.push(event !== null);
  await receiver.forget(headers["webhook-id"]);
}
await receiver.receive({ ...headers, "webhook-id": [headers["webhook-id"]] }, body).catch((error) => again.push(codeOf(error)));
console.log(JSON.stringify({ told, refused, again }));
