/**
 * The files that `glm52 explore` serves: the built page, a model, the kernels, and perhaps a trace.
 *
 * A page that is built for a web server has a copy of the model and of the kernels. The package has both
 * already, so it is published without these copies, and they are never served from there. Nor has it the
 * recorded answers for all scenes, half a megabyte for those who wait for a model from afar.
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { KERNELS } from "../../node/node-host.ts";
import { openConfig } from "../../node/open-config.ts";
import { demoModel, ourPackage } from "../../node/our-package.ts";
import { UserError } from "../../node/user-error.ts";
import type { ModelFiles, RecordedMore } from "../messages.ts";

/** A file, or a text that stands for one. */
export type ServedFile = {
  readonly bytes: number;
  readonly type: string;
} & (
  | { readonly path: string; readonly text?: undefined }
  | { readonly text: string; readonly path?: undefined }
);

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
};
const OTHER_TYPE = "application/octet-stream";

/** Files that a page can use, of those that a model's folder may have. */
const MODEL_FILE =
  /^(config|tokenizer|tokenizer_config|generation_config|model\.safetensors\.index)\.json$|^chat_template\.jinja$|\.safetensors$/;

/** The largest model that a page can hold: its memory has 4 GiB at most. */
const MOST_BYTES = 1.5e9;

/** Answers of the demo model for all scenes. Where there are none, the page starts its engine by itself. */
const RECORDED_PATH = "/recorded-more.json";
const NOTHING_RECORDED: RecordedMore = { entries: [] };

/** Where the page finds a trace. */
export const TRACE_PATH = "/trace";

/** What to serve. */
export interface ExplorerWish {
  /** Folder of a model; the demo model by default. */
  readonly model?: string | undefined;
  /** A trace file. */
  readonly trace?: string | undefined;
  /** The folder of the built page; that of this package by default. */
  readonly page?: string | undefined;
}

/**
 * Lists the files by their paths on the server.
 *
 * @throws {UserError} for a page that was not built, and a folder or file that cannot be shown
 */
export async function explorerFiles(wish: ExplorerWish): Promise<Map<string, ServedFile>> {
  const { model = await demoModel(), trace, page = await builtPage() } = wish;
  const files = new Map<string, ServedFile>();
  const entries = await readdir(page, { recursive: true, withFileTypes: true }).catch(() => {
    throw new UserError(
      page,
      "expected the built page there, found none: npm run build:explorer makes it",
    );
  });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(page.length).replaceAll("\\", "/");
    if (!name.startsWith("/model/")) files.set(name, await served(path));
  }
  if (wish.model !== undefined || !files.has(RECORDED_PATH)) {
    files.set(RECORDED_PATH, servedJson(NOTHING_RECORDED));
  }
  files.set("/kernels.wasm", await served(fileURLToPath(KERNELS)));
  for (const [name, file] of await modelFiles(model)) files.set(name, file);
  if (trace !== undefined) files.set(TRACE_PATH, await served(trace));
  return files;
}

/** Where the built page is: beside `tools/` where this is compiled, in `dist` where it is not. */
async function builtPage(): Promise<string> {
  const beside = fileURLToPath(new URL("../../../explorer", import.meta.url));
  const isThere = await stat(beside).catch(() => undefined);
  return isThere ? beside : join((await ourPackage()).folder, "dist/explorer");
}

async function served(path: string): Promise<ServedFile> {
  const { size } = await regular(path);
  return { path, bytes: size, type: TYPES[extname(path)] ?? OTHER_TYPE };
}

async function regular(path: string): Promise<{ size: number; mtimeMs: number }> {
  const found = await stat(path);
  if (found.isFile()) return found;
  throw new UserError(path, "expected a file, got something else");
}

function servedJson(value: unknown): ServedFile {
  const text = JSON.stringify(value);
  return { text, bytes: new TextEncoder().encode(text).length, type: TYPES[".json"] };
}

/** The files of a model, and the list of them. */
async function modelFiles(folder: string): Promise<[string, ServedFile][]> {
  const { name } = await openConfig(folder);
  const names = (await readdir(folder)).filter((file) => MODEL_FILE.test(file)).sort();
  for (const [needed, file] of [
    ["weights", names.find((each) => each.endsWith(".safetensors"))],
    ["tokenizer.json", names.find((each) => each === "tokenizer.json")],
  ]) {
    if (!file) throw new UserError(folder, `expected a model with ${needed}, found none`);
  }
  const found = await Promise.all(names.map((file) => regular(join(folder, file))));
  const total = found.reduce((sum, { size }) => sum + size, 0);
  if (total > MOST_BYTES) {
    const text = `expected at most ${MOST_BYTES} bytes, which a page can hold, got ${total}`;
    throw new UserError(folder, `${text}; make a trace of it, and give that with --trace`);
  }
  const list: ModelFiles = {
    name,
    version: found.map(({ size, mtimeMs }) => `${size}-${Math.round(mtimeMs)}`).join("-"),
    files: names.map((file, i) => ({ name: file, bytes: found[i].size })),
  };
  const files = names.map((file, i): [string, ServedFile] => {
    const type = TYPES[extname(file)] ?? OTHER_TYPE;
    return [`/model/${file}`, { path: join(folder, file), bytes: found[i].size, type }];
  });
  return [...files, ["/model/files.json", servedJson(list)]];
}
