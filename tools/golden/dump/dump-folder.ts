/**
 * Dumps that are folders: NumPy's files with one array each, what SGLang writes with
 * `--debug-tensor-dump-output-folder`, and what its `dumper.dump(name, tensor)` writes.
 *
 * ```
 * DIR/l_out-0.npy                                              an array for each stage
 * DIR/TP0_PP0_Rank0_pid7/Pass00000.pt                          all modules of one forward pass
 * DIR/rank=0___forward_pass_id=1___name=l_out___layer_id=0.pt  one tensor, with what it is
 * ```
 *
 * A dump is of one pass by one process. Where there are several, nothing is chosen: the files are named,
 * so that one of them, or one folder, can be given.
 *
 * Next: torch.ts
 * @module
 */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../../node/user-error.ts";

/** Between the facts that the name of a file tells, and between a fact's name and its value. */
const BETWEEN = "___";
const IS = "=";

/** Facts that must be the same for all files of a dump: who wrote them, and in which pass. */
const OF_ONE_DUMP = /^(rank|tp_rank|pp_rank|dp_rank|step|forward_pass_id)$/;

/** Names of the layer's number. */
const LAYER = ["layer_id", "layer", "layer_idx"];

/** What a file's name tells, as SGLang's dumper writes it; empty where it tells nothing. */
function factsOf(file: string): ReadonlyMap<string, string> {
  const bare = basename(file).replace(/\.pt$/, "");
  if (!bare.includes(BETWEEN)) return new Map();
  return new Map(
    bare.split(BETWEEN).map((fact) => {
      const at = fact.indexOf(IS);
      return [fact.slice(0, at), fact.slice(at + 1)];
    }),
  );
}

/** What a tensor without a name is called: as its file is, or as the facts in the file's name say. */
export function nameOfFile(file: string): string {
  const facts = factsOf(file);
  const name = facts.get("name");
  if (name === undefined) return basename(file).replace(/\.(npy|pt)$/, "");
  const layer = LAYER.map((key) => facts.get(key)).find((value) => value !== undefined);
  return layer === undefined ? name : `${name}-${layer}`;
}

/**
 * The files of a dump in a folder, in their order.
 *
 * @throws {UserError} when there are none, or those of several passes or processes
 */
export async function dumpFiles(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).sort();
  const arrays = files.filter((name) => name.endsWith(".npy"));
  if (arrays.length > 0) return arrays.map((name) => join(folder, name));
  const tensors = await torchFiles(folder);
  if (tensors.length === 0) {
    throw new UserError(folder, "expected .npy or .pt files, got none");
  }
  mustBeOneDump(folder, tensors);
  return tensors.map((name) => join(folder, name));
}

/** The .pt files of a folder and of the folders in it. */
async function torchFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith(".pt")) found.push(entry.name);
    if (!entry.isDirectory()) continue;
    const inside = await readdir(join(folder, entry.name));
    found.push(...inside.filter((name) => name.endsWith(".pt")).map((x) => join(entry.name, x)));
  }
  return found.sort();
}

function mustBeOneDump(folder: string, files: readonly string[]): void {
  const isNamed = (file: string): boolean => factsOf(file).has("name");
  const list = files.slice(0, 3).join(", ") + (files.length > 3 ? ", …" : "");
  if (!files.every(isNamed)) {
    if (files.length === 1) return;
    throw new UserError(folder, `expected the file of one pass, got ${list}; give one of them`);
  }
  const whose = (file: string): string =>
    [...factsOf(file)]
      .filter(([key]) => OF_ONE_DUMP.test(key))
      .map((fact) => fact.join(IS))
      .join(", ");
  const [first, other] = new Set(files.map(whose));
  if (other === undefined) return;
  const each = `one pass of one process, got ${first} and ${other}`;
  throw new UserError(folder, `expected files of ${each}; put those of one into a folder`);
}
