/**
 * What does the format of rows cost in logits? Each format against unrounded rows, f32 arithmetic, on
 * a text that the model makes up itself: choosing for itself, then with the rows that the unrounded run
 * chose, then with its experts too. So the error of rounding is told apart from that of choosing
 * otherwise.
 *
 *     npm run build && node dist/bench/kv/row-formats.js [MODEL_FOLDER]        a minute
 *
 * Prints root mean square and largest difference of logits (mean taken away), mean KL, top-1
 * agreement, and the share of chosen rows and experts that the unrounded run chose too.
 * @module
 */
import { argv, stdout, version } from "node:process";
import { distribution, draw } from "../../engine/generate/sampler.ts";
import {
  type Floats,
  type Indices,
  type Model,
  type Ops,
  Session,
  seededRandom,
} from "../../engine/index.ts";
import type { RowFormat } from "../../engine/kv/geometry.ts";
import type { RouteRule, Routing } from "../../engine/ops/ops.ts";
import { openModel } from "../../tools/open-model.ts";
import { type Difference, difference } from "./logit-difference.ts";

const N_TOKENS = 600;
/** Latent rows, index keys. */
const FORMATS: readonly (readonly [RowFormat, RowFormat])[] = [
  ["bf16", "f32"],
  ["int8", "f32"],
  ["f32", "bf16"],
  ["f32", "int8"],
  ["bf16", "bf16"],
  ["int8", "int8"],
];

interface Run {
  readonly logits: readonly Floats[];
  readonly choices: readonly Indices<["T", "K"]>[];
  readonly routings: readonly Routing[];
}

/** Runs the text. What is chosen is written down, or is what was written down by another run. */
function run(model: Model, text: readonly number[], rows: object, forced: Partial<Run> = {}): Run {
  const { ops } = model;
  const choices: Indices<["T", "K"]>[] = [];
  const routings: Routing[] = [];
  const topK = ((scores, k) => {
    const own = ops.topK(scores, k);
    choices.push({ ...own, data: own.data.slice() } as Indices<["T", "K"]>);
    return forced.choices?.[choices.length - 1] ?? own;
  }) as Ops["topK"];
  const route: Ops["route"] = (logits, bias, rule) => {
    const own = ops.route(logits, bias, rule);
    routings.push({ ...own, experts: { ...own.experts, data: own.experts.data.slice() } });
    const others = forced.routings?.[routings.length - 1];
    return others ? weighted(ops, logits, others, rule) : own;
  };
  const session = new Session({ ...model, ops: { ...ops, topK, route } }, { rows });
  const logits = session.appendAll(text);
  session.close();
  return { logits, choices, routings };
}

/** The weights that these logits give to experts that were chosen elsewhere. */
function weighted(
  ops: Ops,
  logits: Parameters<Ops["route"]>[0],
  { experts }: Routing,
  { scale, normTopkProb }: RouteRule,
): Routing {
  const [nT, nA] = experts.shape;
  const nE = logits.shape[1];
  const all = ops.read(logits);
  const weights = Array.from(experts.data, (e, i) => {
    return 1 / (1 + Math.exp(-all[Math.floor(i / nA) * nE + e]));
  });
  for (let t = 0; t < nT; t++) {
    const own = weights.slice(t * nA, (t + 1) * nA);
    const sum = normTopkProb ? own.reduce((a, b) => a + b, 0) : 1;
    own.forEach((weight, a) => {
      weights[t * nA + a] = (scale * weight) / sum;
    });
  }
  return { experts, weights: ops.tensor(["T", "A"], [nT, nA], weights) as Routing["weights"] };
}

/** Tokens drawn from the model itself, from a seed. */
function madeUp(model: Model): number[] {
  const random = seededRandom(52);
  const session = new Session(model);
  const text = [1];
  while (text.length < N_TOKENS) {
    const logits = session.append(text.slice(-1));
    text.push(draw(distribution(logits, { temperature: 1 }, []), random));
  }
  session.close();
  return text;
}

/** Share of what a run chose that the other one chose too; −1 stands for nothing. */
function sameShare(a: readonly Indices<[string, string]>[], b: typeof a): number {
  let [nSame, n] = [0, 0];
  a.forEach(({ data, shape: [nT, nK] }, i) => {
    for (let t = 0; t < nT; t++) {
      const [own, other] = [data, b[i].data].map((d) => d.subarray(t * nK, (t + 1) * nK));
      const chosen = [...own].filter((row) => row >= 0);
      n += chosen.length;
      nSame += chosen.filter((row) => other.includes(row)).length;
    }
  });
  return nSame / n;
}

function text({ rms, largest, kl, top1 }: Difference): string {
  const percent = (100 * top1).toFixed(1);
  return `${rms.toExponential(1)} | ${largest.toExponential(1)} | ${kl.toExponential(1)} | ${percent} %`;
}

const folder = argv[2] ?? "demo-model";
const { model } = await openModel(folder, { backend: "wasm" });
const tokens = madeUp(model);
const whole = run(model, tokens, {});
stdout.write(`${folder}, ${tokens.length} tokens, Node ${version}\n\n`);
const COLUMNS = "rms | largest | KL | top-1";
stdout.write(`| latent rows | index keys | ${COLUMNS} | same rows | same experts `);
stdout.write(`| rows given: ${COLUMNS} | rows and experts given: ${COLUMNS} |\n`);
stdout.write(`|---|---|${"---:|".repeat(14)}\n`);
for (const [latent, index] of FORMATS) {
  const rows = { latent, index };
  const { choices, routings } = whole;
  const free = run(model, tokens, rows);
  const given = [free, run(model, tokens, rows, { choices }), run(model, tokens, rows, whole)];
  const [own, ...others] = given.map(({ logits }) => text(difference(logits, whole.logits)));
  const experts = [free.routings, routings].map((all) => all.map((routing) => routing.experts));
  const same = [sameShare(free.choices, choices), sameShare(experts[0], experts[1])];
  const shares = same.map((share) => `${(100 * share).toFixed(2)} %`);
  stdout.write(`| ${[latent, index, own, ...shares, ...others].join(" | ")} |\n`);
}
