// What the device holds, in IndexedDB: itself (its key cannot be taken out), its kit, its queue.
// What was captured is durable before anybody is told that it is.

const NAME = "consentid-field";
const DEVICE = "device";
const STATE = "state";
const BUNDLES = "bundles";

/** @typedef {"queued" | "waiting" | "recorded" | "refused"} BundleState */

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore(STATE);
      asked.result.createObjectStore(BUNDLES, { keyPath: ["device", "seq"] });
    };
    asked.onsuccess = () => {
      const forget = () => (opened = undefined);
      asked.result.onclose = forget; // the browser closes it where the disk fails
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error);
  });
  opened.catch(() => (opened = undefined)); // next time there may be room
  return opened;
}

/** Runs one transaction; what `act` returns, once it is on disk. */
async function transact(stores, mode, act) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const options = mode === "readwrite" ? { durability: "strict" } : undefined;
    const transaction = database.transaction(stores, mode, options);
    let result;
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
    act(transaction, (found) => (result = found));
  });
}

export const read = (key) =>
  transact([STATE], "readonly", (transaction, answer) => {
    const asked = transaction.objectStore(STATE).get(key);
    asked.onsuccess = () => answer(asked.result);
  });

export const write = (key, value) =>
  transact([STATE], "readwrite", (transaction) => transaction.objectStore(STATE).put(value, key));

export const readDevice = () => read(DEVICE);
export const writeDevice = (device) => write(DEVICE, device);

/** Puts a bundle at the end of the chain, and moves the chain's end: both, or neither. */
export const append = (device, bundle, head) =>
  transact([STATE, BUNDLES], "readwrite", (transaction) => {
    transaction.objectStore(BUNDLES).add(bundle); // a number that is taken aborts all of it
    transaction.objectStore(STATE).put({ ...device, seq: bundle.seq, head }, DEVICE);
  });

export const readBundles = () =>
  transact([BUNDLES], "readonly", (transaction, answer) => {
    const asked = transaction.objectStore(BUNDLES).getAll();
    asked.onsuccess = () => answer(asked.result);
  });

export const writeBundles = (bundles) =>
  transact([BUNDLES], "readwrite", (transaction) => {
    for (const bundle of bundles) transaction.objectStore(BUNDLES).put(bundle);
  });
