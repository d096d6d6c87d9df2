/**
 * Prints a plan for people.
 * @module
 */
import { SCHEDULES, type Schedule } from "./flops.ts";
import type { Fit, Plan } from "./plan.ts";
import type { ReadRate } from "./rate.ts";
import { KV_FORMATS, type KvFormat, WEIGHT_FORMATS } from "./sizes.ts";
import { renderStreaming } from "./streaming-text.ts";
import { bytes, digits, duration, flopCount, row, tokens } from "./units.ts";

/** Number of lines of the chart. */
const HEIGHT = 12;

/** Number of columns between two points of the chart. */
const STEP = 6;

/** The letter of each curve. Where two curves meet, the letter of the later one is shown. */
const LETTERS: Readonly<Record<Schedule, string>> = {
  dense: "d",
  dsaEveryLayer: "a",
  indexShare: "s",
};

/** A {@link Plan} as text of at most 80 columns. */
export function renderPlan(plan: Plan): string {
  const { name, layers, indexTopk } = plan;
  const contexts = plan.contexts.map(({ context }) => context);
  const sections = [
    [`${name}: ${layers.all} layers, ${layers.full} of them choose rows, ${indexTopk} at most`],
    flopsTable(plan),
    drawCurves(plan),
    cacheTable(plan),
    weightsTable(plan),
    ...(plan.ram === undefined ? [] : [fitsTable(plan.ram)]),
    prefillTable(plan),
    ...(plan.reading ? [decodeTable(plan, plan.reading)] : []),
    ...(plan.streaming ? renderStreaming(plan.streaming, contexts) : []),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function flopsTable({ contexts }: Plan): string[] {
  return [
    "GFLOP for one token",
    row("context", ["dense", "DSA", "IndexShare", "DSA/Share", "dense/Share"]),
    ...contexts.map(({ context, gflopPerToken: g, timesIndexShare: times }) =>
      row(tokens(context), [
        ...SCHEDULES.map((schedule) => digits(g[schedule])),
        `${times.dsaEveryLayer.toFixed(2)}x`,
        `${times.dense.toFixed(2)}x`,
      ]),
    ),
  ];
}

function cacheTable({ contexts, kvBytesPerToken: kv }: Plan): string[] {
  const cells = (cell: (format: KvFormat) => string): string[] => KV_FORMATS.map(cell);
  return [
    "cache: latent rows + index keys",
    row("context", KV_FORMATS),
    ...contexts.map(({ context, kvBytes }) =>
      row(
        tokens(context),
        cells((format) => bytes(kvBytes[format])),
      ),
    ),
    row(
      "bytes each",
      cells((format) => `${kv[format].latent}+${kv[format].index}`),
    ),
  ];
}

function weightsTable({ weightBytes, quantized, fileBytes }: Plan): string[] {
  return [
    "weights, the MTP layer included",
    row("format", ["all", "but experts"]),
    ...WEIGHT_FORMATS.map((format) => {
      const { total, withoutRoutedExperts } = weightBytes[format];
      return row(format, [bytes(total), bytes(withoutRoutedExperts)]);
    }),
    ...(quantized
      ? [
          `  ${quantized.name}, as the config says:`,
          row("", [bytes(quantized.total), bytes(quantized.withoutRoutedExperts)]),
        ]
      : []),
    ...(fileBytes === undefined ? [] : [row("files", [bytes(fileBytes)])]),
  ];
}

function prefillTable({ contexts, rate }: Plan): string[] {
  const spread = rate.slowest === undefined ? "as given" : `slowest run ${digits(rate.slowest)}`;
  return [
    `prefill at ${digits(rate.gflops)} GFLOP/s, ${spread}`,
    ...(rate.measured ? [`  (${rate.measured})`] : []),
    row("context", ["FLOP", "weights", "attention", "indexer", "time"]),
    ...contexts.map(({ context, prefill: { flops, seconds } }) =>
      row(tokens(context), [
        flopCount(flops.total),
        ...[flops.weights, flops.attention, flops.indexer].map(
          (part) => `${((100 * part) / flops.total).toFixed(1)} %`,
        ),
        duration(seconds),
      ]),
    ),
    "  (arithmetic alone: reading weights and rows from a disk is on top)",
  ];
}

/** At most so many tokens per second: a step reads its weights and rows once, and does nothing else. */
function decodeTable({ contexts }: Plan, { gbps, slowest }: ReadRate): string[] {
  return [
    `decode at ${digits(gbps)} GB/s, slowest run ${digits(slowest)}: tokens/s at most`,
    row("context", WEIGHT_FORMATS, 11),
    ...contexts.map(({ context, decode }) =>
      row(
        tokens(context),
        WEIGHT_FORMATS.map((format) => digits((gbps * 1e9) / decode[format])),
        11,
      ),
    ),
    "  (a model that fits in the processor's caches is bound by other things)",
  ];
}

function fitsTable(ram: NonNullable<Plan["ram"]>): string[] {
  const cells = (fit: Fit, key: "allRows" | "indexKeysOnly"): string[] =>
    KV_FORMATS.map((format) => tokens(fit.longestContext[format][key]));
  return [
    `in ${bytes(ram.bytes)}: tokens of context beside the weights, by format of the cache`,
    row("weights", KV_FORMATS),
    ...ram.fits.flatMap((fit) => {
      if (fit.inMemory === "none") return [`  ${fit.weights}: does not fit, even without experts`];
      const what = fit.inMemory === "all" ? "all weights" : "weights but routed experts";
      return [
        `  ${fit.weights}: ${what}, ${bytes(fit.bytesLeft)} left`,
        row("  all rows", cells(fit, "allRows")),
        row("  keys", cells(fit, "indexKeysOnly")),
      ];
    }),
    "  (keys: index keys in memory, latent rows in a file)",
  ];
}

/** Draws the chart of FLOPs per token against context, with letters. Both axes are logarithmic. */
function drawCurves({ curve }: Plan): string[] {
  const all = curve.flatMap(({ gflopPerToken: g }) => SCHEDULES.map((s) => Math.log(g[s])));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const cells = Array.from({ length: HEIGHT }, () => Array(curve.length * STEP).fill(" "));
  curve.forEach(({ gflopPerToken: g }, i) => {
    for (const schedule of SCHEDULES) {
      const up = high > low ? (Math.log(g[schedule]) - low) / (high - low) : 0;
      cells[Math.round((HEIGHT - 1) * (1 - up))][i * STEP + STEP - 1] = LETTERS[schedule];
    }
  });
  const labels = cells.map((_, y) =>
    digits(Math.exp(high - ((high - low) * y) / (HEIGHT - 1))).padStart(9),
  );
  return [
    "GFLOP for one token against context  d dense, a DSA in all layers, s IndexShare",
    ...cells.map((line, y) => `${labels[y]} |${line.join("")}`.trimEnd()),
    `${" ".repeat(11)}${curve.map(({ context }) => tokens(context).padStart(STEP)).join("")}`,
  ];
}
