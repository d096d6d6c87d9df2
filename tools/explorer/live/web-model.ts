/**
 * Opens the model that lies beside the page: it is fetched once, with a count of bytes, and kept by the
 * browser. A list says which files there are, so that nothing is asked for that is not there.
 * @module
 */
import { ArgumentError, memoryFiles } from "../../../engine/index.ts";
import { wasmOps } from "../../../engine/ops/wasm/index.ts";
import { type Glm, openFiles } from "../../library/index.ts";
import { fetchBytes } from "../../library/web-files.ts";
import { webHost } from "../../library/web-host.ts";
import type { ExampleFacts, ModelFiles, OpenAsk } from "../messages.ts";
import type { Call } from "./desk.ts";

/** Bytes for caches and activations: those of a text of 8,192 tokens fit several times. */
const MEMORY = 2 ** 28;

/** Bytes in memory for one of a file: some weights become wider. */
const WIDENING = 2;

/** An open model, and the texts that come with it. */
export interface OpenedModel {
  readonly glm: Glm;
  readonly examples: readonly ExampleFacts[];
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
  const ops = await wasmOps(kernels, { memoryBytes: MEMORY + WIDENING * total });
  const glm = await openFiles(memoryFiles(files), { name: list.name }, { ops }, webHost(kernels));
  return { glm, examples };
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
