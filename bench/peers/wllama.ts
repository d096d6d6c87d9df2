/**
 * Measures wllama, which is llama.cpp compiled to WebAssembly, in headless Chromium. run.ts starts
 * this script.
 *
 * wllama takes only text, so its prompts are the words of the tokens that the other engines run.
 * The speeds are those that wllama reports, and it decodes the tokens that it chooses itself.
 * @module
 */
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import {
  answer,
  CHECKED_AT_ONCE,
  CHECKED_SINGLY,
  DECODED,
  median,
  ROUNDS,
  readJob,
  textLength,
  writeRows,
} from "./protocol.ts";

const job = readJob();
const packageFolder = join(job.peers, "node_modules/@wllama/wllama");
const folder = join(packageFolder, "esm");

/** The speeds that wllama reports for a completion. */
interface Timings {
  readonly prompt_per_second: number;
  readonly predicted_per_second: number;
}

const promptOf = (n: number) => job.words.slice(0, n).join("");

/** Requests the probabilities of all tokens except fragments, after prompts that grow by a word. */
const checks = Array.from({ length: CHECKED_SINGLY + 1 }, (_, t) => ({
  prompt: promptOf(CHECKED_AT_ONCE + t),
  max_tokens: 1,
  cache_prompt: true,
  logit_bias: job.fragments.map((id) => [id, false]),
  post_sampling_probs: true,
  temperature: 1,
  top_k: 0,
  top_p: 1,
  min_p: 0,
}));

/**
 * Requests to be timed. Each runs its whole prompt again, and reports the speeds of both phases.
 */
const timed = (n: number, max_tokens: number) =>
  Array.from({ length: ROUNDS }, () => ({
    prompt: promptOf(Math.max(n, 1)),
    max_tokens,
    cache_prompt: false,
    ignore_eos: true,
    temperature: 0,
  }));

const asked = {
  checks: job.logits === undefined ? [] : checks,
  prefill: job.prefill.map((n) => timed(n, 1)),
  decode: job.contexts.map((n) => timed(n, DECODED)),
};

const PAGE = `<!doctype html><script type="module">
import { Wllama } from "/wllama/index.js";
const say = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
try {
  const wllama = new Wllama({ default: "/wllama/wasm/wllama.wasm" });
  const blob = await (await fetch("/model")).blob();
  const start = performance.now();
  await wllama.loadModel([blob], { n_threads: ${job.threads}, n_ctx: ${textLength(job) + 1}, n_batch: 512, n_gpu_layers: 0 });
  const loaded = (performance.now() - start) / 1000;
  const asked = ${JSON.stringify(asked)};
  const rows = [];
  const n_probs = wllama.getLoadedContextInfo().n_vocab - ${job.fragments.length};
  for (const request of asked.checks) {
    const row = [];
    const { choices } = await wllama.createCompletion({ ...request, n_probs });
    for (const { id, prob } of choices[0].logprobs.content[0].top_probs) row[id] = Math.log(prob);
    rows.push(row);
  }
  const timings = { prefill: [], decode: [] };
  for (const kind of ["prefill", "decode"]) {
    for (const requests of asked[kind]) {
      const rounds = [];
      for (const request of requests) rounds.push((await wllama.createCompletion(request)).timings);
      timings[kind].push(rounds);
    }
  }
  const version = Wllama.getLibllamaVersion();
  await say({ loaded, rows, version, browser: navigator.userAgent, ...timings });
} catch (error) {
  await say({ error: String(error?.stack ?? error) });
}
</script>`;

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

let resolve: (text: string) => void = () => {};
const promise = new Promise<string>((done) => {
  resolve = done;
});
const server = createServer(async (request, response) => {
  response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
  response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
  const { url = "/" } = request;
  if (url === "/result") {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    response.end();
    resolve(Buffer.concat(parts).toString("utf8"));
    return;
  }
  const path = url === "/model" ? job.model : join(folder, url.replace("/wllama/", ""));
  if (url === "/") {
    response.setHeader("Content-Type", "text/html");
    response.end(PAGE);
    return;
  }
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
  response.setHeader("Content-Length", found.size);
  createReadStream(path).pipe(response);
});
await new Promise<void>((ready) => {
  server.listen(0, "127.0.0.1", ready);
});
const profile = await mkdtemp(join(tmpdir(), "glm52-wllama-"));
const { port } = server.address() as AddressInfo;
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`];
const browser = spawn(job.chromium, [...flags, `http://127.0.0.1:${port}/`], { stdio: "ignore" });
const failed = new Promise<never>((_, reject) => {
  browser.once("error", reject);
  browser.once("exit", (code) => reject(new Error(`the browser ended with status ${code}`)));
});
const text = await Promise.race([promise, failed]).finally(async () => {
  browser.kill();
  server.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
});

const result = JSON.parse(text) as {
  readonly error?: string;
  readonly loaded: number;
  /** Null stands where there is no probability. */
  readonly rows: readonly (readonly (number | null)[])[];
  readonly version: string;
  readonly browser: string;
  readonly prefill: readonly (readonly Timings[])[];
  readonly decode: readonly (readonly Timings[])[];
};
if (result.error !== undefined) throw new Error(result.error);
if (job.logits !== undefined)
  writeRows(
    job.logits,
    result.rows.map((row) => row.map((x) => x ?? Number.NaN)),
  );
const { version } = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8"));
const chromium = /Chrome\/[\d.]+/.exec(result.browser)?.[0] ?? result.browser;
answer({
  version: `${version}, llama.cpp ${result.version}, ${chromium}`,
  loaded: result.loaded,
  prefill: ratesOf(job.prefill, result.prefill, (t) => t.prompt_per_second),
  decode: ratesOf(job.contexts, result.decode, (t) => t.predicted_per_second),
});

function ratesOf(
  numbers: readonly number[],
  timings: readonly (readonly Timings[])[],
  rateOf: (timings: Timings) => number,
): Record<number, number> {
  return Object.fromEntries(numbers.map((n, i) => [n, median(timings[i].map(rateOf))]));
}
