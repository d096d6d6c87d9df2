/**
 * Tells what somebody gave instead of the folder of a model: a file in another format, the name of a
 * repository, a folder with the weights of another engine. The message says what to do instead.
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "./user-error.ts";

/** What a GGUF is, and the way out. */
const GGUF =
  "a GGUF, which is for llama.cpp; give the folder with config.json and safetensors that it was converted from";

/**
 * @param wanted what the path should lead to, for the message
 * @throws {UserError} when there is no folder with a config.json in it; it says what is there instead
 */
export async function mustHaveConfig(
  path: string,
  wanted = "the folder of a model",
): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UserError(path, `expected ${wanted}${await notThere(path)}`);
  if (!found.isDirectory()) {
    throw new UserError(path, `expected ${wanted}, got ${fileKind(path)}`);
  }
  if (!(await stat(join(path, "config.json")).catch(() => undefined))) {
    const names = await readdir(path);
    throw new UserError(path, `expected a config.json in it, found ${await instead(path, names)}`);
  }
}

/** What a path that leads nowhere was meant to be. */
async function notThere(path: string): Promise<string> {
  if (path.endsWith(".gguf")) return `, got the name of ${GGUF}`;
  const repository = /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.exec(path)?.[0];
  const isBelowNothing = !(await stat(dirname(path)).catch(() => undefined));
  if (repository === undefined || !isBelowNothing) return "";
  const folder = basename(path);
  return `, got the name of a repository: nothing is downloaded here; fetch it with \`hf download ${repository} --local-dir ${folder}\`, then give ${folder}`;
}

/** What a file is, by its name, and what to give instead. */
function fileKind(path: string): string {
  if (path.endsWith(".gguf")) return GGUF;
  const folder = dirname(path);
  if (path.endsWith(".safetensors")) {
    return `one file of weights; give its folder, ${folder}, with config.json beside it`;
  }
  if (basename(path) === "config.json") return `the config alone; give its folder, ${folder}`;
  if (/\.(bin|pt|pth)$/.test(path)) return "weights in PyTorch's format; save them as safetensors";
  return "a file";
}

/** What a folder without a config.json holds, and what to give instead. */
async function instead(path: string, names: readonly string[]): Promise<string> {
  const one = (ending: RegExp): string | undefined => names.find((name) => ending.test(name));
  const gguf = one(/\.gguf$/);
  if (gguf !== undefined) return `${gguf}, ${GGUF}`;
  if (await stat(join(path, "model", "config.json")).catch(() => undefined)) {
    return `it in its folder model; give ${join(path, "model")}`;
  }
  const weights = one(/\.safetensors$/);
  if (weights !== undefined) {
    return `${weights} alone; put the config.json of the model beside it, and tokenizer.json for texts`;
  }
  if (names.includes("snapshots")) {
    const [first] = await readdir(join(path, "snapshots")).catch((): string[] => []);
    if (first) return `a cache of repositories; give ${join(path, "snapshots", first)}`;
  }
  return "none";
}
