/**
 * This engine, measured in a process of its own; prints one JSON object. Started by run.ts.
 *
 *     node dist/bench/peers/ours.js MODEL threads activations prefill,… context,…
 * @module
 */
import { argv, stdout, versions } from "node:process";
import { Session } from "../../engine/index.ts";
import { openModel } from "../../tools/open-model.ts";
import { argmax, DECODED, type Measured, median, ROUNDS, tokenAt } from "./protocol.ts";

const [, , folder, threads, activations, prefills, contexts] = argv;
const begun = performance.now();
const { model, arithmetic } = await openModel(folder, {
  backend: "wasm",
  threads: Number(threads),
  activations: activations === "int8" ? "int8" : "f32",
});
const loaded = (performance.now() - begun) / 1000;

/** Tokens per second of one run of `n` tokens, logits only after the last. */
function prefill(n: number): { rate: number; best: number } {
  const tokens = Array.from({ length: n }, (_, i) => tokenAt(i));
  let best = -1;
  const rates = Array.from({ length: ROUNDS }, () => {
    const session = new Session(model, { maxContext: n, chunk: n });
    const start = performance.now();
    best = argmax(session.append(tokens));
    const rate = n / ((performance.now() - start) / 1000);
    session.close();
    return rate;
  });
  return { rate: median(rates), best };
}

/** Tokens per second, one at a time, from position `context` on. */
function decode(context: number): number {
  const session = new Session(model, { maxContext: context + DECODED * ROUNDS, chunk: 512 });
  session.append(Array.from({ length: context }, (_, i) => tokenAt(i)));
  const rates = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (let i = 0; i < DECODED; i++) session.append([tokenAt(session.tokens.length)]);
    return DECODED / ((performance.now() - start) / 1000);
  });
  session.close();
  return median(rates);
}

const numbers = (list: string) => list.split(",").filter(Boolean).map(Number);
const measured: Measured = {
  engine: "glm52.ts",
  version: `node ${versions.node}, ${arithmetic}`,
  loaded,
  prefill: Object.fromEntries(numbers(prefills).map((n) => [n, prefill(n)])),
  decode: Object.fromEntries(numbers(contexts).map((n) => [n, decode(n)])),
};
stdout.write(JSON.stringify(measured));
(model.ops as { close?: () => void }).close?.();
