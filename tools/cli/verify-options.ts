/**
 * The options of `glm52 verify`.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Price } from "../remote/budget.ts";
import type { Gate } from "../verify/gate.ts";
import { GATES, PROFILES, type ProfileName } from "../verify/profiles.ts";
import { COUNT } from "./generation-options.ts";
import { integer, nameList, POSITIVE, tokenCounts } from "./numbers.ts";

/** What a user allows. */
export type Limits = Partial<Readonly<Record<"requests" | "tokens" | "money", number>>>;

/** The options as they were given. */
export interface VerifyCommandOptions {
  readonly model?: string;
  readonly reference?: string;
  readonly profile: ProfileName;
  readonly gates?: readonly Gate[];
  readonly lengths?: readonly number[];
  readonly seed: number;
  readonly concurrency: number;
  readonly apiKeyEnv?: string;
  readonly budget?: Limits;
  readonly price?: Price;
  readonly timeout: number;
  readonly threads?: number;
  readonly record?: string;
  readonly resume?: string;
  readonly replay?: string;
  readonly against?: string;
  readonly unlike?: string;
  readonly evidence?: string;
  readonly html?: string;
  readonly junit?: string;
  readonly plan?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Adds them to the command. */
export function addVerifyOptions(command: Command): Command {
  return command
    .option("--model <name>", "the model's name there (default: the first that the server lists)")
    .option("--reference <dir>", "the model that should be served (default: the demo model)")
    .addOption(
      new Option("--profile <name>", "which gates to run")
        .choices(Object.keys(PROFILES))
        .default("numbers"),
    )
    .addOption(
      new Option("--gates <names>", `gates instead of a profile: ${gateNames()}`)
        .argParser(gateList)
        .conflicts("profile"),
    )
    .option("--lengths <n,…>", "tokens of long texts (default: 4 times index_topk)", tokenCounts)
    .option("--seed <s>", "makes the prompts and texts; another seed asks others", COUNT, 0)
    .option("--concurrency <n>", "requests at the same time", integer(1, 64), 2)
    .option("--api-key-env <var>", "the environment variable with the key")
    .option(
      "--budget <limits>",
      "the most to spend, as requests=200,tokens=100000,money=0.5",
      limits,
    )
    .option("--price <in,out>", "money for a million tokens of prompts and of replies", price)
    .option("--timeout <s>", "seconds for one request", POSITIVE, 120)
    .option("--threads <n>", "threads of the reference", COUNT)
    .addOption(traffic("--record <file>", "write all requests and answers into a new file"))
    .addOption(traffic("--resume <file>", "go on with a recording that broke off"))
    .addOption(traffic("--replay <file>", "judge a recording again, without the endpoint"))
    .addOption(traffic("--evidence <dir>", "write all that was asked and found into a new folder"))
    .option("--against <file>", "compare with a recorded endpoint that is trusted")
    .option("--unlike <file>", "a recorded endpoint with a known mistake, such as dense attention")
    .option("--html <file>", "write the report as a page")
    .option("--junit <file>", "write the report as JUnit XML")
    .option("--plan", "print what it costs at most and what cannot be seen, and ask nothing")
    .option("--yes", "spend that without being asked")
    .option("--json", "print JSON");
}

/** Options that say where the traffic is; only one of them can. */
const TRAFFIC = ["record", "resume", "replay", "evidence"];

function traffic(flags: string, about: string): Option {
  const option = new Option(flags, about);
  return option.conflicts(TRAFFIC.filter((name) => name !== option.attributeName()));
}

const gateNames = (): string => GATES.map(({ name }) => name).join(", ");

function gateList(text: string): readonly Gate[] {
  const names = nameList(text);
  const unknown = names.find((name) => !GATES.some((gate) => gate.name === name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`Expected ${gateNames()}.`);
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
