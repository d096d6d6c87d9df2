/**
 * `glm52 verify`: whether an endpoint serves GLM-5.2 as it is.
 * @module
 */
import type { Command } from "commander";
import { demoModel, ourPackage } from "../../node/our-package.ts";
import { checkWritable } from "../../node/output.ts";
import { UserError } from "../../node/user-error.ts";
import { writeText } from "../../node/write-whole.ts";
import { moneyOf } from "../../remote/budget.ts";
import { isLoopback } from "../../serve/http.ts";
import type { EvidenceInput } from "../../verify/evidence.ts";
import { PROFILES } from "../../verify/profiles.ts";
import { openReference } from "../../verify/references.ts";
import { outcomeJson, renderOutcome, renderPlan, renderWholePlan } from "../../verify/report.ts";
import { type Outcome, type Plan, planOf, verify } from "../../verify/verify.ts";
import { outcomeHtml } from "../../verify/verify-html.ts";
import { outcomeJunit } from "../../verify/verify-junit.ts";
import { apiKeyOf } from "../api-key.ts";
import { interruptible } from "../interrupt.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { readTokenizer } from "../text-input.ts";
import { address } from "../url-option.ts";
import { UsageError } from "../usage-error.ts";
import { addVerifyOptions, type Limits, type VerifyCommandOptions } from "../verify-options.ts";
import { openTraffic, readRecording, type Traffic } from "../verify-traffic.ts";

const HELP = `
Gates, in their order:
  protocol    prompts: how many tokens, or which, the server makes of conversations
  replies     reasoning, content and calls are told as the model wrote them, whole and as a stream
  sampling    temperature, seed, top_k, top_p, logit_bias, max_tokens and stop do what they say
  numbers     log-probabilities of texts, beside those of the reference
  long        words that stand far back in long texts are found
  samples     replies at temperature 1 are drawn as a recorded endpoint draws them
  selections  rows and experts that the layers chose, where the server tells (SGLang, vLLM, glm52 serve)

Profiles: quick has the first three, numbers those and numbers, long the first three and long, full has all.
With --gates, the gates that are named. \`glm52 verify plan\` says what a profile costs, without an endpoint,
and which mistakes it cannot tell apart.

The folder of --reference says what should be served: its tokenizer counts prompts, its config.json says
where sparse attention begins, and its weights, if it has them, give the log-probabilities. Without weights,
--against FILE takes those of another endpoint, which --record wrote with the same --seed and --reference.

What it costs at most is printed before anything is sent. On a terminal you are asked, unless the endpoint
is on this computer; elsewhere --yes says that you know. A request that fails is sent once more; an answer
is never asked for again because of what it says. The key is read from the environment, and goes nowhere else.

A check fails only where neither chance nor rounding explains what was seen. A gate that cannot be tried
is no pass.

Examples:
  glm52 serve --port 8321 & glm52 verify http://127.0.0.1:8321/v1
  glm52 verify https://example.com/v1 --model glm-5.2 --reference ~/models/GLM-5.2 --plan
  API_KEY=… glm52 verify https://example.com/v1 --api-key-env API_KEY --budget requests=200 --yes --json
  glm52 verify http://cluster:8000/v1 --gates numbers --record trusted.jsonl --yes
  glm52 verify https://example.com/v1 --gates numbers --against trusted.jsonl --yes
  glm52 verify https://example.com/v1 --unlike dense.jsonl --against trusted.jsonl --gates numbers --yes
  glm52 verify http://cluster:8000/v1 --profile full --resume trusted.jsonl --yes
  glm52 verify https://example.com/v1 --replay trusted.jsonl
  glm52 verify https://example.com/v1 --profile long --lengths 8K,32K --evidence report --junit verify.xml --yes
  glm52 verify plan --profile full

Exit codes:
  0    all gates passed
  1    the endpoint cannot be asked, or a gate cannot tell; the report says why
  2    the command line is wrong
  3    a gate failed; the report names the fault
  130  Ctrl-C was pressed
`;

/** Adds `glm52 verify`. */
export function addVerify(
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const command = program
    .command("verify")
    .summary("find out whether an endpoint serves GLM-5.2 faithfully")
    .description(
      "Asks an endpoint that speaks OpenAI's API, and says whether it serves the model as it is.",
    )
    .argument("<url>", "the endpoint, up to and with /v1; or: plan", (text: string) =>
      text === PLAN ? PLAN : address("<url>", text),
    );
  addVerifyOptions(command)
    .addHelpText("after", HELP)
    .action(async (url: string, options: VerifyCommandOptions) =>
      exit(await run(url, options, terminal)),
    );
}

/** What stands in the place of a URL where only a plan is wanted. */
const PLAN = "plan";

/** Returns the exit code. */
async function run(
  url: string,
  options: VerifyCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const { against, unlike, threads, profile, gates = PROFILES[profile], html, junit } = options;
  for (const file of [html, junit]) if (file !== undefined) await checkWritable(file);
  const apiKey = apiKeyOf(options.apiKeyEnv);
  const folder = options.reference ?? (await demoModel());
  const tokenizer = await readTokenizer(folder);
  const reference = await openReference({
    ...{ folder, tokenizer, threads },
    against: against === undefined ? undefined : readRecording(against),
    unlike: unlike === undefined ? undefined : readRecording(unlike),
  });
  const { record, resume, evidence, seed, lengths, model } = options;
  const isRecording = (record ?? resume ?? evidence) !== undefined;
  const input = { reference, seed, lengths, gates, isRecording };
  try {
    const plan = { ...planOf(input), price: options.price };
    checkBudget(plan, options.budget);
    if (options.plan || url === PLAN) {
      terminal.stdout.write(options.json ? planJson(plan) : renderWholePlan(plan));
      return 0;
    }
    await consent(url, plan, options, terminal);
    const { version } = await ourPackage();
    const date = new Date().toISOString();
    return await judge({ ...input, url, model, version, date }, options, apiKey, terminal);
  } finally {
    await reference.close();
  }
}

function planJson({ gates, total, limits }: Plan): string {
  const costs = gates.map(({ gate, cost }) => ({ name: gate.name, ...cost }));
  return `${JSON.stringify({ gates: costs, total, limits })}\n`;
}

/** @throws {UserError} when the plan may cost more than was allowed */
function checkBudget({ total, price }: Plan, allowed: Limits = {}): void {
  const needs: Required<Limits> = {
    requests: total.requests,
    tokens: total.tokensIn + total.tokensOut,
    money: price ? moneyOf(total, price) : 0,
  };
  if (allowed.money !== undefined && !price) {
    throw new UsageError(
      "--budget",
      "expected --price, too: without it nobody knows what tokens cost",
    );
  }
  for (const key of ["requests", "tokens", "money"] as const) {
    const most = allowed[key];
    if (most === undefined || needs[key] <= most) continue;
    const what = `the plan may need ${needs[key]}, ${most} are allowed; --gates leaves gates out`;
    throw new UserError(`--budget ${key}`, what);
  }
}

/** Asks whether the cost is wanted, where it may be one. */
async function consent(
  url: string,
  plan: Plan,
  { yes, replay }: VerifyCommandOptions,
  { stdin, stderr }: Terminal,
): Promise<void> {
  if (replay !== undefined) return;
  stderr.write(renderPlan(plan));
  if (yes || isLoopback(new URL(url).hostname)) return;
  if (!stdin.isTerminal) {
    throw new UsageError("--yes", "expected it where nobody can be asked whether to spend this");
  }
  stderr.write("Ask the endpoint? [y/N] ");
  for await (const line of stdin.lines()) {
    if (/^y(es)?$/i.test(line.trim())) return;
    break;
  }
  throw new UserError(url, "nothing was asked");
}

async function judge(
  input: EvidenceInput,
  options: VerifyCommandOptions,
  apiKey: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const { timeout, concurrency } = options;
  const traffic = openTraffic(options, input);
  const { recorder, recording, send } = traffic;
  let progress = progressLine(terminal.stderr, "asking");
  let label = "";
  const outcome = await interruptible(terminal, (signal) =>
    verify({
      ...{ ...input, apiKey, recorder, recording, send, signal, timeout },
      concurrency: recording ? 1 : concurrency,
      onProgress: (gate, done, total) => {
        if (gate.name !== label) {
          progress.end();
          progress = progressLine(terminal.stderr, gate.name);
          label = gate.name;
        }
        progress.update(done, total);
      },
    }),
  ).finally(() => {
    progress.end();
    traffic.close();
  });
  await report(outcome, input, options, traffic, terminal);
  return outcome.verdict === "fail" ? 3 : outcome.verdict === "pass" ? 0 : 1;
}

async function report(
  outcome: Outcome,
  { version, date }: EvidenceInput,
  { html, junit, json, price }: VerifyCommandOptions,
  { recorder, recording, file, evidence }: Traffic,
  { stdout }: Terminal,
): Promise<void> {
  const hash = recorder?.hash ?? recording?.last;
  const origin = {
    ...{ version, date, price },
    ...(file !== undefined && hash !== undefined && { traffic: { file, hash } }),
  };
  await evidence?.finish(outcome, origin);
  if (html !== undefined) await writeText(html, outcomeHtml(outcome, origin));
  if (junit !== undefined) await writeText(junit, outcomeJunit(outcome));
  stdout.write(json ? `${JSON.stringify(outcomeJson(outcome))}\n` : renderOutcome(outcome, price));
}
