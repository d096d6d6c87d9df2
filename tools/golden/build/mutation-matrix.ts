/**
 * Which known mistake does each case of the pack catch, and at which stage?
 *
 * A mistake is caught where a stage of its run, in the order of the model, is further off than a
 * float32 engine may be (envelope.json), or chooses what is not legal. A pack that lets one pass is
 * not worth having, nor is a case that catches nothing.
 * @module
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Model, referenceOps } from "../../../engine/index.ts";
import { type CaseInfo, type GoldenTensor, openCase, readCase, readDump } from "../case/case.ts";
import { type Envelope, readEnvelope, type Tie } from "../case/envelope-file.ts";
import { distanceOf } from "../judge/distance.ts";
import { MISTAKES, MUTANTS } from "../mutants/all.ts";
import { type Mutant, nameOf } from "../mutants/mutant.ts";
import { runMutant } from "../mutants/run-mutant.ts";

/** A case of the pack, ready to judge runs. */
interface Judge {
  readonly info: CaseInfo;
  readonly model: Model;
  readonly want: ReadonlyMap<string, GoldenTensor>;
  readonly envelope: Envelope;
}

/** The stage at which one case catches each mistake. Mistakes that it does not catch are left out. */
export type CaughtAt = Readonly<Record<string, string>>;

/** The file's name in a pack. */
export const MATRIX_FILE = "mutation-matrix.json";

/** What the file holds. */
export interface MutationMatrix {
  readonly format: "glm52-mutations 1";
  /** How many mistakes some case catches, and how many mistakes there are. */
  readonly caught: number;
  readonly mutants: number;
  /** Ways that differ from the reference, and are right all the same. */
  readonly legal: readonly string[];
  readonly cases: Readonly<Record<string, CaughtAt>>;
}

/** Puts every mistake into one case. */
export async function caughtOn(dir: string, mutants: readonly Mutant[]): Promise<CaughtAt> {
  const info = await readCase(dir);
  const judge: Judge = {
    info,
    model: await openCase(dir, info, referenceOps("f64")),
    want: await readDump(join(dir, "f64.safetensors")),
    envelope: await readEnvelope(dir),
  };
  const found: [string, string][] = [];
  for (const mutant of mutants) {
    const stage = firstWrong(judge, mutant);
    if (stage !== undefined) found.push([nameOf(mutant), stage]);
  }
  return Object.fromEntries(found);
}

/** The whole matrix of a pack. It takes a minute or more. */
export async function mutationMatrix(
  pack: string,
  onCase: (name: string) => void = () => {},
): Promise<MutationMatrix> {
  const cases: [string, CaughtAt][] = [];
  for (const name of (await readdir(join(pack, "cases"))).sort()) {
    onCase(name);
    cases.push([name, await caughtOn(join(pack, "cases", name), MISTAKES)]);
  }
  return {
    format: "glm52-mutations 1",
    caught: new Set(cases.flatMap(([, row]) => Object.keys(row))).size,
    mutants: MISTAKES.length,
    legal: MUTANTS.filter(({ isLegal }) => isLegal).map(nameOf),
    cases: Object.fromEntries(cases),
  };
}

function firstWrong({ info, model, want, envelope }: Judge, mutant: Mutant): string | undefined {
  const run = runMutant(mutant, model, info);
  if (!run) return "does not run";
  for (const [name, { shape, data }] of run) {
    const right = want.get(name);
    if (!right) continue;
    if (String(shape) !== String(right.shape)) return name;
    if (right.data instanceof Int32Array) {
      if (!isLegal(data, right, envelope.ties[name] ?? [])) return name;
    } else {
      const allowed = envelope.room * (envelope.stages[name]?.f32[1] ?? 0);
      if (!(distanceOf(data, right.data, data.length).largest <= allowed)) return name;
    }
  }
  return [...want.keys()].find((name) => !run.has(name));
}

/** Whether each row chooses all that it must, and as many of equal scores as it must. */
function isLegal(data: ArrayLike<number>, right: GoldenTensor, ties: readonly Tie[]): boolean {
  const width = right.shape[1];
  const rowOf = (x: ArrayLike<number>, row: number): number[] =>
    Array.from({ length: width }, (_, i) => x[row * width + i]);
  return Array.from({ length: right.shape[0] }, (_, row) => row).every((row) => {
    const chosen = rowOf(data, row);
    const tie = ties.find((one) => one.row === row);
    if (!tie) return String(chosen) === String(rowOf(right.data, row));
    const rest = chosen.filter((s) => s >= 0 && !tie.always.includes(s));
    const isFull = chosen.filter((s) => s >= 0).length === tie.always.length + tie.any;
    return isFull && rest.length === tie.any && rest.every((s) => tie.of.includes(s));
  });
}
