/**
 * Opens the model that lies beside the page: it is fetched once, with a count of bytes, and kept by the
 * browser. A list says which files there are, so that nothing is asked for that is not there.
 * @module
 */
import { ArgumentError, loadWeights, memoryFiles, openCheckpoint } from "../../../engine/index.ts";
import { type Threads, wasmOps } from "../../../engine/ops/wasm/index.ts";
import { readModelConfig } from "../../library/model-config.ts";
import { readTokenizer } from "../../library/tokenizer-files.ts";
import { fetchBytes } from "../../library/web-files.ts";
import { threadOf, type WebWorker } from "../../library/web-thread.ts";
import type { ExampleFacts, ModelFiles, OpenAsk } from "../messages.ts";
import type { Call } from "./desk.ts";
import type { Speaking } from "./look.ts";

/** Bytes for caches and activations: those of a text of 8,192 tokens fit several times. */
const MEMORY = 2 ** 28;

/** Bytes in memory for one of a file: some weights become wider. */
const WIDENING = 2;

/** An open model, and the texts that come with it. */
export interface OpenedModel extends Speaking {
  readonly name: string;
  /** What computes, for people. */
  readonly arithmetic: string;
  readonly examples: readonly ExampleFacts[];
  close(): Promise<void>;
}

/** Fetches and opens. @throws {ArgumentError} when a file does not arrive */
export async function openFromWeb(
  { modelUrl, kernelsUrl, examplesUrl }: OpenAsk,
  { signal, onProgress }: Pick<Call, "signal" | "onProgress">,
): Promise<OpenedModel> {
  const folder = `${modelUrl.replace(/\/*$/, "")}/`;
  const [list, examples, kernels] = await Promise.all([
    fetchJson<ModelFiles>(`${folder}files.json`, signal),
    fetchJson<readonly ExampleFacts[]>(examplesUrl, signal),
    fetchBytes(kernelsUrl, signal),
  ]);
  const total = list.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const take = (n: number): void => {
    done += n;
    onProgress({ done, total, unit: "bytes" });
  };
  const files: Record<string, Uint8Array> = {};
  for (const { name, bytes } of list.files) {
    files[name] = await fetchCounted(`${folder}${name}?${list.version}`, bytes, take, signal);
  }
  // The library could open them, too, but it brings chats, templates and streams that no page needs.
  const source = memoryFiles(files);
  const { config, quantization } = await readModelConfig(source);
  const { activations = "f32" } = quantization ?? {};
  const threads = threadsHere();
  const memoryBytes = MEMORY + WIDENING * total;
  const ops = await wasmOps(kernels, { memoryBytes, activations, ...(threads && { threads }) });
  const checkpoint = await openCheckpoint(source);
  const weights = await loadWeights(ops, config, checkpoint, () => {}, "ifUsable");
  const opened = await readTokenizer(source, config);
  if (!opened) throw new ArgumentError(list.name, "expected a model with a tokenizer.json");
  return {
    ...opened,
    model: { config, weights, ops },
    name: list.name,
    arithmetic: `wasm, ${activations}, threads: ${threads?.count ?? 1}`,
    examples,
    close: () => ops.close(),
  };
}

/** The most threads: a small model gains little from more. */
const MOST_THREADS = 4;

/** The part of a worker's global scope that is needed here. */
interface WebGlobals {
  readonly crossOriginIsolated: boolean;
  readonly navigator: { readonly hardwareConcurrency?: number };
  readonly Worker: new (url: URL, options: { type: "module" }) => WebWorker;
}

/** Threads, where memory can be shared with them. They change no bit. */
function threadsHere(): Threads | undefined {
  const { crossOriginIsolated, navigator, Worker } = globalThis as Partial<WebGlobals>;
  if (crossOriginIsolated !== true || !Worker) return undefined;
  return {
    count: Math.min(MOST_THREADS, navigator?.hardwareConcurrency ?? 1),
    start: (_, threadData) =>
      threadOf(new Worker(new URL("./thread.ts", import.meta.url), { type: "module" }), threadData),
  };
}

async function fetchJson<T>(url: string, signal: AbortSignal): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await fetchBytes(url, signal)));
}

/** Fetches a file, or takes it from what the browser kept, and tells of its bytes as they come. */
async function fetchCounted(
  url: string,
  bytes: number,
  take: (n: number) => void,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const response = await fetch(url, { signal, cache: "force-cache" });
  if (!response.ok) {
    throw new ArgumentError(url, `expected a file, got status ${response.status}`);
  }
  const all = new Uint8Array(bytes);
  let at = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    if (at + part.value.length > bytes) at = bytes + 1;
    else all.set(part.value, at);
    if (at > bytes) break;
    at += part.value.length;
    take(part.value.length);
  }
  if (at === bytes) return all;
  const got = at > bytes ? "more" : at;
  throw new ArgumentError(url, `expected ${bytes} bytes, got ${got}; load the page again`);
}
