/**
 * What the page knows of a model.
 * @module
 */

/** Where the model is. */
export interface OpenAsk {
  /** URL of the folder with files.json, which lists the files of the model and their bytes. */
  readonly modelUrl: string;
  /** URL of kernels.wasm. */
  readonly kernelsUrl: string;
  /** URL of examples.json. */
  readonly examplesUrl: string;
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

/** A text that comes with the page, in `examples.json`. */
export interface ExampleFacts {
  /** `long`, `short`, `plain` (fewer tokens than a query may choose rows), `six`. */
  readonly id: string;
  readonly text: string;
  /** A sentence near its beginning that ends with a word, and where this word stands in what `read` gives. */
  readonly fact?: string;
  readonly wordAt?: number;
  /** Questions for {@link WhatIfAsk.recall}: what stands behind the text, and the right next words. */
  readonly questions?: readonly { readonly question: string; readonly answer: string }[];
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

/** `files.json` beside a model, which the build and the server write. */
export interface ModelFiles {
  /** The name of the model, for people. */
  readonly name: string;
  /** Changes with the files, so that a browser keeps no old ones. */
  readonly version: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}
