/**
 * A desk with a model that needs no weights: what follows some tokens is drawn from a hash of them. It heeds
 * all options of sampling, and tells true log-probabilities, so that whoever verifies a server finds it
 * right, and finds each mistake that a test puts in.
 */

import { seededRandom } from "../../engine/generate/random.ts";
import { distribution, draw, logProbs, topIds } from "../../engine/generate/sampler.ts";
import type {
  Desk,
  DeskLoad,
  Happening,
  Order,
  ScoredId,
  ServedModel,
  Ticket,
} from "../../tools/serve/desk.ts";
import { demoTokenizer, ScriptedDesk } from "./scripted-desk.ts";

/** What a test changes. */
export interface DeskFaults {
  /** Changes an order before it is run. */
  readonly order?: (order: Order, number: number) => Order;
  /** Changes a log-probability that is told, of the token at a position. */
  readonly logProb?: (logProb: number, position: number, order: Order) => number;
  /** How far a logit is off at most, in another way in each order: sums in another order do that. */
  readonly rounding?: number;
  /** How many of the latest tokens it looks for secret words in; all of them by default. */
  readonly reach?: number;
  /** Which of the likeliest tokens is chosen as the nth of a greedy reply; 0 is the right one. */
  readonly rank?: (n: number) => number;
  /** How often it calls a tool in one reply; once by default. */
  readonly calls?: number;
  readonly model?: Partial<ServedModel>;
}

/** Tokens with a chance to follow. */
const LIKELY = 12;

/** Tokens that a next one depends on: more than those that end every prompt. */
const CONTEXT = 6;

/** The logit of all others. */
const UNLIKELY = -30;

/** The call that the model makes in every prompt with tools. */
const CALL =
  "<tool_call>get_weather<arg_key>city</arg_key><arg_value>Köln</arg_value><arg_key>days</arg_key><arg_value>3</arg_value></tool_call>";

/** Ids of whole words. */
const WORDS: readonly number[] = Array.from({ length: 2000 }, (_, id) => id).filter((id) =>
  /^ [a-z]{3,}$/.test(demoTokenizer().decode([id])),
);

/** The logits after some tokens. */
export function chanceLogits(ids: readonly number[], nVocab: number): Float32Array {
  const random = seededRandom(ids.slice(-CONTEXT).reduce((hash, id) => (hash * 31 + id) >>> 0, 7));
  const logits = new Float32Array(nVocab).fill(UNLIKELY);
  for (let i = 0; i < LIKELY; i++) {
    logits[WORDS[Math.floor(random() * WORDS.length)]] = 8 * random() ** 2;
  }
  return logits;
}

/** Log-probabilities that were worked out, because tests ask for the same ones again and again. */
const scores = new Map<string, number>();

/** The log-probability of each id but the first. */
export function chanceScores(ids: readonly number[], nVocab: number): number[] {
  return ids.slice(1).map((id, i) => {
    const before = ids.slice(Math.max(0, i + 1 - CONTEXT), i + 1);
    const key = `${nVocab}: ${before.join(" ")} → ${id}`;
    const known = scores.get(key) ?? logProbs(chanceLogits(before, nVocab), [id])[0];
    scores.set(key, known);
    return known;
  });
}

/** The desk; see the top of this file. */
export class ChanceDesk implements Desk {
  readonly model: ServedModel;
  readonly isOpen: boolean = true;
  readonly #faults: DeskFaults;
  #orders = 0;

  constructor(faults: DeskFaults = {}) {
    this.#faults = faults;
    this.model = new ScriptedDesk({}, faults.model).model;
  }

  submit(given: Order): Ticket {
    const order = this.#faults.order?.(given, this.#orders) ?? given;
    let isOver = false;
    const happenings = this.#run(order, this.#orders++, () => isOver);
    const stop = () => {
      isOver = true;
    };
    return { happenings, end: stop, cancel: stop };
  }

  load(): DeskLoad {
    return new ScriptedDesk().load();
  }

  async close(): Promise<void> {}

  async *#run(order: Order, number: number, isOver: () => boolean): AsyncGenerator<Happening> {
    const { ids, sampling, maxTokens, stopIds } = order;
    const { vocabulary, tokenizer, eosTokenIds } = this.model;
    yield { type: "admitted", cachedTokens: 0 };
    if (order.promptLogProbs) {
      const tokens = chanceScores(ids, vocabulary).map((logProb, i) =>
        this.#told({ id: ids[i + 1], logProb, top: [] }, i + 1, order),
      );
      yield { type: "prompt", tokens };
    }
    const text = [...ids];
    const [callId] = tokenizer.encode("<tool_call>");
    const script = ids.includes(callId)
      ? [...tokenizer.encode(CALL.repeat(this.#faults.calls ?? 1)), eosTokenIds[2]]
      : this.#recalled(ids);
    const random = seededRandom(order.seed);
    const { rounding = 0 } = this.#faults;
    const error = seededRandom(number);
    for (let n = 0; n < maxTokens && !isOver(); n++) {
      const right = chanceLogits(text, vocabulary);
      const logits = rounding === 0 ? right : right.map((x) => x + rounding * (2 * error() - 1));
      const rank = sampling.temperature === 0 ? (this.#faults.rank?.(n) ?? 0) : 0;
      const drawn =
        rank > 0
          ? topIds(logits, rank + 1)[rank]
          : draw(distribution(logits, sampling, text), random);
      const id = script[n] ?? drawn;
      const top = topIds(logits, order.topLogProbs);
      const [logProb, ...others] = logProbs(logits, [id, ...top]);
      const likely = top.map((one, i) => ({ id: one, logProb: others[i] }));
      const isStop = stopIds.includes(id);
      text.push(id);
      const token = this.#told({ id, logProb, top: likely }, text.length - 1, order);
      yield { type: "token", choice: 0, token, isStop };
      if (!isStop) continue;
      yield { type: "end", choice: 0, reason: "stop" };
      return;
    }
    yield { type: "end", choice: 0, reason: isOver() ? "aborted" : "length" };
  }

  /** The secret word that a prompt asks for, where it is within reach. */
  #recalled(ids: readonly number[]): readonly number[] {
    const { tokenizer } = this.model;
    const name = /What is the secret word of (\w+)\?/.exec(tokenizer.decode(ids.slice(-64)))?.[1];
    if (name === undefined) return [];
    const seen = tokenizer.decode(ids.slice(-(this.#faults.reach ?? ids.length)));
    const word = new RegExp(`The secret word of ${name} is (\\w+)\\.`).exec(seen)?.[1];
    return word === undefined ? [] : [...tokenizer.encodeOrdinary(` ${word}.`)];
  }

  #told({ id, logProb, top }: ScoredId, position: number, order: Order): ScoredId {
    const change = this.#faults.logProb ?? ((x: number) => x);
    return {
      id,
      logProb: change(logProb, position, order),
      top: top.map((one) => ({ ...one, logProb: change(one.logProb, position, order) })),
    };
  }
}
