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
  Session,
  seededRandom,
} from "../../engine/index.ts";
import type { RowFormat } from "../../engine/kv/geometry.ts";
import { type Difference, difference } from "../../test/support/logit-difference.ts";
import { type Choices, recordChoices, replayChoices } from "../../tools/golden/build/replay.ts";
import { openModel } from "../../tools/node/open.ts";

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

/** What of the choices of the unrounded run another one is given. */
const GIVEN = ["nothing", "rows", "rows and experts"] as const;

interface Run {
  readonly logits: readonly Floats[];
  readonly choices: Choices;
}

/** Runs the text, and writes down what it chooses or is given. */
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
