/**
 * Numbers in the text format of Prometheus.
 *
 * @see Prometheus, "Exposition formats", version 0.0.4
 * @module
 */

/** How often values fell below each of some limits. */
export class Histogram {
  readonly #limits: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param limits in ascending order; the last bucket, which holds everything, comes by itself */
  constructor(limits: readonly number[]) {
    this.#limits = limits;
    this.#counts = new Array(limits.length + 1).fill(0);
  }

  /** Counts a value. */
  observe(value: number): void {
    const at = this.#limits.findIndex((limit) => value <= limit);
    this.#counts[at < 0 ? this.#limits.length : at]++;
    this.#sum += value;
  }

  /** The lines of this histogram. */
  lines(name: string, labels: string): string[] {
    let total = 0;
    const buckets = this.#counts.map((count, i) => {
      total += count;
      const limit = this.#limits[i] ?? "+Inf";
      return `${name}_bucket{${labels},le="${limit}"} ${total}`;
    });
    return [...buckets, `${name}_sum{${labels}} ${this.#sum}`, `${name}_count{${labels}} ${total}`];
  }
}

/** The lines of one family of numbers. */
export function family(
  name: string,
  type: "counter" | "gauge" | "histogram",
  about: string,
  lines: readonly string[],
): string {
  return [`# HELP ${name} ${about}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
}

/** A text as the value of a label. */
export function label(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}
