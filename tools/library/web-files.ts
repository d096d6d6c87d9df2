/**
 * The files of a model that lie on a web server, or in memory.
 *
 * Next: open.ts
 * @module
 */
import { ArgumentError, type CheckpointFiles, memoryFiles } from "../../engine/index.ts";

/** Files that a model may have, besides its shards. */
const NAMES = [
  "config.json",
  "tokenizer.json",
  "generation_config.json",
  "chat_template.jinja",
  "chat_template.json",
  "tokenizer_config.json",
  "model.safetensors",
  "model.safetensors.index.json",
];

/**
 * The files under a URL. Each is fetched whole when it is opened: a static server needs no more than
 * to give files and to answer HEAD.
 *
 * @param base the URL of the folder
 * @param signal ends what is being fetched
 */
export async function webFiles(
  base: URL | string,
  signal?: AbortSignal | undefined,
): Promise<CheckpointFiles> {
  const folder = new URL(`${String(base).replace(/\/*$/, "")}/`, globalThis.location?.href);
  const found = await Promise.all(
    NAMES.map(async (name) => ((await exists(new URL(name, folder), signal)) ? [name] : [])),
  );
  const names = found.flat();
  const index = "model.safetensors.index.json";
  if (names.includes(index))
    names.push(...shards(await fetchBytes(new URL(index, folder), signal)));
  return {
    list: async () => names,
    open: async (name) => {
      const bytes = await fetchBytes(new URL(name, folder), signal);
      return memoryFiles({ [name]: bytes }).open(name);
    },
  };
}

/** A server of a single-page app answers every name with its page, so a page is no file. */
async function exists(url: URL, signal: AbortSignal | undefined): Promise<boolean> {
  const { ok, headers } = await fetch(url, { method: "HEAD", ...(signal && { signal }) });
  return ok && headers.get("content-type")?.startsWith("text/html") !== true;
}

function shards(index: Uint8Array): string[] {
  const json = JSON.parse(new TextDecoder().decode(index)) as { weight_map?: object };
  return [...new Set(Object.values(json.weight_map ?? {}) as string[])];
}

/** All bytes under a URL. @throws {ArgumentError} when the server does not give them */
export async function fetchBytes(
  url: URL | string,
  signal?: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, signal ? { signal } : {});
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new ArgumentError(String(url), `expected a file, got status ${response.status}`);
}
