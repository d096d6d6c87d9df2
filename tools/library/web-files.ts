/**
 * The files of a model that lie on a web server, or in memory.
 *
 * Next: open.ts
 * @module
 */
import { ArgumentError, type CheckpointFiles, memoryFiles } from "../../engine/index.ts";
import { INDEX_FILE, readIndex } from "../../engine/weights/checkpoint.ts";

/** Files that a model may have, besides its shards. */
const NAMES = [
  "config.json",
  "tokenizer.json",
  "generation_config.json",
  "chat_template.jinja",
  "chat_template.json",
  "tokenizer_config.json",
  "model.safetensors",
  INDEX_FILE,
  "mtp.safetensors",
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
  if (names.includes(INDEX_FILE))
    names.push(...(await shards(await fetchBytes(new URL(INDEX_FILE, folder), signal))));
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
  const { ok, status, headers } = await fetch(url, { method: "HEAD", ...(signal && { signal }) });
  if (ok) return headers.get("content-type")?.startsWith("text/html") !== true;
  if (ABSENT.includes(status)) return false;
  throw new ArgumentError(String(url), `expected a file, or none, got status ${status}`);
}

/** What servers answer for a file that is not there; 403 is of those that do not tell. */
const ABSENT: readonly number[] = [403, 404, 410];

async function shards(index: Uint8Array): Promise<string[]> {
  const map = await readIndex(memoryFiles({ [INDEX_FILE]: index }));
  return [...new Set(map.values())].filter((name) => !NAMES.includes(name));
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
