/**
 * All steps of the build of the explorer.
 *
 * Next: record.ts, source-cuts.ts, source-page.ts
 * @module
 */
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build, type Plugin } from "vite";
import { open } from "../../node/index.ts";
import type { ModelFiles } from "../messages.ts";
import { FORMULAS, SOURCES } from "../page/wanted.ts";
import { examplesIn, recalledExample } from "./examples.ts";
import { mathOf } from "./formulas.ts";
import { type Highlighter, newHighlighter } from "./highlight.ts";
import { modelPage } from "./model-page.ts";
import { moreJson, type RecordOptions, record, recordedModule } from "./record.ts";
import { cutSymbol } from "./source-cuts.ts";
import { sourcePage } from "./source-page.ts";
import { type Stamps, stampsOf } from "./stamp.ts";

/** Files of a model that a page needs. */
const MODEL_FILES: readonly string[] = [
  "chat_template.jinja",
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
];

/** What was recorded, as it is written. */
interface Answers {
  /** The texts, as examples.json has them. */
  readonly examples: string;
  readonly module: string;
  readonly more: string;
}

/**
 * Builds into a folder, which is replaced.
 *
 * @param root the folder of the project
 */
export async function buildExplorer(
  root: string,
  out: string,
  options: RecordOptions = { isQuick: false },
): Promise<void> {
  const stamps = await stampsOf(root);
  const answers = await recordOnce(root, stamps, options);
  const highlight = await newHighlighter();
  await bundle(root, out, {
    recorded: answers.module,
    sources: exported("sources", cutAll(root, SOURCES, highlight)),
    formulas: exported("formulas", mathOf(FORMULAS)),
  });
  const write = (name: string, text: string): Promise<void> => writeFile(join(out, name), text);
  await write("recorded-more.json", answers.more);
  await write("examples.json", answers.examples);
  await cp(join(root, "kernels-as/build/kernels.wasm"), join(out, "kernels.wasm"));
  await copyModel(join(root, "demo-model"), join(out, "model"));
  await using glm = await open(join(root, "demo-model"), { threads: 1 });
  await write("source.html", sourcePage(root, glm, highlight));
  await write("model.html", modelPage(await readFile(join(root, "MODEL.md"), "utf8")));
  await cp(join(root, "tools/explorer/build/source.css"), join(out, "source.css"));
  await write("stamp.txt", stampText(stamps, options));
}

/** Says of which sources a built page is, and how much of it was recorded. */
export const stampText = ({ whole }: Stamps, { isQuick }: RecordOptions): string =>
  `${isQuick ? "quick" : "full"} ${whole}`;

const exported = (name: string, value: unknown): string =>
  `export const ${name} = ${JSON.stringify(value)};`;

function cutAll(root: string, wanted: readonly string[], highlight: Highlighter): unknown {
  return Object.fromEntries(wanted.map((symbol) => [symbol, cutSymbol(root, symbol, highlight)]));
}

/** Records, or takes what was recorded of the same sources. */
async function recordOnce(
  root: string,
  { recorded: stamp }: Stamps,
  options: RecordOptions,
): Promise<Answers> {
  const kind = options.isQuick ? "quick" : "full";
  const cache = join(root, ".cache", `explorer-${kind}`);
  const file = join(cache, `${stamp}.json`);
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept);
  await using glm = await open(join(root, "demo-model"));
  const examples = (await examplesIn(root)).map((example) =>
    options.isQuick && example.id === "long" ? example : recalledExample(glm, example),
  );
  const { recorded, more } = await record(glm, examples, options);
  const answers: Answers = {
    examples: JSON.stringify(examples),
    module: recordedModule(recorded),
    more: moreJson(more),
  };
  await rm(cache, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  await writeFile(file, JSON.stringify(answers));
  return answers;
}

/** Runs Vite over the page and its worker. */
async function bundle(
  root: string,
  out: string,
  modules: Readonly<Record<string, string>>,
): Promise<void> {
  await build({
    configFile: false,
    root: join(root, "tools/explorer/page"),
    base: "./",
    logLevel: "error",
    plugins: [virtual(modules)],
    worker: { format: "es", plugins: () => [virtual(modules)] },
    build: {
      outDir: resolve(out),
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // What was recorded is data, and travels beside the script.
      rolldownOptions: {
        output: { codeSplitting: { groups: [{ name: "recorded", test: /virtual:recorded/ }] } },
      },
    },
  });
}

/** Modules that are text of this program: `virtual:recorded` and others. */
function virtual(modules: Readonly<Record<string, string>>): Plugin {
  const prefix = "virtual:";
  return {
    name: "explorer-modules",
    resolveId: (id) => (id.startsWith(prefix) ? `\0${id}` : undefined),
    load: (id) => (id.startsWith(`\0${prefix}`) ? modules[id.slice(prefix.length + 1)] : undefined),
  };
}

/** Copies the files of a model, and writes the list of them. */
async function copyModel(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const names = (await readdir(from)).filter((name) => MODEL_FILES.includes(name)).sort();
  const hash = createHash("sha256");
  const files: ModelFiles["files"][number][] = [];
  for (const name of names) {
    const bytes = await readFile(join(from, name));
    hash.update(bytes);
    files.push({ name, bytes: bytes.length });
    await writeFile(join(to, name), bytes);
  }
  const list: ModelFiles = { name: "demo-model", version: hash.digest("hex").slice(0, 16), files };
  await writeFile(join(to, "files.json"), JSON.stringify(list));
}
