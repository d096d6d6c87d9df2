/**
 * What the build writes for the page: the first scenes, and lines of our source.
 * @module
 */
import type { TokenChance } from "./text.ts";

/**
 * The first scene, computed by the engine when the page is built (`recorded.json`), so that it stands
 * there before the model does.
 */
export interface Recorded {
  /** The example that it was computed from; see {@link ExampleFacts.id}. */
  readonly example: string;
  readonly text: string;
  readonly ids: readonly number[];
  /** The characters of each token, as in {@link TokenFacts.text}. */
  readonly texts: readonly string[];
  /** The query: the last token. */
  readonly t: number;
  /** Where the fact's word stands, the word, and its id. */
  readonly fact: number;
  readonly word: string;
  readonly wordId: number;
  readonly indexTopk: number;
  readonly layers: readonly RecordedLayer[];
  /** The layer that gives the fact its best rank, and the one after which the word is first. */
  readonly finds: number;
  readonly reads: number;
  /** Scores of all positions in layer `finds`, rounded to two digits after the point. */
  readonly scores: readonly number[];
  /** Rows chosen in layer `finds`. */
  readonly chosen: readonly number[];
  readonly top: readonly TokenChance[];
}

/**
 * Answers for the same query, in `recorded-more.json`, so that all scenes are filled before the model is
 * there. Typed arrays are `{"$": "f32" | "i32" | "u8", "data": base64}`.
 */
export interface RecordedMore {
  readonly entries: readonly {
    /** Of a request. */
    readonly name: string;
    readonly ask: unknown;
    readonly answer: unknown;
  }[];
}

/** What one layer does with the fact. */
export interface RecordedLayer {
  readonly layer: number;
  readonly type: "full" | "shared";
  readonly lender: number;
  /** Of the fact's row in the lender, and its rank; the threshold there. */
  readonly score: number;
  readonly rank: number;
  readonly threshold: number;
  readonly isChosen: boolean;
  /** Mean attention weight over heads on the fact's row, and the largest of a head. */
  readonly weight: number;
  readonly mostWeight: number;
  /** The lens after the layer: rank and probability of the word. */
  readonly lensRank: number;
  readonly lensP: number;
}

/**
 * Lines of our source, cut out when the page is built (`sources.json`), highlighted, with the stages
 * whose live values belong into the margin.
 */
export interface SourceCut {
  /** `engine/model/indexer.ts#indexer` */
  readonly symbol: string;
  readonly file: string;
  /** Number of the first line, counted from 1. */
  readonly line: number;
  readonly lines: readonly SourceLine[];
}

/** One line of source. */
export interface SourceLine {
  /** Parts of the line, each with a class name of the style sheet: `k` keyword, `s` string, … */
  readonly parts: readonly (readonly [className: string, text: string])[];
  /** The stage that the line taps, without its layer. */
  readonly stage: string | undefined;
}
