/**
 * Evaluates the demo model with lm-eval through the server, and checks that every log-likelihood that it reads is
 * the library's, to the last digit: one request at a time and sixteen, in batches of one and of eight, with
 * and without what the server remembers. As a control, a server that leaves `echo` out must be caught.
 * Written for lm-eval 0.4.13 under Python 3.11; it needs neither torch nor transformers.
 *
 *     npm run build && npx glm52 serve     # in another terminal
 *     pip install "lm-eval[api]==0.4.13"
 *     node scripts/clients/lm-eval.mjs http://127.0.0.1:8080
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { open } from "../../dist/tools/node/index.js";

const server = process.argv[2] ?? "http://127.0.0.1:8080";
const lmEval = process.env.LM_EVAL ?? "lm_eval";
const folder = mkdtempSync(join(tmpdir(), "glm52-lm-eval-"));

const QUESTIONS = [
  ["Once upon a time, there was a little", [" girl", " boy", " machine named 🦙"]],
  ["One day, the cat saw a big", [" tree", " constitution", "dog."]],
  ["The end of the story is", [" happy", " 1234567", " sad, and the girl cried"]],
];

/** Tasks in the form of lm-eval, on data of our own. */
function writeTasks() {
  const lines = QUESTIONS.map(([q, choices]) => JSON.stringify({ q, choices, answer: 0 }));
  const data = join(folder, "questions.jsonl");
  writeFileSync(data, `${lines.join("\n")}\n`);
  const common = {
    dataset_path: "json",
    dataset_kwargs: { data_files: { test: data } },
    test_split: "test",
  };
  const tasks = {
    choice: {
      output_type: "multiple_choice",
      doc_to_text: "{{q}}",
      doc_to_choice: "{{choices}}",
      doc_to_target: "answer",
      target_delimiter: "",
      metric_list: [{ metric: "acc", aggregation: "mean", higher_is_better: true }],
    },
    rolling: {
      output_type: "loglikelihood_rolling",
      doc_to_text: "",
      doc_to_target: "{{q}}{{choices[0]}}",
      metric_list: [
        { metric: "bits_per_byte", aggregation: "bits_per_byte", higher_is_better: false },
      ],
    },
    words: {
      output_type: "generate_until",
      doc_to_text: "{{q}}",
      doc_to_target: "{{choices[answer]}}",
      generation_kwargs: { until: ["."], max_gen_toks: 20, temperature: 0 },
      metric_list: [{ metric: "exact_match", aggregation: "mean", higher_is_better: true }],
    },
  };
  for (const [name, task] of Object.entries(tasks)) {
    // JSON is YAML, too.
    writeFileSync(join(folder, `${name}.yaml`), JSON.stringify({ task: name, ...common, ...task }));
  }
  return Object.keys(tasks).join();
}

/** Runs lm-eval; returns, for each task, what it read for each question. */
async function evaluate(url, concurrent, batch, tasks) {
  const out = mkdtempSync(join(folder, "out-"));
  const args = `model=demo-model,base_url=${url}/v1/completions,num_concurrent=${concurrent}`;
  await promisify(execFile)(
    lmEval,
    [
      ...["run", "--model", "local-completions", "--model_args", args, "--tasks", tasks],
      ...["--batch_size", String(batch), "--include_path", folder, "--output_path", out],
      "--log_samples",
    ],
    { env: { ...process.env, HF_HUB_OFFLINE: "1" } },
  );
  const read = {};
  const [model] = readdirSync(out);
  for (const file of readdirSync(join(out, model))) {
    const name = /^samples_([a-z]+)_/.exec(file)?.[1];
    if (!name) continue;
    const lines = readFileSync(join(out, model, file), "utf8")
      .trim()
      .split("\n");
    read[name] = lines.map((line) => JSON.parse(line)).sort((a, b) => a.doc_id - b.doc_id);
  }
  return read;
}

/** What the library says of the same texts, summed in the same order. */
async function expected() {
  const glm = await open();
  const sum = async (ids, from) => {
    const { tokens } = await glm.score(ids);
    return tokens.slice(from).reduce((total, { logProb }) => total + logProb, 0);
  };
  const encode = (text) => [...glm.tokenizer.encode(text)];
  const [end] = encode("<|endoftext|>");
  const choice = [];
  const rolling = [];
  for (const [q, choices] of QUESTIONS) {
    const sums = [];
    for (const text of choices) sums.push(await sum(encode(q + text), encode(q).length));
    choice.push(sums);
    rolling.push(await sum([end, ...encode(q + choices[0])], 1));
  }
  await glm.close();
  return { choice, rolling };
}

function differences(read, want) {
  const wrong = [];
  const compare = (what, got, wanted) => {
    if (Number(got) !== wanted)
      wrong.push(`${what}: lm-eval read ${got}, the library says ${wanted}`);
  };
  read.choice.forEach(({ resps }, i) => {
    resps.forEach(([[got]], k) => {
      compare(`question ${i}, choice ${k}`, got, want.choice[i][k]);
    });
  });
  read.rolling.forEach(({ resps }, i) => {
    const [got] = resps.flat(2);
    compare(`text ${i}`, got, want.rolling[i]);
  });
  return wrong;
}

/** A server that forgets `echo`, before the real one. */
async function withoutEcho() {
  const proxy = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const text = Buffer.concat(parts).toString();
    const body = text === "" ? {} : JSON.parse(text);
    const init = request.method === "POST" && {
      method: "POST",
      body: JSON.stringify({ ...body, echo: undefined }),
    };
    const answer = await fetch(server + request.url, init || {});
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(await answer.text());
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return proxy;
}

const tasks = writeTasks();
const want = await expected();
let failed = false;
const texts = new Set();
for (const [concurrent, batch] of [
  [1, 1],
  [1, 8],
  [16, 1],
  [16, 8],
]) {
  const read = await evaluate(server, concurrent, batch, tasks);
  const wrong = differences(read, want);
  texts.add(JSON.stringify(read.words.map(({ resps }) => resps)));
  console.log(`${concurrent} at once, batches of ${batch}: ${wrong.length} log-likelihoods differ`);
  for (const line of wrong) console.log(`  ${line}`);
  failed ||= wrong.length > 0;
}
console.log(`generated texts: ${texts.size === 1 ? "the same each time" : "they differ"}`);
failed ||= texts.size !== 1;

const proxy = await withoutEcho();
const control = `http://127.0.0.1:${proxy.address().port}`;
const caught = await evaluate(control, 1, 1, "choice,rolling").then(
  (read) => differences(read, want).length > 0,
  () => true, // lm-eval itself finds too few numbers
);
proxy.close();
rmSync(folder, { recursive: true });
console.log(`a server without echo: ${caught ? "caught" : "not caught"}`);
process.exitCode = failed || !caught ? 1 : 0;
