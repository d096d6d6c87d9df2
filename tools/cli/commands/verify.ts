/**
 * `glm52 verify`: whether an endpoint serves GLM-5.2 as it is.
 * @module
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { demoModel } from "../../node/our-package.ts";
import { UserError } from "../../node/user-error.ts";
import { isLoopback } from "../../serve/http.ts";
import { moneyOf, type Price } from "../../verify/budget.ts";
import type { Gate } from "../../verify/gate.ts";
import { type OpenReference, openReference } from "../../verify/references.ts";
import { outcomeJson, renderOutcome, renderPlan, renderWholePlan } from "../../verify/report.ts";
import { Recorder, Recording } from "../../verify/traffic.ts";
import { COMMON_GATES, GATES, type Plan, planOf, verify } from "../../verify/verify.ts";
import { apiKeyOf } from "../api-key.ts";
import { COUNT } from "../generation-options.ts";
import { interruptible } from "../interrupt.ts";
import { nameList, POSITIVE } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { readTokenizer } from "../text-input.ts";
import { UsageError } from "../usage-error.ts";

const HELP = `
Gates, in their order. All but the last are run unless --gates says which:
  protocol    prompts: how many tokens, or which, the server makes of conversations
  replies     reasoning, content and calls are told as the model wrote them, whole and as a stream
  sampling    temperature, seed, top_k, top_p, logit_bias, max_tokens and stop do what they say
  numbers     log-probabilities of given texts, beside those of the reference
  selections  rows and experts that the layers chose, where the server tells (SGLang, vLLM, glm52 serve)

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
  glm52 verify https://example.com/v1 --replay evidence.jsonl

Exit codes:
  0    all gates passed
  1    the endpoint cannot be asked, or a gate cannot tell; the report says why
  2    the command line is wrong
  3    a gate failed; the report names the fault
  130  Ctrl-C was pressed
`;

interface VerifyCommandOptions {
  readonly model?: string;
  readonly reference?: string;
  readonly gates: readonly Gate[];
  readonly seed: number;
  readonly apiKeyEnv?: string;
  readonly budget?: Limits;
  readonly price?: Price;
  readonly timeout: number;
  readonly threads?: number;
  readonly record?: string;
  readonly replay?: string;
  readonly against?: string;
  readonly plan?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What a user allows. */
type Limits = Partial<Readonly<Record<"requests" | "tokens" | "money", number>>>;

/** Adds `glm52 verify`. */
export function addVerify(
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  program
    .command("verify")
    .summary("find out whether an endpoint serves GLM-5.2 faithfully")
    .description(
      "Asks an endpoint that speaks OpenAI's API, and says whether it serves the model as it is.",
    )
    .argument("<url>", "the endpoint, up to and with /v1")
    .option("--model <name>", "the model's name there (default: the first that the server lists)")
    .option("--reference <dir>", "the model that should be served (default: the demo model)")
    .addOption(gatesOption())
    .option("--seed <s>", "makes the prompts and texts; another seed asks others", COUNT, 0)
    .option("--api-key-env <var>", "the environment variable with the key")
    .option(
      "--budget <limits>",
      "the most to spend, as requests=200,tokens=100000,money=0.5",
      limits,
    )
    .option("--price <in,out>", "money for a million tokens of prompts and of replies", price)
    .option("--timeout <s>", "seconds for one request", POSITIVE, 120)
    .option("--threads <n>", "threads of the reference", COUNT)
    .option("--record <file>", "write all requests and answers into a new file")
    .option("--replay <file>", "judge a recording again, without the endpoint")
    .option("--against <file>", "compare numbers with those of a recorded endpoint")
    .option("--plan", "print what it costs at most, and ask nothing")
    .option("--yes", "spend that without being asked")
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action(async (url: string, options: VerifyCommandOptions) =>
      exit(await run(url, options, terminal)),
    );
}

function gatesOption(): Option {
  const about = `gates to run, of ${GATES.map(({ name }) => name).join(", ")}`;
  const most = COMMON_GATES.map(({ name }) => name).join(",");
  return new Option("--gates <names>", about).argParser(gateList).default(COMMON_GATES, most);
}

function gateList(text: string): readonly Gate[] {
  const names = nameList(text);
  const unknown = names.find((name) => !GATES.some((gate) => gate.name === name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`Expected ${GATES.map(({ name }) => name).join(", ")}.`);
  }
  return GATES.filter(({ name }) => names.includes(name));
}

function limits(text: string): Limits {
  const entries = nameList(text).map((part) => {
    const [, key, number] = /^(requests|tokens|money)=([0-9]+(?:\.[0-9]+)?)$/.exec(part) ?? [];
    if (key === undefined) {
      throw new InvalidArgumentError("Expected limits like requests=200,tokens=100000,money=0.5.");
    }
    return [key, Number(number)];
  });
  return Object.fromEntries(entries);
}

function price(text: string): Price {
  const [perMillionIn, perMillionOut, more] = nameList(text).map(Number);
  if (!(perMillionIn >= 0 && perMillionOut >= 0) || more !== undefined) {
    throw new InvalidArgumentError("Expected two numbers like 0.6,2.2.");
  }
  return { perMillionIn, perMillionOut };
}

/** Returns the exit code. */
async function run(
  url: string,
  options: VerifyCommandOptions,
  terminal: Terminal,
): Promise<number> {
  checkUrl(url);
  const apiKey = apiKeyOf(options.apiKeyEnv);
  const folder = options.reference ?? (await demoModel());
  const tokenizer = await readTokenizer(folder);
  const against = options.against === undefined ? undefined : recordingOf(options.against);
  const reference = await openReference({ folder, tokenizer, against, threads: options.threads });
  try {
    const plan = { ...planOf({ ...options, reference }), price: options.price };
    checkBudget(plan, options.budget);
    if (options.plan) {
      const { gates, total, limits } = plan;
      const costs = gates.map(({ gate, cost }) => ({ name: gate.name, ...cost }));
      terminal.stdout.write(
        options.json
          ? `${JSON.stringify({ gates: costs, total, limits })}\n`
          : renderWholePlan(plan),
      );
      return 0;
    }
    await consent(url, plan, options, terminal);
    return await judge(url, options, apiKey, reference, terminal);
  } finally {
    await reference.close();
  }
}

/** @throws {UsageError} for anything but a URL of HTTP, and for one that holds a key */
function checkUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new UsageError("<url>", `expected a URL like https://example.com/v1, got ${url}`);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new UsageError("<url>", "expected no key in the URL: give it with --api-key-env");
  }
}

function recordingOf(file: string): Recording {
  return new Recording(readFileSync(file, "utf8"), file);
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
  url: string,
  options: VerifyCommandOptions,
  apiKey: string | undefined,
  reference: OpenReference,
  terminal: Terminal,
): Promise<number> {
  const { stdout, stderr } = terminal;
  const recording = options.replay === undefined ? undefined : recordingOf(options.replay);
  const file = options.record === undefined ? undefined : newFile(options.record);
  const recorder =
    file === undefined ? undefined : new Recorder(url, (line) => void writeSync(file, line));
  let progress = progressLine(stderr, "asking");
  let label = "";
  const outcome = await interruptible(terminal, (signal) =>
    verify({
      ...{ url, reference, apiKey, recorder, recording, signal },
      ...{
        seed: options.seed,
        gates: options.gates,
        timeout: options.timeout,
        model: options.model,
      },
      onProgress: (gate, done, total) => {
        if (gate.name !== label) {
          progress.end();
          progress = progressLine(stderr, gate.name);
          label = gate.name;
        }
        progress.update(done, total);
      },
    }),
  ).finally(() => {
    progress.end();
    if (file !== undefined) closeSync(file);
  });
  stdout.write(
    options.json
      ? `${JSON.stringify(outcomeJson(outcome))}\n`
      : renderOutcome(outcome, options.price),
  );
  return outcome.verdict === "fail" ? 3 : outcome.verdict === "pass" ? 0 : 1;
}

/** Opens a recording. It is written line by line, so that it is there also after an interruption. */
function newFile(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what =
      code === "EEXIST" ? "expected a new file: a recording is never written over" : message;
    throw new UserError(file, what, { cause: error });
  }
}
