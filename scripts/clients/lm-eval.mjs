/**
 * Scores a local task with lm-eval against a running server, and compares each log-likelihood with the
 * library's, to the last digit. Tried with lm-eval 0.4.13 (pip install "lm-eval[api]"; no torch is needed).
 *
 *     glm52 serve --port 8080 --think off &
 *     LM_EVAL=lm_eval node scripts/clients/lm-eval.mjs http://127.0.0.1:8080
 *
 * It is run once with one request at a time, and once with 16 at a time in batches of 8.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "../../dist/tools/node/index.js";

const [, , url = "http://127.0.0.1:8080"] = process.argv;
const folder = mkdtempSync(join(tmpdir(), "glm52-lm-eval-"));
const questions = [
  ["Once upon a time, there was a little girl named", [" Amy", " window", " Lily", " red"], 2],
  ["The dog saw a big red ball and wanted to", [" play", " Tim", " because", " seven"], 0],
  ["One day, the cat climbed up the tall", [" slowly", " tree", " said", " happy"], 1],
].map(([question, choices, answer]) => ({ question, choices, answer }));
writeFileSync(
  join(folder, "data.jsonl"),
  questions.map((question) => `${JSON.stringify(question)}\n`).join(""),
);
writeFileSync(
  join(folder, "story.yaml"),
  `task: story
dataset_path: json
dataset_kwargs:
  data_files: ${join(folder, "data.jsonl")}
test_split: train
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
target_delimiter: ""
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
metadata: {version: 1}
`,
);

/** The log-likelihoods that lm-eval got. */
function scored(concurrent, batch) {
  const out = join(folder, `out-${concurrent}`);
  const served = `model=demo-model,base_url=${url}/v1/completions,num_concurrent=${concurrent}`;
  const { status, stderr } = spawnSync(
    process.env.LM_EVAL ?? "lm_eval",
    [
      ...["run", "--model", "local-completions", "--model_args", served, "--tasks", "story"],
      ...["--include_path", folder, "--output_path", out, "--log_samples"],
      ...["--batch_size", String(batch)],
    ],
    {
      encoding: "utf8",
      env: { ...process.env, HF_DATASETS_OFFLINE: "1", HF_HUB_OFFLINE: "1" },
    },
  );
  if (status !== 0) throw new Error(stderr);
  const file = readdirSync(out, { recursive: true, encoding: "utf8" }).find((name) =>
    name.includes("samples_story"),
  );
  return readFileSync(join(out, file), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).resps.map(([[value]]) => Number(value)));
}

const glm = await open();
const want = [];
for (const { question, choices } of questions) {
  const from = glm.encode(question).length;
  const sums = [];
  for (const choice of choices) {
    const { tokens } = await glm.score(glm.encode(question + choice));
    sums.push(tokens.slice(from).reduce((sum, { logProb }) => sum + logProb, 0));
  }
  want.push(sums);
}
await glm.close();
let isEqual = true;
for (const [concurrent, batch] of [
  [1, 1],
  [16, 8],
]) {
  const got = scored(concurrent, batch);
  const same = JSON.stringify(got) === JSON.stringify(want);
  console.log(
    `${concurrent} at a time, in batches of ${batch}: ${same ? "equal" : "OTHER NUMBERS"}`,
  );
  isEqual &&= same;
}
const right = want.filter((sums, i) => sums.indexOf(Math.max(...sums)) === questions[i].answer);
console.log(`the model answers ${right.length} of ${questions.length}`);
process.exit(isEqual ? 0 : 1);
