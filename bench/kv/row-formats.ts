/**
 * Measures how much the number formats of cached rows change the logits. Each format is compared
 * with unrounded rows, in f32 arithmetic, on a text that the model has generated. There are three
 * runs: one chooses rows and experts itself; one is given the rows that the unrounded run chose;
 * one is given its experts too. This separates the error of rounding from that of other choices.
 *
 *     npm run build && node dist/bench/kv/row-formats.js [MODEL_FOLDER]        a minute
 *
 * Prints the root mean square and the largest difference of the logits, after their mean difference
 * was subtracted; the mean KL divergence; the share of equal likeliest tokens; and the share of
 * chosen rows and experts that the unrounded run chose too.
 * @module
 */
import { argv, stdout, version } from "node:process";
import { distribution, draw } from "../../engine/generate/sampler.ts";
import {
  type Floats,
  type Indices,
  type Model,
  Session,
  seededRandom,
} from "../../engine/index.ts";
import type { RowFormat } from "../../engine/kv/geometry.ts";
import { type Difference, difference } from "../../test/support/logit-difference.ts";
import { type Choices, recordChoices, replayChoices } from "../../tools/golden/build/replay.ts";
import { openModel } from "../../tools/node/open.ts";

const N_TOKENS = 600;
/** The formats of latent rows and of index keys. */
const FORMATS: readonly (readonly [RowFormat, RowFormat])[] = [
  ["bf16", "f32"],
  ["int8", "f32"],
  ["f32", "bf16"],
  ["f32", "int8"],
  ["bf16", "bf16"],
  ["int8", "int8"],
];

/** Which choices of the unrounded run are given to another run. */
const GIVEN = ["nothing", "rows", "rows and experts"] as const;

interface Run {
  readonly logits: readonly Floats[];
  readonly choices: Choices;
}

/** Runs the text, and records the choices, whether made or given. */
function run(
  model: Model,
  text: readonly number[],
  rows: object,
  whole?: Run,
  given?: (typeof GIVEN)[number],
): Run {
  const replay = whole ? replayChoices(model.ops, whole.choices) : model.ops;
  const { topK } = given === "nothing" ? model.ops : replay;
  const { route } = given === "rows and experts" ? replay : model.ops;
  const { ops, choices } = recordChoices({ ...model.ops, topK, route });
  const session = new Session({ ...model, ops }, { rows });
  const logits = session.appendAll(text);
  session.close();
  return { logits, choices };
}

/** A text that the model generates from a seed. */
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

/** The share of the choices of run `a` that run `b` made too. −1 stands for no choice. */
function sameShare(a: readonly Indices[], b: typeof a): number {
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
const { model } = await openModel(folder, { turbo: true });
const tokens = madeUp(model);
const whole = run(model, tokens, {});
stdout.write(`${folder}, ${tokens.length} tokens, Node ${version}\n\n`);
const COLUMNS = "rms | largest | KL | top-1";
stdout.write(`| latent rows | index keys | ${COLUMNS} | same rows | same experts `);
stdout.write(`| rows given: ${COLUMNS} | rows and experts given: ${COLUMNS} |\n`);
stdout.write(`|---|---|${"---:|".repeat(14)}\n`);
for (const [latent, index] of FORMATS) {
  const rows = { latent, index };
  const given = GIVEN.map((what) => run(model, tokens, rows, whole, what));
  const [free] = given;
  const [own, ...others] = given.map(({ logits }) => text(difference(logits, whole.logits)));
  const same = [
    sameShare(free.choices.rows, whole.choices.rows),
    sameShare(free.choices.experts, whole.choices.experts),
  ];
  const shares = same.map((share) => `${(100 * share).toFixed(2)} %`);
  stdout.write(`| ${[latent, index, own, ...shares, ...others].join(" | ")} |\n`);
}
