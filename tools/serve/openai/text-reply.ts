/**
 * Texts that go on with prompts, as they are given: no template, no roles, no parser.
 *
 * Next: completions.ts
 * @module
 */
import { StopStrings } from "../../../engine/index.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import type { Usage } from "../chat-ask.ts";
import { roomFor } from "../chat-reply.ts";
import type { Desk, EndReason, Happening, Order, ScoredId } from "../desk.ts";
import { merged } from "../merged.ts";
import { checkTrace, type MetaInfo, RowTraces, type TraceAsk } from "../row-traces.ts";
import type { ScriptedReplies } from "../script/scripted-replies.ts";
import { ServeError } from "../serve-error.ts";

/** What is asked for. */
export interface TextAsk {
  readonly prompts: readonly (readonly number[])[];
  /** How each of them is gone on with. */
  readonly order: Omit<Order, "ids">;
  /** Whether the prompt is part of the text. */
  readonly echo: boolean;
  /** Texts that end the text. */
  readonly stop: readonly string[];
  /** Whether such a text is part of it. */
  readonly includeStop: boolean;
  /** Texts that are given instead of what the model would say. */
  readonly script?: ScriptedReplies | undefined;
  /** What is to be told of the rows of prompts and texts. */
  readonly trace?: TraceAsk | undefined;
}

/** A token of a text; the first one of a prompt has no log-probability. */
export type TextToken = ScoredId | { readonly id: number };

/** What comes next of one of the texts. */
export interface TextStep {
  /** Number of the text: `prompt · n + choice`. */
  readonly index: number;
  readonly text: string;
  readonly tokens: readonly TextToken[];
  /** Why the text ended, with its last step. */
  readonly finish: "stop" | "length" | null;
  /** What the layers chose, with the last step, if that was asked for. */
  readonly meta?: MetaInfo | undefined;
}

/** Prompts of one request that run at the same time. */
const AT_ONCE = 32;

/**
 * Goes on with each prompt. The first step is `undefined`: the request is taken.
 *
 * @param usage is counted up
 * @throws {ServeError} when the request cannot be taken, or fails
 */
export async function* completeTexts(
  desk: Desk,
  ask: TextAsk,
  usage: { -readonly [K in keyof Usage]: Usage[K] },
  signal: AbortSignal,
): AsyncGenerator<TextStep | undefined, void> {
  const { maxTokens } = ask.order;
  const orders = ask.prompts.map((ids): Order => {
    const isEcho = maxTokens === 0 && ids.length <= desk.model.maxContext;
    const room = isEcho ? 0 : roomFor(desk.model, ids.length);
    const order = { ...ask.order, ids, maxTokens: Math.min(maxTokens, room) };
    checkTrace(desk.model.layers, order);
    return order;
  });
  usage.promptTokens = orders.reduce((sum, { ids }) => sum + ids.length, 0);
  const streams = orders.map((order, i) => () => oneText(desk, ask, order, i, usage, signal));
  const isFull = (error: unknown) => error instanceof ServeError && error.kind === "queue-full";
  let isFirst = true;
  for await (const step of merged(streams, { atOnce: AT_ONCE, canWait: isFull })) {
    if (step !== undefined || isFirst) yield step;
    isFirst = false;
  }
  signal.throwIfAborted();
}

/** The texts of one prompt. */
async function* oneText(
  desk: Desk,
  ask: TextAsk,
  order: Order,
  number: number,
  usage: { -readonly [K in keyof Usage]: Usage[K] },
  signal: AbortSignal,
): AsyncGenerator<TextStep | undefined> {
  signal.throwIfAborted();
  const scripted = order.maxTokens > 0 ? ask.script?.text(desk.model, order) : undefined;
  const ticket = desk.submit(scripted?.order ?? order);
  scripted?.isTaken();
  const giveUp = () => ticket.cancel();
  signal.addEventListener("abort", giveUp, { once: true });
  const texts = Array.from(
    { length: order.n },
    () => new OpenText(desk.model.tokenizer, ask, order),
  );
  const open = new Set(texts.keys());
  const traces = ask.trace && new RowTraces(desk.model.layers, ask.trace, order);
  const at = (choice: number) => number * order.n + choice;
  try {
    yield undefined;
    for await (const happening of ticket.happenings) {
      traces?.sees(happening);
      if (happening.type === "admitted") usage.cachedTokens += happening.cachedTokens;
      const prompt = ask.echo ? promptIn(happening, order) : undefined;
      if (prompt) yield* texts.map((text, k) => ({ index: at(k), ...text.begin(prompt) }));
      if (happening.type === "token" && open.has(happening.choice)) {
        const { choice, token, isStop } = happening;
        usage.completionTokens++;
        const text = texts[choice];
        const step = text.push(token, isStop);
        const isOver = text.hasStopped && !isStop;
        const meta = isOver ? traces?.of(choice) : undefined;
        yield { index: at(choice), ...step, finish: isOver ? "stop" : null, meta };
        if (!isOver) continue;
        ticket.end(choice);
        open.delete(choice);
      } else if (happening.type === "end" && open.delete(happening.choice)) {
        const finish = finishOf(happening.reason);
        yield {
          index: at(happening.choice),
          text: texts[happening.choice].rest(),
          tokens: [],
          finish,
          meta: traces?.of(happening.choice),
        };
      }
    }
    signal.throwIfAborted();
    if (open.size > 0) throw new ServeError("failed", "text", "broke off before its end");
  } finally {
    signal.removeEventListener("abort", giveUp);
    ticket.cancel();
  }
}

/** The tokens of the prompt, when it is time to tell them. */
function promptIn(happening: Happening, order: Order): readonly TextToken[] | undefined {
  const [id] = order.ids;
  if (happening.type === "prompt") return [{ id }, ...happening.tokens];
  const isTold = happening.type === "admitted" && !order.promptLogProbs;
  return isTold ? order.ids.map((one) => ({ id: one })) : undefined;
}

function finishOf(reason: EndReason): "stop" | "length" {
  if (reason === "timeout") {
    throw new ServeError("timeout", "text", "took longer than the server allows");
  }
  if (reason === "aborted") throw new ServeError("failed", "text", "was given up");
  return reason === "stop" ? "stop" : "length";
}

/** Bytes that a character has at most, so that as many tokens are enough to begin in its middle. */
const CHARACTER_BYTES = 4;

/** A text that grows. */
class OpenText {
  readonly #decoder: ReturnType<Tokenizer["decodeStream"]>;
  readonly #stops: StopStrings;
  readonly #includeStop: boolean;

  constructor(tokenizer: Tokenizer, ask: TextAsk, { ids }: Order) {
    this.#decoder = tokenizer.decodeStream();
    this.#stops = new StopStrings(ask.stop);
    this.#includeStop = ask.includeStop;
    // The prompt may end inside a character.
    if (!ask.echo) for (const id of ids.slice(-CHARACTER_BYTES)) this.#decoder.push(id);
  }

  get hasStopped(): boolean {
    return this.#stops.stopped;
  }

  /** Begins with the prompt, in which no stop text counts. */
  begin(tokens: readonly TextToken[]): Omit<TextStep, "index"> {
    const text = tokens.map(({ id }) => this.#decoder.push(id)).join("");
    return { text, tokens, finish: null };
  }

  push(token: ScoredId, isStop: boolean): Pick<TextStep, "text" | "tokens"> {
    const isShown = !isStop || this.#includeStop;
    const text = isShown ? this.#shown(this.#decoder.push(token.id)) : "";
    return { text, tokens: [token] };
  }

  /** What was held back until the end. */
  rest(): string {
    return this.#shown(this.#decoder.end()) + (this.hasStopped ? "" : this.#stops.flush());
  }

  #shown(text: string): string {
    const before = this.hasStopped;
    const shown = this.#stops.push(text);
    return before || !this.#includeStop ? shown : shown + (this.#stops.found ?? "");
  }
}
