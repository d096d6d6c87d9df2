/**
 * What the layers chose for each token of a text, as SGLang returns it: the experts, and the positions that
 * are attended to. Trainers replay them, and other engines are checked against them.
 *
 * Each is base64 of int32 numbers, little-endian, of the shape `[tokens − 1, layers, k]`: all tokens of prompt
 * and reply but the last, which the model has not run; all layers of the model. A layer without experts has
 * zeros; a layer that uses the selection of another one has that selection, and −1 fills it up.
 *
 * Next: chat-reply.ts
 * @see SGLang `srt/state_capturer/routed_experts.py`, `srt/state_capturer/indexer_topk.py`
 * @module
 */
import { Buffer } from "node:buffer";
import type { TraceShape, TraceWish } from "../../engine/index.ts";
import type { Happening, Order } from "./desk.ts";
import { ServeError } from "./serve-error.ts";

/** Most bytes of one answer's numbers: base64 of more would be a text that is too long. */
const MOST_BYTES = 256 * 2 ** 20;

const NUMBER_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** What a request wants to be told. */
export interface TraceAsk extends TraceWish {
  /** The first token whose experts are told. Default 0. */
  readonly expertsFrom?: number | undefined;
}

/** What is told of one text, under the names of SGLang. */
export interface MetaInfo {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly routed_experts?: string;
  readonly indexer_topk?: string;
}

type Told = Extract<Happening, { type: "trace" }>;

/** Collects what is told of the texts of one order. */
export class RowTraces {
  readonly #shape: TraceShape;
  readonly #ask: TraceAsk;
  readonly #nPrompt: number;
  /** For each choice what was told, in turn. */
  readonly #told: readonly Told[][];
  readonly #nTokens: number[];

  constructor(shape: TraceShape, ask: TraceAsk, { ids, n }: Pick<Order, "ids" | "n">) {
    this.#shape = shape;
    this.#ask = ask;
    this.#nPrompt = ids.length;
    this.#told = Array.from({ length: n }, () => []);
    this.#nTokens = new Array<number>(n).fill(0);
  }

  /** Sees what happens. */
  sees(happening: Happening): void {
    if (happening.type === "token") this.#nTokens[happening.choice]++;
    if (happening.type === "trace") this.#told[happening.choice].push(happening);
  }

  /**
   * What is told of one text, which is at its end.
   *
   * @throws {ServeError} when something is missing
   */
  of(choice: number): MetaInfo {
    const nTokens = this.#nTokens[choice];
    const nRows = this.#nPrompt + nTokens - 1;
    const { experts, selections, expertsFrom = 0 } = this.#ask;
    return {
      prompt_tokens: this.#nPrompt,
      completion_tokens: nTokens,
      ...(experts && { routed_experts: base64(this.#experts(choice, nRows), expertsFrom) }),
      ...(selections && { indexer_topk: base64(this.#selections(choice, nRows), 0) }),
    };
  }

  #experts(choice: number, nRows: number): Numbers {
    const { nLayers, sparseLayers, nActive } = this.#shape;
    const numbers = newNumbers(nRows, nLayers * nActive);
    this.#each(choice, nRows, ({ experts }, i, row) => {
      for (const [at, layer] of sparseLayers.entries()) {
        const from = (i * sparseLayers.length + at) * nActive;
        const place = row * numbers.perRow + layer * nActive;
        if (experts) numbers.all.set(experts.subarray(from, from + nActive), place);
      }
    });
    return numbers;
  }

  #selections(choice: number, nRows: number): Numbers {
    const { nLayers, fullLayers, indexTopk } = this.#shape;
    const numbers = newNumbers(nRows, nLayers * indexTopk);
    this.#each(choice, nRows, ({ selections }, i, row) => {
      for (let layer = 0; layer < nLayers; layer++) {
        const at = fullLayers.findLastIndex((full) => full <= layer);
        const from = (i * fullLayers.length + at) * indexTopk;
        const place = row * numbers.perRow + layer * indexTopk;
        if (selections) numbers.all.set(selections.subarray(from, from + indexTopk), place);
      }
    });
    return numbers;
  }

  /**
   * Goes through the rows of a text: those of the prompt may have been told of the first choice alone.
   *
   * @throws {ServeError} when one was not told
   */
  #each(
    choice: number,
    nRows: number,
    visit: (rows: Told["rows"], i: number, row: number) => void,
  ): void {
    const untold = new Set(Array.from({ length: nRows }, (_, row) => row));
    const all = choice === 0 ? this.#told[0] : [...this.#told[0], ...this.#told[choice]];
    for (const { choice: of, start, rows } of all) {
      const end = of === choice ? nRows : Math.min(nRows, this.#nPrompt);
      for (let i = 0; i < rows.nRows && start + i < end; i++) {
        untold.delete(start + i);
        visit(rows, i, start + i);
      }
    }
    if (untold.size === 0) return;
    throw new ServeError("failed", "rows", `${untold.size} of ${nRows} were not told of`);
  }
}

/**
 * Checks that what an order wants to be told is not too much.
 *
 * @throws {ServeError} when it is
 */
export function checkTrace(shape: TraceShape, order: Order): void {
  const { trace, ids, maxTokens } = order;
  const { nLayers, nActive, indexTopk } = shape;
  const perToken = (trace?.experts ? nActive : 0) + (trace?.selections ? indexTopk : 0);
  const bytes = (ids.length + maxTokens) * nLayers * perToken * NUMBER_BYTES * order.n;
  if (bytes <= MOST_BYTES) return;
  const field = trace?.selections ? "return_indexer_topk" : "return_routed_experts";
  const what =
    `expected at most ${MOST_BYTES} bytes of numbers, got ${bytes} for ` +
    `${ids.length} tokens of a prompt and at most ${maxTokens} of a reply; max_tokens makes it less`;
  throw new ServeError("request", field, what, field);
}

/** Numbers of all rows. */
interface Numbers {
  readonly all: Int32Array<ArrayBuffer>;
  readonly perRow: number;
}

const newNumbers = (nRows: number, perRow: number): Numbers => ({
  all: new Int32Array(nRows * perRow),
  perRow,
});

function base64({ all, perRow }: Numbers, fromRow: number): string {
  const rest = all.subarray(fromRow * perRow);
  return Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength).toString("base64");
}
