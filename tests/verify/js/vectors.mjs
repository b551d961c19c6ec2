// Runs the golden vectors and prints what came of each: node vectors.mjs VERIFY_JS VECTORS_JSON
import fs from "node:fs";
import { pathToFileURL } from "node:url";

const [, , module, vectors] = process.argv;
const { judgeVectors } = await import(new URL("./judge_vectors.js", import.meta.url));
const verify = await import(pathToFileURL(module));
console.log(JSON.stringify(await judgeVectors(verify, JSON.parse(fs.readFileSync(vectors)))));
