/**
 * Loads a checkpoint, decodes a few tokens, and prints how much was read and how much memory was
 * needed.
 *
 *     node dist/bench/peers/make-model.js .cache/bench --large && node dist/bench/memory.js .cache/bench/large/q8
 *
 * Prints the bytes of the file, the bytes that were read, the largest resident memory of the
 * process, and the last two as shares of the first.
 * @module
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { argv, resourceUsage, stderr, stdout, versions } from "node:process";
import { Session } from "../engine/index.ts";
import { openModel } from "../tools/node/open.ts";

const TOKENS = 8;

const [, , folder, threads = "2"] = argv;
const { size } = await stat(join(folder, "model.safetensors"));
let read = 0;
const begun = performance.now();
const { model, arithmetic, close } = await openModel(folder, {
  turbo: true,
  threads: Number(threads),
  activations: "int8",
  onProgress: (done) => {
    read = done;
  },
});
const loaded = (performance.now() - begun) / 1000;
const session = new Session(model, { maxContext: 64 });
session.append([5]);
const start = performance.now();
for (let i = 0; i < TOKENS; i++) session.append([7 + i]);
const rate = TOKENS / ((performance.now() - start) / 1000);
const peak = resourceUsage().maxRSS * 1024;
stderr.write(`Node ${versions.node}: ${arithmetic}\n`);
stdout.write(
  `${(size / 2 ** 30).toFixed(2)} GiB; read ${(read / size).toFixed(4)} times in ${loaded.toFixed(1)} s; ` +
    `peak resident memory ${(peak / size).toFixed(3)} times; ${rate.toFixed(2)} tokens per second\n`,
);
session.close();
await close();
