/**
 * Runs the model with something changed at some of its sites, again and again, and does no work twice:
 *
 * 1. The model runs once as it is, and every result is kept.
 * 2. A run with a change takes the kept results up to the first site that is changed.
 * 3. It ends at the stage that is asked for.
 *
 * Stages that the dump has right can be put into all runs (`seeds`). So what follows from them is computed
 * from the dump's own numbers, as in the engine that made it.
 *
 * Next: variant.ts
 * @module
 */
import { OverflowError } from "../../../engine/base/errors.ts";
import { ShapeError, type Tensor } from "../../../engine/base/tensor.ts";
import type { Model } from "../../../engine/index.ts";
import type { CaseInfo, GoldenTensor } from "../case/case.ts";
import { traceCase } from "../case/expectation.ts";
import { type Role, type Site, type Stages, shownBy } from "./roles.ts";
import { seeded } from "./seeds.ts";
import { type Call, rolesOfWeights, type WeightRoles, withSites } from "./sites.ts";
import type { At, Changes, Done } from "./variant.ts";

/** What a change may break a run with. */
const BREAKS = [RangeError, ShapeError, OverflowError];

/** Thrown to end a run when its last wanted stage is there. It is no error, and has no stack to make. */
const ENOUGH = Symbol("enough");

/** Which sites of a change are changed. */
export type Where = (site: Site, index: number) => boolean;

/** The model on the tokens of a case, ready to run with changes. */
export class Runner {
  readonly right: Model;
  readonly info: CaseInfo;
  /** All operations of the run without changes. */
  readonly base: readonly Done[];
  /** All stages of it. */
  readonly stages: Stages;
  /** How much has been computed so far: calls of operations, times tokens. */
  work = 0;
  readonly #seeds: Stages;
  readonly #roles: WeightRoles;

  constructor(right: Model, info: CaseInfo, seeds: Stages = new Map()) {
    this.right = right;
    this.info = info;
    this.#seeds = seeds;
    this.#roles = rolesOfWeights(right);
    const done: Done[] = [];
    this.stages = this.#trace(
      (call) => this.#keep(done, call, call.right(...call.args)),
      undefined,
    );
    this.base = done;
  }

  /** The first call that shows a stage, in the order of the run; the length of the run where none does. */
  indexOf(stage: string): number {
    const isDraft = this.#isDraft;
    const at = this.base.findIndex((done) =>
      shownBy(done, done.result, isDraft(done)).some(([name]) => name === stage),
    );
    return at < 0 ? this.base.length : at;
  }

  /**
   * The stages of a run with changes, up to `until`. Undefined where the change breaks the run, as by
   * choosing rows that there are not, and where it changes nothing that is run.
   */
  run(changes: Changes, where: Where = () => true, until?: string): Stages | undefined {
    const isChanged = (site: Site, index: number): boolean =>
      changes[site.role] !== undefined && where(site, index);
    const first = this.base.findIndex(isChanged);
    if (first < 0) return undefined;
    const done: Done[] = [];
    try {
      return this.#trace((call) => {
        const index = done.length;
        if (index < first) return this.#kept(done, this.base[index]);
        const change = changes[call.role];
        const isHere = change !== undefined && where(call, index);
        const result = isHere ? change(this.#at(call, done)) : call.right(...call.args);
        return this.#keep(done, call, result);
      }, until);
    } catch (error) {
      if (BREAKS.some((kind) => error instanceof kind)) return undefined;
      throw error;
    }
  }

  readonly #isDraft = ({ layer }: Site): boolean => layer >= this.right.config.numHiddenLayers;

  #trace(onCall: (call: Call) => Done, until: string | undefined): Stages {
    const stages = new Map<string, GoldenTensor>();
    const model = withSites(this.right, this.#roles, (call) => {
      const done = onCall(call);
      for (const [name, { shape, data }] of shownBy(done, done.result, this.#isDraft(done))) {
        if (!stages.has(name)) stages.set(name, { shape, data });
      }
      if (until !== undefined && stages.has(until)) throw ENOUGH;
      return done.result;
    });
    try {
      traceCase(model, this.info, this.info.tokens.length);
    } catch (error) {
      if (error !== ENOUGH) throw error;
    }
    return stages;
  }

  #kept(done: Done[], kept: Done): Done {
    done.push(kept);
    return kept;
  }

  #keep(done: Done[], { role, layer, step, args }: Call, made: unknown): Done {
    const site = { role, layer, step };
    this.work += this.info.tokens.length;
    return this.#kept(done, {
      ...site,
      args,
      result: seeded(this.#seeds, site, made, this.#isDraft(site)),
    });
  }

  #at(call: Call, done: readonly Done[]): At {
    const { right, info, base } = this;
    const find = (role: Role, layer = call.layer, step = call.step): Done | undefined =>
      done.findLast((one) => one.role === role && one.layer === layer && one.step === step);
    return {
      ...call,
      model: right,
      done,
      base,
      find,
      result: (role, layer, step) => find(role, layer, step)?.result as Tensor | undefined,
      start: call.step === 0 ? 0 : info.tokens.length - 2 + call.step,
      tokens: info.tokens,
    };
  }
}
