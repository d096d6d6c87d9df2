/**
 * wllama, llama.cpp compiled to WebAssembly, in headless Chromium; prints one JSON object. Started
 * by run.ts.
 *
 *     node dist/bench/peers/wllama.js PEERS FILE threads prefill,… context,…
 *
 * It has no call for tokens, so its prompt is a text of about as many of them; the speeds are those
 * that it reports itself.
 * @module
 */
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { argv, stdout } from "node:process";
import { DECODED, type Measured, ROUNDS } from "./protocol.ts";

const [, , peers, file, threads, prefills, contexts] = argv;
const folder = join(peers, "node_modules/@wllama/wllama/esm");

/** What a completion tells about itself. */
interface Timings {
  readonly prompt_per_second: number;
  readonly predicted_per_second: number;
}

const numbers = (list: string) => list.split(",").filter(Boolean).map(Number);

/** A word of the demo model's tokenizer is about a token. */
const promptOf = (n: number) => "Once upon a time there was a little girl ".repeat(n / 9).trim();

const asked = [...numbers(prefills), ...numbers(contexts)];

const PAGE = `<!doctype html><script type="module">
import { Wllama } from "/wllama/index.js";
const say = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
try {
  const wllama = new Wllama({ default: "/wllama/wasm/wllama.wasm" });
  const blob = await (await fetch("/model")).blob();
  const start = performance.now();
  await wllama.loadModel([blob], { n_threads: ${threads}, n_ctx: ${Math.max(...asked) + 512}, n_batch: 512, n_gpu_layers: 0 });
  const loaded = (performance.now() - start) / 1000;
  const timings = {};
  for (const [n, prompt] of ${JSON.stringify(asked.map((n) => [n, promptOf(n)]))}) {
    for (let round = 0; round < ${ROUNDS}; round++) {
      const max_tokens = ${DECODED};
      const done = await wllama.createCompletion({ prompt: round + prompt, max_tokens, temperature: 0, ignore_eos: true });
      (timings[n] ??= []).push(done.timings);
    }
  }
  await say({ loaded, timings });
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
  const path = url === "/model" ? file : join(folder, url.replace("/wllama/", ""));
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
const browser = spawn("chromium", [...flags, `http://127.0.0.1:${port}/`], { stdio: "ignore" });
const text = await promise;
browser.kill();
server.close();
await rm(profile, { recursive: true, force: true, maxRetries: 5 });

const result = JSON.parse(text) as {
  readonly error?: string;
  readonly loaded: number;
  readonly timings: Readonly<Record<string, readonly Timings[]>>;
};
if (result.error !== undefined) throw new Error(result.error);
const best = (n: number, of: (timings: Timings) => number) =>
  Math.max(...result.timings[n].map(of));
const measured: Measured = {
  engine: "wllama",
  version: "wllama in Chromium",
  loaded: result.loaded,
  prefill: Object.fromEntries(
    numbers(prefills).map((n) => [n, { rate: best(n, (t) => t.prompt_per_second), best: -1 }]),
  ),
  decode: Object.fromEntries(
    numbers(contexts).map((n) => [n, best(n, (t) => t.predicted_per_second)]),
  ),
};
stdout.write(JSON.stringify(measured));
