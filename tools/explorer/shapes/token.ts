/**
 * What the page knows of one token.
 * @module
 */
import type { TokenChance } from "./text.ts";

/** Which token to look at: the query at position `t` of the text that was read last. */
export interface LookAsk {
  readonly t: number;
  /** The token whose rank and probability the lens follows; by default the likeliest next one. */
  readonly watch?: number;
}

/** What the router of one layer did. */
export interface RouterLook {
  /** One number for each expert. */
  readonly logits: Float32Array;
  /** Their sigmoids. Experts are chosen by sigmoid plus bias, and weigh by sigmoid. */
  readonly scores: Float32Array;
  readonly bias: Float32Array | undefined;
  /** The chosen experts, ascending, and what each weighs. */
  readonly chosen: Int32Array;
  readonly weights: Float32Array;
}

/** What the final norm and the head would make of the residual stream after a layer. */
export interface LensLook {
  /** Of the watched token; 1 is the likeliest. */
  readonly rank: number;
  readonly p: number;
  readonly top: readonly TokenChance[];
}

/** Everything about the token in one layer. A trace file may lack a part: it is undefined then. */
export interface LayerLook {
  readonly layer: number;
  /** Of all positions up to `t`; only where the layer has an indexer. */
  readonly scores: Float32Array | undefined;
  /** The lowest chosen score, or undefined where all positions are chosen. */
  readonly threshold: number | undefined;
  /** How much each head of the indexer counts; only where there is one. */
  readonly indexWeights: Float32Array | undefined;
  /** The positions that this layer attends to, ascending; a shared layer has those of its lender. */
  readonly chosen: Int32Array | undefined;
  /** Attention weights, `[head, i]` for `chosen[i]`; each head's sum is 1. */
  readonly weights: Float32Array | undefined;
  /** What the cache keeps of this token. */
  readonly latent: Float32Array | undefined;
  readonly rotaryKey: Float32Array | undefined;
  readonly router: RouterLook | undefined;
  readonly lens: LensLook | undefined;
}

/** A few numbers of a stage's value, for the margin of the source and the map of the layers. */
export interface StageGlance {
  /** As in {@link StageFacts.name}; `logits` is `result_output`. */
  readonly name: string;
  /** Names and lengths of the axes, the tokens left out. */
  readonly dims: readonly string[];
  readonly shape: readonly number[];
  /** The first numbers, at most eight. */
  readonly first: readonly number[];
  readonly least: number;
  readonly most: number;
  /** Root mean square. */
  readonly rms: number;
}

/** Everything about one token. */
export interface Look {
  readonly t: number;
  readonly layers: readonly LayerLook[];
  /** The token that the lens follows; undefined where there are no logits. */
  readonly watched: number | undefined;
  /** After the token, one for each id. */
  readonly logits: Float32Array | undefined;
  /** The 20 likeliest next tokens, at temperature 1. */
  readonly top: readonly TokenChance[];
  readonly stages: readonly StageGlance[];
  /** How many tokens were run for this: at most one page. */
  readonly ran: number;
  readonly milliseconds: number;
}

/** Asks how each head of an indexer votes. */
export interface VotesAsk {
  readonly t: number;
  /** A layer with an indexer. */
  readonly layer: number;
}

/** The votes of all heads for all rows. */
export interface Votes {
  readonly t: number;
  readonly layer: number;
  readonly heads: number;
  /**
   * `[head, s]`: scale · weight · max(0, q · k). The sum over the heads is the score of row `s`, up to
   * rounding.
   */
  readonly votes: Float32Array;
}

/** Asks what a dense attention would do: one that attends to all rows. */
export interface DenseAsk {
  readonly t: number;
  readonly layer: number;
}

/** A dense attention beside the choice. */
export interface Dense {
  readonly t: number;
  readonly layer: number;
  /** `[head, s]`: softmax over all positions up to `t`. */
  readonly weights: Float32Array;
  /** For each layer and head: what part of the dense weights lies on the choice. */
  readonly mass: readonly Float32Array[];
  /** Of as many rows as were chosen, those with the largest mean weight that were not chosen. */
  readonly lost: Int32Array;
}
