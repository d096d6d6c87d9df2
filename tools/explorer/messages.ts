/**
 * What the page asks its worker, and what the worker answers.
 *
 * The page draws, the worker computes: it holds the engine, the pages of rows and the changed models of
 * the what-if scene. All values are plain data that `postMessage` copies. A request has a name, and
 * {@link Asks} says for each name what is asked, what is told on the way, and what is answered.
 *
 * Of two requests with the same name, the newer one counts: the older one ends as `stopped`.
 *
 * Next: live/client.ts for the page's end, live/desk.ts for the worker's
 * @module
 */

// The model ------------------------------------------------------------------------------------

/** Where the model is. */
export interface OpenAsk {
  /** URL of the folder with config.json, model.safetensors and tokenizer.json. */
  readonly modelUrl: string;
  /** URL of kernels.wasm. */
  readonly kernelsUrl: string;
}

/** How much of something is done. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  /** `bytes` while files arrive, `tokens` while a text is read. */
  readonly unit: "bytes" | "tokens";
}

/** One layer of a model. */
export interface LayerFacts {
  readonly layer: number;
  /** `full`: it has an indexer of its own. `shared`: it attends to the rows that its lender chose. */
  readonly type: "full" | "shared";
  /** The layer whose choice it uses: itself, if it is full. */
  readonly lender: number;
  readonly ffn: "dense" | "sparse";
  /** The bias of each expert, which only selects; undefined in a dense layer. */
  readonly routerBias: Float32Array | undefined;
}

/** Bytes that one position takes in the caches, all layers together. */
export interface PositionBytes {
  readonly latent: number;
  readonly index: number;
}

/** The numbers that shape a model, as a reader needs them. */
export interface Sizes {
  readonly name: string;
  readonly layers: number;
  readonly heads: number;
  readonly hidden: number;
  /** Numbers of a latent and of its rotary key: what the cache keeps of a position in a layer. */
  readonly kvLora: number;
  readonly rope: number;
  /** Numbers of a key without position and of a value, for each head: what is never made. */
  readonly nope: number;
  readonly value: number;
  readonly indexHeads: number;
  readonly indexWidth: number;
  /** How many rows a query may attend to. */
  readonly indexTopk: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  readonly vocab: number;
  readonly maxContext: number;
  /** The bytes of a position, with numbers as this engine keeps them (f32), and in bf16. */
  readonly bytes: { readonly f32: PositionBytes; readonly bf16: PositionBytes };
}

/** A stage of the forward pass, in the order in which the model makes them. */
export interface StageFacts {
  /** `indexer_q-3`, or `result_norm` for one that a pass has once. */
  readonly name: string;
  /** Without the number. */
  readonly stage: string;
  readonly layer: number | undefined;
}

/** The four groups of switches. */
export type SwitchGroup = "choose" | "indexer" | "sharing" | "experts";

/** A change of the model that the what-if scene can make. */
export interface SwitchFacts {
  /** Stands in links; it never changes. */
  readonly id: string;
  readonly group: SwitchGroup;
  /** The number of the public bugs in MODEL.md that make this mistake; undefined for an experiment. */
  readonly bug: string | undefined;
  /** The first stage that it can change. A text of at most `indexTopk` tokens may hide it. */
  readonly begins: string;
  /** Whether texts that are no longer than `indexTopk` cannot show it in their logits. */
  readonly needsLongText: boolean;
  /** The longest text that it reads, where it runs in plain loops; undefined without a limit. */
  readonly mostTokens: number | undefined;
}

/** A text that comes with the page. */
export interface ExampleFacts {
  readonly id: string;
  readonly text: string;
}

/** The model is open. */
export interface Opened {
  readonly sizes: Sizes;
  /** The released model, for comparison. */
  readonly released: Sizes;
  readonly layers: readonly LayerFacts[];
  readonly stages: readonly StageFacts[];
  readonly switches: readonly SwitchFacts[];
  readonly examples: readonly ExampleFacts[];
  /** Whether it has a layer that guesses. */
  readonly canDraft: boolean;
  /** What computes, for people: backend, threads, wide vectors. */
  readonly arithmetic: string;
}

// The text -------------------------------------------------------------------------------------

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

// One token ------------------------------------------------------------------------------------

/** Which token to look at: the query at position `t` of the text that was read last. */
export interface LookAsk {
  readonly t: number;
  /** The token whose rank and probability the lens follows; by default the likeliest next one. */
  readonly watch?: number;
}

/** A token, and how likely it is. */
export interface TokenChance {
  readonly id: number;
  readonly text: string;
  readonly p: number;
}

/** What the router of one layer did. */
export interface RouterLook {
  /** One number for each expert. */
  readonly logits: Float32Array;
  /** Their sigmoids. Experts are chosen by sigmoid plus bias, and weigh by sigmoid. */
  readonly scores: Float32Array;
  readonly bias: Float32Array;
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

// The whole text -------------------------------------------------------------------------------

/** Asks which tokens visit which experts; all sparse layers at once. */
export type ExpertsAsk = Readonly<Record<string, never>>;

/** The experts of all tokens of the text. */
export interface ExpertsOfText {
  readonly perToken: number;
  /** For each layer `[t, i]`, ascending; undefined in a dense layer. */
  readonly chosen: readonly (Int32Array | undefined)[];
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
  /** The probability under the layer that guesses, and under the main model. */
  readonly draft: number;
  readonly main: number;
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

// What if --------------------------------------------------------------------------------------

/** Asks what some switches would change. */
export interface WhatIfAsk extends ReadAsk {
  /** Ids of {@link SwitchFacts}; several count together. */
  readonly switches: readonly string[];
  /** How many rows a query may attend to; undefined leaves the model's number. */
  readonly k?: number;
  /** How many tokens both models write after the text. */
  readonly count: number;
  /** Whether to ask the six questions, too; that reads six more endings. */
  readonly recall?: boolean;
}

/** What the switches changed. */
export interface WhatIf {
  /** The first stage that differs in any bit, in the order of the model; undefined for none. */
  readonly stage: string | undefined;
  /** The first position where it differs. */
  readonly stageAt: number | undefined;
  /** Why nothing differs, where that is known. */
  readonly why: "short" | undefined;
  /** How many tokens were read: fewer than the text has where a switch has a limit. */
  readonly read: number;
  /** What the model writes, greedily, and what the changed one writes. */
  readonly right: readonly TokenFacts[];
  readonly changed: readonly TokenFacts[];
  /** Index of the first token that differs; undefined when they write the same. */
  readonly tokenAt: number | undefined;
  /** Mean of |Δ log p| of the text's own tokens, in nats. */
  readonly meanLogP: number;
  /** Mean of log p of the text's own tokens: of the model, and of the changed one. */
  readonly logP: number;
  readonly changedLogP: number;
  /** How many of the six questions each answers; undefined when they were not asked. */
  readonly recall:
    | { readonly right: number; readonly changed: number; readonly of: number }
    | undefined;
  readonly milliseconds: number;
}

// A trace file ---------------------------------------------------------------------------------

/** Opens a `glm52-trace 1` file, or any safetensors file with its names. */
export interface TraceAsk {
  readonly file: Blob;
  readonly name: string;
}

/** What a trace file holds. */
export interface TraceFacts {
  readonly name: string;
  readonly tokens: number;
  /** Its token ids, where the file says them. */
  readonly ids: readonly number[] | undefined;
  /** Layers, `full` where there are scores. `routerBias` is never known. */
  readonly layers: readonly LayerFacts[];
  readonly stages: readonly StageFacts[];
  /** For views that cannot be drawn: the stages that a new trace should have. */
  readonly lacks: readonly string[];
  /** How it was made, as the file says. */
  readonly origin: Readonly<Record<string, string>>;
}

/** Looks at a token of the trace that was opened last. */
export interface TraceLookAsk {
  readonly t: number;
}

// All together ---------------------------------------------------------------------------------

/** What can be asked, by name. */
export interface Asks {
  readonly open: { readonly ask: OpenAsk; readonly answer: Opened };
  readonly tokens: {
    readonly ask: { readonly text: string };
    readonly answer: readonly TokenFacts[];
  };
  readonly read: { readonly ask: ReadAsk; readonly answer: ReadText };
  readonly look: { readonly ask: LookAsk; readonly answer: Look };
  readonly votes: { readonly ask: VotesAsk; readonly answer: Votes };
  readonly dense: { readonly ask: DenseAsk; readonly answer: Dense };
  readonly experts: { readonly ask: ExpertsAsk; readonly answer: ExpertsOfText };
  readonly overlaps: { readonly ask: OverlapsAsk; readonly answer: Overlaps };
  readonly pages: { readonly ask: PagesAsk; readonly answer: Pages };
  readonly draft: { readonly ask: DraftAsk; readonly answer: Drafts };
  readonly write: { readonly ask: WriteAsk; readonly answer: Written };
  readonly whatIf: { readonly ask: WhatIfAsk; readonly answer: WhatIf };
  readonly trace: { readonly ask: TraceAsk; readonly answer: TraceFacts };
  readonly traceLook: { readonly ask: TraceLookAsk; readonly answer: Look };
}

/** The name of a request. */
export type AskName = keyof Asks;

/** A request, as it travels. */
export type Request = {
  readonly [N in AskName]: { readonly id: number; readonly name: N; readonly ask: Asks[N]["ask"] };
}[AskName];

/** What travels to the worker: a request, or the wish that an earlier one ends. */
export type ToWorker = Request | { readonly id: number; readonly name: "stop" };

/** What travels back. `token` comes while `write` runs. */
export type FromWorker = { readonly id: number } & (
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "token"; readonly token: Written["tokens"][number] }
  | { readonly kind: "answer"; readonly answer: Asks[AskName]["answer"] }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly sentence: string; readonly isBug: boolean }
);

// What the build records -----------------------------------------------------------------------

/**
 * The first scene, computed by the engine when the page is built (`recorded.json`), so that it stands
 * there before the model does.
 */
export interface Recorded {
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

// Source ---------------------------------------------------------------------------------------

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
