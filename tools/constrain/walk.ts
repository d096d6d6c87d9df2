/**
 * A constraint that walks from spot to spot.
 *
 * Next: constraint-of.ts
 * @module
 */
import { type Constraint, ConstraintError } from "../../engine/index.ts";
import type { Spot } from "./spot.ts";

/** A spot, and the step that led to it. */
interface Step {
  readonly spot: Spot;
  readonly before: Step | undefined;
}

/** Follows one text. Steps are shared with the forks, so a fork costs nothing. */
export class Walk implements Constraint {
  #step: Step | undefined;

  constructor(start: Spot) {
    this.#step = { spot: start, before: undefined };
  }

  allowed(): Uint32Array {
    const mask = this.#at().spot.mask();
    if (mask.every((word) => word === 0)) {
      throw new ConstraintError("constraint", "no token can go on with this text");
    }
    return mask;
  }

  accept(id: number): void {
    const before = this.#at();
    const spot = before.spot.after(id);
    if (spot === undefined) {
      throw new ConstraintError(`token ${id}`, "expected one that is allowed, got one that is not");
    }
    this.#step = { spot, before };
  }

  undo(n: number): void {
    let step: Step | undefined = this.#at();
    for (let i = 0; i < n; i++) {
      step = step.before;
      if (step === undefined) {
        throw new ConstraintError("undo", `expected at most ${i} tokens, got ${n}`);
      }
    }
    this.#step = step;
  }

  fork(): Constraint {
    const fork = new Walk(this.#at().spot);
    fork.#step = this.#at();
    return fork;
  }

  close(): void {
    this.#step = undefined;
  }

  #at(): Step {
    if (this.#step === undefined) {
      throw new ConstraintError("constraint", "it was closed, and cannot be used again");
    }
    return this.#step;
  }
}
