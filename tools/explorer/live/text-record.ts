/**
 * What each token of a text chose: rows in the layers with an indexer, experts in the sparse ones. A
 * session writes it while it reads; its rows are few numbers, unlike all scores.
 * @module
 */
import { noTap } from "../../../engine/base/tap.ts";
import { type ModelConfig, newTap, type Tap, type Taps } from "../../../engine/index.ts";
import { NO_ROW } from "../../../engine/ops/no-row.ts";
import type { Choices } from "../../eval/selection.ts";

/** One list for each position. */
type Lists = Int32Array[];

/** The choices of a text, position by position. */
export class TextRecord {
  /** What the session is given. */
  readonly taps: Taps;
  readonly #rows: ReadonlyMap<number, Lists>;
  readonly #experts: ReadonlyMap<number, Lists>;

  constructor({ indexerTypes, mlpLayerTypes }: ModelConfig) {
    const listsOf = (types: readonly string[], type: string): Map<number, Lists> =>
      new Map(types.flatMap((t, l): [number, Lists][] => (t === type ? [[l, []]] : [])));
    this.#rows = listsOf(indexerTypes, "full");
    this.#experts = listsOf(mlpLayerTypes, "sparse");
    this.taps = { model: noTap, layer: (l) => this.#tap(l) };
  }

  /** The layers with an indexer. */
  get chooses(): readonly number[] {
    return [...this.#rows.keys()];
  }

  /** The rows that each position chose in a layer with an indexer, ascending. */
  rowsOf(layer: number): Choices {
    return (this.#rows.get(layer) ?? []).map((list) => [...list]);
  }

  /** The experts of all positions in a layer, one after the other; undefined in a dense layer. */
  expertsOf(layer: number): Uint8Array | undefined {
    const lists = this.#experts.get(layer);
    return lists && Uint8Array.from(lists.flatMap((list) => [...list]));
  }

  /** Forgets the positions from `length` on. */
  truncate(length: number): void {
    for (const lists of [...this.#rows.values(), ...this.#experts.values()]) lists.length = length;
  }

  #tap(layer: number): Tap {
    const [rows, experts] = [this.#rows.get(layer), this.#experts.get(layer)];
    return newTap(
      (stage, { data, shape }) => {
        const into = stage === "top_k" ? rows : experts;
        const width = shape[shape.length - 1];
        for (let at = 0; at < data.length; at += width) {
          into?.push(Int32Array.from(data.subarray(at, at + width)).filter((x) => x !== NO_ROW));
        }
      },
      (stage) =>
        (stage === "top_k" && rows !== undefined) ||
        (stage === "ffn_moe_topk" && experts !== undefined),
    );
  }
}
