/**
 * What routing and routed experts are made of.
 *
 * Next: ops.ts
 * @module
 */
import type { Indices, Tensor, Weight } from "../base/tensor.ts";

/** The matrices of one routed expert. */
export interface Expert {
  /** Makes what is passed through silu. */
  readonly gate: Weight<["moe", "hidden"]>;
  /** Makes what is multiplied with it. */
  readonly up: Weight<["moe", "hidden"]>;
  /** Brings the product back to the residual stream. */
  readonly down: Weight<["hidden", "moe"]>;
}

/** The routed experts of one layer, which may be too many to be in memory at the same time. */
export interface ExpertBank {
  /** Number of experts. */
  readonly nE: number;
  /** Inner numbers of one expert. */
  readonly nMoe: number;
  /** Numbers of the residual stream. */
  readonly nHidden: number;
  /**
   * Brings the experts `wanted[from …]` into memory: as many as can be there together, at least one.
   * They stay until the next call.
   *
   * @param wanted numbers of experts, ascending, each once
   * @returns `wanted[from]`, `wanted[from + 1]` and so on
   */
  bringIn(wanted: readonly number[], from: number): readonly Expert[];
  /**
   * Told what the layer has seen, once its experts have run. A bank that reads from files may guess from it
   * what the next layer will want.
   */
  foresee?(x: Tensor<["T", "hidden"]>): void;
}

/** How many experts a token gets, and how their weights are normed. */
export interface RouteRule {
  /** Experts to choose for a token. */
  readonly nActive: number;
  /** Groups of experts; 1 means that there are none. */
  readonly nGroup: number;
  /** Groups from which experts may be chosen. */
  readonly topkGroup: number;
  /** Whether the weights are divided by their sum. */
  readonly normTopkProb: boolean;
  /** Factor of the weights. */
  readonly scale: number;
}

/** Which experts each token visits, ascending, and how much of each it takes. */
export interface Routing {
  /** The chosen experts. */
  readonly experts: Indices<["T", "A"]>;
  /** The weight of each of them. */
  readonly weights: Tensor<["T", "A"]>;
}
