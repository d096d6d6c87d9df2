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
import type { OpenAsk, Opened, Progress } from "./shapes/model.ts";
import type {
  DraftAsk,
  Drafts,
  ExpertsAsk,
  ExpertsOfText,
  Overlaps,
  OverlapsAsk,
  Pages,
  PagesAsk,
  ReadAsk,
  ReadText,
  TokenFacts,
  WriteAsk,
  Written,
} from "./shapes/text.ts";
import type { Dense, DenseAsk, Look, LookAsk, Votes, VotesAsk } from "./shapes/token.ts";
import type { TraceAsk, TraceFacts, TraceLookAsk } from "./shapes/trace.ts";
import type { WhatIf, WhatIfAsk } from "./shapes/what-if.ts";

export type * from "./shapes/model.ts";
export type * from "./shapes/recorded.ts";
export type * from "./shapes/text.ts";
export type * from "./shapes/token.ts";
export type * from "./shapes/trace.ts";
export type * from "./shapes/what-if.ts";

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
