/**
 * What the page knows of a whole text.
 * @module
 */

/** A token of a text. */
export interface TokenFacts {
  readonly id: number;
  /**
   * Its characters. A character whose bytes lie in several tokens stands in the last of them; the others
   * have the empty string. All texts together are the text.
   */
  readonly text: string;
  readonly bytes: Uint8Array;
  /** Whether it is a control token. */
  readonly isControl: boolean;
  /** Number of its piece: BPE merges nothing across two pieces. */
  readonly piece: number;
}

/** A text as characters, or as ids. */
export interface ReadAsk {
  readonly text?: string;
  readonly ids?: readonly number[];
}

/** The text is in the caches. */
export interface ReadText {
  readonly tokens: readonly TokenFacts[];
  /** How many of them were run now; the caches held the others. */
  readonly ran: number;
  readonly milliseconds: number;
}

/** A token, and how likely it is. */
export interface TokenChance {
  readonly id: number;
  readonly text: string;
  readonly p: number;
}

/** Asks which tokens visit which experts; all sparse layers at once. */
export type ExpertsAsk = Readonly<Record<string, never>>;

/** The experts of all tokens of the text. */
export interface ExpertsOfText {
  readonly perToken: number;
  /** For each layer `[t, i]`, ascending; undefined in a dense layer. There are at most 256 experts. */
  readonly chosen: readonly (Uint8Array | undefined)[];
}

/** Asks how the choices of the text resemble each other. */
export interface OverlapsAsk {
  readonly t: number;
}

/** How choices resemble each other, for the layers with an indexer. */
export interface Overlaps {
  readonly layers: readonly number[];
  /** `[i][j]`: how many rows the choices of query `t` in two layers have in common. */
  readonly atT: readonly (readonly number[])[];
  /** `[i][j]`: the same as a share, mean over the text; NaN for a text that is too short. */
  readonly mean: readonly (readonly number[])[];
  /** For each layer: how many rows of query `t` the query before it chose, too. */
  readonly before: readonly number[];
  /** For each layer: shares of the choices at distances 1, 2 to 3, 4 to 7, …, over the text. */
  readonly distances: readonly (readonly number[])[];
  /** For each layer: share of rows that a cache of twice the choice would lack, over the text. */
  readonly missing: readonly number[];
}

/** What to do with a second timeline that begins as a fork of the text. */
export interface PagesAsk {
  /** The second text; undefined for none. */
  readonly fork?: string;
  /** Bytes of memory for rows of full pages; undefined keeps all rows in memory. */
  readonly hotBytes?: number;
}

/** A page of a timeline. */
export interface PageFacts {
  readonly page: number;
  /** Its positions. */
  readonly from: number;
  readonly to: number;
  /** How many timelines point at it. */
  readonly count: number;
  /** Whether its latent rows are in the store instead of in memory. */
  readonly isCold: boolean;
}

/** The pages of the text, and of its fork. */
export interface Pages {
  readonly pageRows: number;
  readonly bytesPerPage: number;
  readonly liveBytes: number;
  readonly text: readonly PageFacts[];
  readonly fork: readonly PageFacts[] | undefined;
  /** The first position at which the fork has another token. */
  readonly differsAt: number | undefined;
  /** How many tokens of the fork were run: the others were shared. */
  readonly forkRan: number;
  /** What the tier did while the last token was run again; undefined without one. */
  readonly tier:
    | { readonly hits: number; readonly misses: number; readonly bytesRead: number }
    | undefined;
  /** The least that `hotBytes` may be. */
  readonly leastHotBytes: number;
}

/** Asks for guesses after the text. */
export interface DraftAsk {
  /** Guesses of each round. */
  readonly steps: number;
  readonly rounds: number;
  readonly temperature: number;
  readonly seed: number;
}

/** A guess, and what became of it. */
export interface GuessLook {
  readonly id: number;
  readonly text: string;
  /** The probability under the layer that guesses, and under the main model, at temperature 1. */
  readonly draft: number;
  /** Undefined for a guess that nobody compared: it stands behind one that was replaced. */
  readonly main: number | undefined;
  /** How likely it was to be kept, at the temperature that was asked for: min(1, main / draft). */
  readonly keep: number | undefined;
  readonly fate: "kept" | "replaced" | "unread";
  /** What the main model put in its place. */
  readonly by: TokenChance | undefined;
}

/** A round: some guesses, one step of the main model, and the tokens that it gave. */
export interface DraftRound {
  readonly guesses: readonly GuessLook[];
  /** The tokens that stand in the text after the round: kept guesses and one more. */
  readonly tokens: readonly TokenChance[];
}

/** Some rounds of guesses. */
export interface Drafts {
  readonly rounds: readonly DraftRound[];
  readonly tokens: readonly TokenFacts[];
}

/** Asks to go on with the text. */
export interface WriteAsk {
  readonly count: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
}

/** What the model wrote. While it writes, each token is told by `onToken` of the client. */
export interface Written {
  readonly tokens: readonly (TokenFacts & { readonly p: number })[];
}
