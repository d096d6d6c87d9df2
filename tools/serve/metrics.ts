/**
 * What a server counts and measures, under the names that vLLM has for it, so that dashboards made for
 * one read the other.
 *
 * @see vLLM `v1/metrics/loggers.py`
 * @module
 */
import type { Desk, DeskLoad, EndReason, Happening, Order, Ticket } from "./desk.ts";
import { family, Histogram, label } from "./prometheus.ts";

const SECONDS = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5];
const LONG_SECONDS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480];
const TOKENS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
];

/** A histogram, and what it is for. */
interface Measure {
  readonly about: string;
  readonly histogram: Histogram;
}

const measure = (about: string, limits: readonly number[]): Measure => ({
  about,
  histogram: new Histogram(limits),
});

/** Counts and measures what comes to a desk; see the top of this file. */
export class Metrics {
  readonly #desk: Desk;
  readonly #seconds = {
    time_to_first_token: measure("From the request to its first token.", LONG_SECONDS),
    inter_token_latency: measure("Between two tokens of a text.", SECONDS),
    e2e_request_latency: measure("From a request to its end.", LONG_SECONDS),
    request_queue_time: measure("Until a request had its place.", LONG_SECONDS),
    request_prefill_time: measure("From there to its first token.", LONG_SECONDS),
    request_decode_time: measure("From its first token to its last.", LONG_SECONDS),
  };
  readonly #sizes = {
    request_prompt_tokens: measure("Tokens of a prompt.", TOKENS),
    request_generation_tokens: measure("Tokens generated for a request.", TOKENS),
    request_params_n: measure("Texts wanted.", [1, 2, 5, 10, 20]),
    request_params_max_tokens: measure("Most tokens wanted.", TOKENS),
  };
  readonly #ends = new Map<EndReason | "failed", number>();
  #promptTokens = 0;
  #generationTokens = 0;
  #cancelled = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** The same desk, with every order counted. @param timeout what orders have that say none */
  watched(timeout: number | undefined): Desk {
    const desk = this.#desk;
    return {
      model: desk.model,
      get isOpen() {
        return desk.isOpen;
      },
      submit: (order) => this.#watch({ ...(timeout !== undefined && { timeout }), ...order }),
      load: () => desk.load(),
      close: (graceMs) => desk.close(graceMs),
    };
  }

  #watch(order: Order): Ticket {
    const ticket = this.#desk.submit(order);
    const state: OrderState = { isOver: false, ended: new Set() };
    return {
      happenings: this.#measured(order, ticket.happenings, state),
      end: (choice) => {
        state.ended.add(choice);
        ticket.end(choice);
      },
      cancel: () => {
        if (!state.isOver) this.#cancelled++;
        state.isOver = true;
        ticket.cancel();
      },
    };
  }

  async *#measured(
    order: Order,
    happenings: AsyncIterable<Happening>,
    state: OrderState,
  ): AsyncGenerator<Happening> {
    const watch = new OrderWatch(this.#seconds);
    let nOpen = order.n;
    this.#promptTokens += order.ids.length;
    this.#sizes.request_prompt_tokens.histogram.observe(order.ids.length);
    this.#sizes.request_params_n.histogram.observe(order.n);
    this.#sizes.request_params_max_tokens.histogram.observe(order.maxTokens);
    try {
      for await (const happening of happenings) {
        watch.sees(happening);
        if (happening.type === "token") this.#generationTokens++;
        if (happening.type === "end") {
          this.#count(state.ended.has(happening.choice) ? "stop" : happening.reason);
          nOpen--;
        }
        state.isOver ||= nOpen === 0;
        yield happening;
      }
    } catch (error) {
      state.isOver = true;
      this.#count("failed");
      throw error;
    } finally {
      watch.end();
      this.#sizes.request_generation_tokens.histogram.observe(watch.nTokens);
    }
  }

  #count(reason: EndReason | "failed"): void {
    this.#ends.set(reason, (this.#ends.get(reason) ?? 0) + 1);
  }

  /** All of it as text. */
  text(): string {
    const load = this.#desk.load();
    const labels = `model_name="${label(this.#desk.model.name)}",engine="0"`;
    const single = (type: "counter" | "gauge") => (n: Named) =>
      family(n.name, type, n.about, [`${n.name}{${labels}} ${n.value}`]);
    const histograms = (measures: Readonly<Record<string, Measure>>, unit: string) =>
      Object.entries(measures).map(([key, { about, histogram }]) => {
        const name = `vllm:${key}${unit}`;
        return family(name, "histogram", about, histogram.lines(name, labels));
      });
    const ends = [...this.#ends].map(
      ([reason, n]) => `vllm:request_success_total{${labels},finished_reason="${reason}"} ${n}`,
    );
    return [
      ...gauges(load).map(single("gauge")),
      ...counters(load, this.#promptTokens, this.#generationTokens).map(single("counter")),
      family("vllm:request_success_total", "counter", "Texts, by why they ended.", ends),
      ...histograms(this.#seconds, "_seconds"),
      ...histograms(this.#sizes, ""),
      family("vllm:iteration_tokens_total", "histogram", "Rows of a step.", [
        `vllm:iteration_tokens_total_bucket{${labels},le="+Inf"} ${load.steps}`,
        `vllm:iteration_tokens_total_sum{${labels}} ${load.rows}`,
        `vllm:iteration_tokens_total_count{${labels}} ${load.steps}`,
      ]),
      ...[
        { name: "glm52_cancelled_total", about: "Orders given up.", value: this.#cancelled },
        { name: "glm52_steps_total", about: "Steps of the engine.", value: load.steps },
        { name: "glm52_rows_total", about: "Rows of all steps.", value: load.rows },
      ].map(single("counter")),
    ].join("");
  }
}

/** What an order has come to. */
interface OrderState {
  /** Whether nothing more comes of it. */
  isOver: boolean;
  /** Texts that the reader ended, because a text came that ends them. */
  readonly ended: Set<number>;
}

/** One number. */
interface Named {
  readonly name: string;
  readonly about: string;
  readonly value: number;
}

function gauges(load: DeskLoad): Named[] {
  return [
    { name: "vllm:num_requests_running", about: "Texts that run.", value: load.running },
    { name: "vllm:num_requests_waiting", about: "Orders that wait.", value: load.waiting },
    {
      name: "vllm:kv_cache_usage_perc",
      about: "Share of the pages in use.",
      value: load.pagesInUse,
    },
  ];
}

function counters(load: DeskLoad, promptTokens: number, generationTokens: number): Named[] {
  const { prefixQueries, prefixHits, preemptions, drafts, draftTokens } = load;
  const named: [string, string, number][] = [
    ["prompt_tokens", "Tokens of prompts.", promptTokens],
    ["generation_tokens", "Tokens generated.", generationTokens],
    ["prefix_cache_queries", "Prompt tokens looked up among kept pages.", prefixQueries],
    ["prefix_cache_hits", "Prompt tokens found there.", prefixHits],
    ["num_preemptions", "Texts put back for lack of pages.", preemptions],
    ["spec_decode_num_drafts", "Times that tokens were guessed.", drafts],
    ["spec_decode_num_draft_tokens", "Tokens guessed.", draftTokens],
    ["spec_decode_num_accepted_tokens", "Guesses kept.", load.draftTokensAccepted],
  ];
  return named.map(([name, about, value]) => ({ name: `vllm:${name}_total`, about, value }));
}

/** Measures the times of one order. */
class OrderWatch {
  nTokens = 0;
  readonly #to: Readonly<Record<string, Measure>>;
  readonly #start = performance.now();
  #admitted: number | undefined;
  #first: number | undefined;
  #last: number | undefined;
  readonly #lastOf = new Map<number, number>();

  constructor(to: Readonly<Record<string, Measure>>) {
    this.#to = to;
  }

  sees(happening: Happening): void {
    const now = performance.now();
    if (happening.type === "admitted" && this.#admitted === undefined) {
      this.#admitted = now;
      this.#observe("request_queue_time", now - this.#start);
    } else if (happening.type === "token") {
      this.nTokens++;
      if (this.#first === undefined) {
        this.#first = now;
        this.#observe("time_to_first_token", now - this.#start);
        this.#observe("request_prefill_time", now - (this.#admitted ?? this.#start));
      }
      const before = this.#lastOf.get(happening.choice);
      if (before !== undefined) this.#observe("inter_token_latency", now - before);
      this.#lastOf.set(happening.choice, now);
      this.#last = now;
    }
  }

  end(): void {
    this.#observe("e2e_request_latency", performance.now() - this.#start);
    if (this.#first === undefined || this.#last === undefined) return;
    this.#observe("request_decode_time", this.#last - this.#first);
  }

  #observe(name: string, milliseconds: number): void {
    this.#to[name].histogram.observe(milliseconds / 1000);
  }
}
