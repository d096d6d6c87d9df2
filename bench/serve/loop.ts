/**
 * Measures how long a server takes to answer while its engine works: `/health` is asked over and over, at rest and
 * while so many texts are streamed.
 *
 *     node dist/bench/serve/loop.js [MODEL] [threads] [texts]
 *
 * The columns are milliseconds: the median, the 99th hundredth, the longest.
 * @module
 */
import { argv, stdout } from "node:process";
import { serveApp } from "../../tools/serve/app.ts";
import { serveFolder } from "../../tools/serve/engine/serve-folder.ts";
import { listen } from "../../tools/serve/http.ts";
import { circumstances } from "../peers/versions.ts";
import { printRow } from "../support.ts";

const PINGS = 300;
/** Milliseconds between two of them. */
const APART = 10;

const [, , folder, threads = "2", texts = "16"] = argv;
const { desk, about } = await serveFolder(folder, {
  open: { threads: Number(threads), turbo: true },
  rows: {},
});
const { url, close } = await listen(serveApp(desk, { think: "off", anyModel: true }), { port: 0 });

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The milliseconds of some pings, ascending. */
async function pings(): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const begun = performance.now();
    await (await fetch(`${url}/health`)).arrayBuffer();
    all.push(performance.now() - begun);
    await wait(APART);
  }
  return all.sort((a, b) => a - b);
}

/** Streams a text to its end, or until it is broken off. */
async function stream(seed: number, signal: AbortSignal): Promise<void> {
  const body = {
    messages: [{ role: "user", content: `Tell me story ${seed}. ${"And one more. ".repeat(40)}` }],
    ...{ stream: true, max_tokens: 4000, ignore_eos: true, seed },
  };
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify(body),
    signal,
  });
  const reader = answer.body?.getReader();
  while (reader && !(await reader.read()).done);
}

function print(what: string, all: readonly number[]): void {
  const at = (share: number) => all[Math.floor(share * (all.length - 1))].toFixed(1);
  printRow([what, at(0.5), at(0.99), at(1)]);
}

for (const [name, value] of await circumstances()) stdout.write(`# ${name}: ${value}\n`);
stdout.write(`# arithmetic: ${about.arithmetic}\n`);
printRow(["", "median", "99th", "longest"]);
await pings(); // warm
print("at rest", await pings());
const abort = new AbortController();
const streams = Array.from({ length: Number(texts) }, (_, seed) =>
  stream(seed, abort.signal).catch(() => {}),
);
print(`${texts} texts`, await pings());
abort.abort();
await Promise.all(streams);
await close(0);
await desk.close(0);
