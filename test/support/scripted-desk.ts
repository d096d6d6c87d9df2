/**
 * A desk without a model: it plays given texts, and remembers what was asked of it.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createTokenizer, type Tokenizer } from "../../tokenizer/index.ts";
import type { ScriptSpec } from "../../tools/constrain/grammar.ts";
import { BUILTIN_TEMPLATE } from "../../tools/library/chat-template.ts";
import type {
  Desk,
  DeskLoad,
  EndReason,
  Happening,
  Order,
  ScoredId,
  ServedModel,
  Ticket,
} from "../../tools/serve/desk.ts";
import type { ServeError } from "../../tools/serve/serve-error.ts";

/** Not from paths.ts, so that a program can use this file, too. */
const TOKENIZER = join(import.meta.dirname, "../../demo-model/tokenizer.json");

let shared: Tokenizer | undefined;

/** The demo model's tokenizer, read once. */
export function demoTokenizer(): Tokenizer {
  shared ??= createTokenizer(readFileSync(TOKENIZER, "utf8"), {
    paddedVocabSize: 2048,
    eosIds: [2004, 2011, 2013],
  });
  return shared;
}

/** What a scripted desk plays. An order that is held to a given text gets that text instead. */
export interface Script {
  /** The text of each choice, in turn; tags in it are control tokens. A stop token follows. */
  readonly texts?: readonly string[];
  /** The ids of each choice instead; no stop token follows. */
  readonly ids?: readonly (readonly number[])[];
  /** Tokens of the prompt that had been run before. */
  readonly cachedTokens?: number;
  /** After so many tokens of a choice nothing more comes until the order is given up. */
  readonly hangsAfter?: number;
  /** Whether nothing comes at all until then: the order waits for its place. */
  readonly waits?: boolean;
  /** The error of an order that is not taken. */
  readonly refusal?: ServeError;
  /** The error that comes after so many tokens. */
  readonly failsAfter?: { readonly tokens: number; readonly error: Error };
  /** How a text ends when its tokens are used up without a stop; `length` by default. */
  readonly end?: EndReason;
}

/** A script for all orders, or one for each. */
export type Scripts = Script | ((order: Order, number: number) => Script);

/** What became of an order. */
export interface Played {
  readonly order: Order;
  /** Tokens that were handed out. */
  nTokens: number;
  /** Choices that the reader ended. */
  readonly ended: number[];
  isCancelled: boolean;
  isOver: boolean;
}

/** The desk; see the top of this file. */
export class ScriptedDesk implements Desk {
  readonly model: ServedModel;
  isOpen = true;
  /** All orders, in the order in which they came. */
  readonly played: Played[] = [];
  readonly #script: Scripts;

  constructor(script: Scripts = {}, model: Partial<ServedModel> = {}) {
    this.#script = script;
    this.model = {
      name: "glm-5.2-demo",
      fingerprint: "of a test",
      maxContext: 8192,
      vocabulary: 2040,
      sampling: { temperature: 0.7, topP: 0.95 },
      eosTokenIds: [2004, 2011, 2013],
      layers: { nLayers: 3, sparseLayers: [1, 2], nActive: 2, fullLayers: [0, 2], indexTopk: 4 },
      tokenizer: demoTokenizer(),
      template: BUILTIN_TEMPLATE,
      templateText: "{{ messages }}",
      ...model,
    };
  }

  /** The last order. */
  get last(): Played {
    return this.played[this.played.length - 1];
  }

  submit(order: Order): Ticket {
    const script =
      typeof this.#script === "function" ? this.#script(order, this.played.length) : this.#script;
    if (script.refusal) throw script.refusal;
    const played: Played = { order, nTokens: 0, ended: [], isCancelled: false, isOver: false };
    this.played.push(played);
    let cancelled = () => {};
    const cancellation = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    return {
      happenings: this.#play(played, script, cancellation),
      end: (choice) => void played.ended.push(choice),
      cancel: () => {
        if (!played.isOver) played.isCancelled = true;
        cancelled();
      },
    };
  }

  load(): DeskLoad {
    return {
      ...{ running: 0, waiting: 0, pagesInUse: 0.25, preemptions: 1, steps: 10, rows: 40 },
      ...{ prefixQueries: 100, prefixHits: 64, drafts: 0, draftTokens: 0, draftTokensAccepted: 0 },
    };
  }

  async close(): Promise<void> {
    this.isOpen = false;
  }

  async *#play(
    played: Played,
    script: Script,
    cancellation: Promise<void>,
  ): AsyncGenerator<Happening> {
    const { order } = played;
    if (script.waits) await cancellation;
    if (played.isCancelled) return;
    yield { type: "admitted", cachedTokens: script.cachedTokens ?? 0 };
    yield { type: "prefill", done: order.ids.length, total: order.ids.length };
    if (order.promptLogProbs)
      yield { type: "prompt", tokens: order.ids.slice(1).map(this.#scored(order)) };
    const texts = Array.from({ length: order.n }, (_, k) =>
      this.#idsOf(order.constraint?.kind === "script" ? order.constraint : script, k),
    );
    const open = new Set(texts.keys());
    for (let at = 0; open.size > 0; at++) {
      for (const choice of [...open]) {
        if (played.isCancelled) return;
        if (at === script.hangsAfter) await cancellation;
        if (played.isCancelled) return;
        if (script.failsAfter?.tokens === played.nTokens) throw script.failsAfter.error;
        const id = texts[choice][at];
        const isOver = id === undefined || at === order.maxTokens || played.ended.includes(choice);
        if (!isOver) {
          played.nTokens++;
          const isStop = order.stopIds.includes(id);
          yield { type: "token", choice, token: this.#scored(order)(id, at), isStop };
          if (!isStop) continue;
          open.delete(choice);
          played.isOver = open.size === 0;
          yield { type: "end", choice, reason: "stop" };
          continue;
        }
        open.delete(choice);
        played.isOver = open.size === 0;
        const reason = played.ended.includes(choice) ? "aborted" : (script.end ?? "length");
        yield { type: "end", choice, reason };
      }
    }
  }

  #idsOf(script: Script | ScriptSpec, choice: number): readonly number[] {
    if ("kind" in script) return script.ids;
    const { texts = ["Hello."], ids } = script;
    if (ids) return ids[choice % ids.length];
    const { tokenizer, eosTokenIds } = this.model;
    return [...tokenizer.encode(texts[choice % texts.length]), eosTokenIds[1]];
  }

  #scored(order: Order): (id: number, at: number) => ScoredId {
    return (id, at) => ({
      id,
      logProb: -(at + 1) / 3,
      top: Array.from({ length: order.topLogProbs }, (_, k) => ({
        id: (id + k) % this.model.vocabulary,
        logProb: -(at + 1) / 3 - k,
      })),
    });
  }
}
