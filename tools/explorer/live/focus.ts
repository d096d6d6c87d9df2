/**
 * One token under the glass: the stages of its step, and what its indexers and attentions were given.
 *
 * The pages of the text are in a pool, and a new session over this pool takes full pages over. So at most
 * one page of tokens is run again, however long the text is. The ops are wrapped, because attention
 * weights and the votes of single heads are no stages: the backend never makes them.
 *
 * Next: look.ts
 * @module
 */
import {
  type Dims,
  type Floats,
  type Indices,
  type KeyRows,
  type LatentRows,
  type Model,
  newTap,
  type PagePool,
  Session,
  type Tap,
  type Tensor,
} from "../../../engine/index.ts";
import { stageAt } from "../../../engine/trace/stage-names.ts";
import type { AttentionQuery } from "../../eval/attention-mass.ts";

/** A copy of the value of a stage. */
export interface Seen {
  readonly dims: Dims;
  readonly shape: readonly number[];
  readonly data: Floats | Int32Array;
}

/** What the scores of one layer are made from. */
export interface IndexCall {
  /** `[head, width]` */
  readonly q: Floats;
  /** One for each head. */
  readonly weights: Floats;
  readonly keys: KeyRows;
  readonly scale: number;
}

/** What the attention of one layer is made from. */
export interface AttentionCall {
  readonly query: AttentionQuery;
  readonly past: LatentRows;
}

/** What was seen of one token. The rows can be read until it is closed. */
export class Focus {
  readonly ids: readonly number[];
  /** The position that is looked at. */
  readonly t: number;
  /** Stages by name, in the order in which they were made. */
  readonly stages: ReadonlyMap<string, Seen>;
  /** By the number of the layer; undefined where there is no indexer. */
  readonly index: readonly (IndexCall | undefined)[];
  /** By the number of the layer. */
  readonly attention: readonly AttentionCall[];
  /** How many positions were run. */
  readonly ran: number;
  readonly #session: Session;

  constructor(model: Model, pool: PagePool, ids: readonly number[], t: number) {
    const stages = new Map<string, Seen>();
    const calls = { index: [] as IndexCall[], attention: [] as AttentionCall[] };
    let isLast = false;
    const tap = (layer: number | undefined): Tap =>
      newTap(
        (stage, value) => {
          const name = stage === "result_output" ? "logits" : stage;
          stages.set(layer === undefined ? name : stageAt(name, layer), copyOf(value));
        },
        () => isLast,
      );
    const { ops } = model;
    const watched: Model = {
      ...model,
      ops: {
        ...ops,
        indexScores: (q, keys, w, start, scale) => {
          if (isLast) {
            calls.index.push({ q: q.data.slice(), weights: w.data.slice(), keys, scale });
          }
          return ops.indexScores(q, keys, w, start, scale);
        },
        latentAttention: (q, qPe, past, topK, scale) => {
          if (isLast) {
            const [, nHeads, nLatent] = q.shape;
            const query = { nHeads, nLatent, q: q.data.slice(), qPe: qPe.data.slice(), scale };
            calls.attention.push({ query, past });
          }
          return ops.latentAttention(q, qPe, past, topK, scale);
        },
      },
    };
    const session = new Session(watched, { pool, taps: { model: tap(undefined), layer: tap } });
    try {
      // A session takes pages over for a text that it is to read to the end, so it does, and steps back.
      const { kept } = session.sync(ids.slice(0, t + 1));
      session.truncate(t);
      isLast = true;
      session.append(ids.slice(t, t + 1));
      this.ran = t + 1 - kept;
    } catch (error) {
      session.close();
      throw error;
    }
    const { indexerTypes } = model.config;
    this.ids = ids;
    this.t = t;
    this.stages = stages;
    // A step of one token calls these ops once in each layer, in order.
    this.index = indexerTypes.map((type) => (type === "full" ? calls.index.shift() : undefined));
    this.attention = calls.attention;
    this.#session = session;
  }

  /** Gives its page back. The stages stay. */
  close(): void {
    this.#session.close();
  }
}

function copyOf({ dims, shape, data }: Tensor | Indices): Seen {
  return { dims, shape, data: data.slice() };
}
