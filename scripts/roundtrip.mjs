/**
 * Loads the folders that tools/golden/oracle/roundtrip.py made HF transformers save, and expects the
 * ids that HF transformers generates. Needs `npm run build`.
 *
 * node scripts/roundtrip.mjs DIR
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { argmax, openModel, Session } from "../dist/tools/node/index.js";

const [dir] = process.argv.slice(2);
if (dir === undefined) {
  console.error("usage: node scripts/roundtrip.mjs DIR (what roundtrip.py --out wrote)");
  process.exit(2);
}
const { transformers, cases } = JSON.parse(await readFile(join(dir, "ids.json"), "utf8"));
let nOff = 0;
for (const [name, { prompt, ids }] of Object.entries(cases)) {
  const got = await greedy(join(dir, name), prompt, ids.length);
  const isSame = got.join() === ids.join();
  if (!isSame) nOff++;
  console.log(`${name}: ${isSame ? "ok" : `expected ${ids.join(" ")}, got ${got.join(" ")}`}`);
}
const nCases = Object.keys(cases).length;
console.log(`transformers ${transformers}: ${nCases - nOff} of ${nCases} give the same ids`);
process.exit(nOff === 0 ? 0 : 3);

/** The likeliest ids after a prompt, also beyond a token that ends a text. */
async function greedy(folder, prompt, n) {
  // HF's norms of the latents have their own epsilon, whatever the config says.
  const { model, close } = await openModel(folder, { threads: 1, latentEps: 1e-6 });
  const session = new Session(model);
  const got = [];
  for (let logits = session.appendAll(prompt).at(-1); got.length < n; ) {
    got.push(argmax(logits));
    if (got.length < n) logits = session.appendAll(got.slice(-1)).at(-1);
  }
  session.close();
  await close();
  return got;
}
