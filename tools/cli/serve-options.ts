/**
 * The options of `glm52 serve`.
 *
 * Next: commands/serve.ts
 * @module
 */
import { type Command, Option } from "commander";
import type { Activations } from "../../engine/index.ts";
import type { Backend } from "../library/arithmetic.ts";
import type { TemplateChoice } from "../library/chat-template.ts";
import { EFFORTS, type Effort } from "../library/think.ts";
import { chatTemplateOption } from "./chat-template-option.ts";
import {
  addArithmeticOptions,
  addModelOptions,
  addRowOptions,
  COUNT,
  type RowType,
} from "./generation-options.ts";
import { byteSize, decimal, integer } from "./numbers.ts";
import { addStreamOptions, type StreamChoice } from "./stream-option.ts";

/** What was asked for. */
export interface ServeCommandOptions extends StreamChoice {
  readonly host: string;
  readonly port: number;
  readonly apiKeyEnv?: string;
  readonly insecure?: boolean;
  readonly allowHost: readonly string[];
  readonly cors: readonly string[];
  readonly model?: string;
  readonly ignoreConfigKey?: readonly string[];
  readonly latentEps?: number;
  readonly chatTemplate?: TemplateChoice;
  readonly name?: string;
  readonly alias: readonly string[];
  readonly anyModel?: boolean;
  readonly maxContext?: number;
  readonly think?: Effort;
  readonly toolChoice?: "none" | "auto" | "required";
  readonly seed: number;
  readonly strict?: boolean;
  readonly clock: boolean;
  readonly script?: string;
  readonly warm?: string;
  readonly keep?: string;
  readonly maxRequests: number;
  readonly timeout?: number;
  readonly grace: number;
  readonly kvRam?: number;
  readonly draft: number;
  readonly kvType: RowType;
  readonly indexType: RowType;
  readonly backend: Backend;
  readonly activations?: Activations;
  readonly threads: number;
  readonly turbo: boolean;
  readonly check?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const PORT = integer(0, 65_535);
const SECONDS = decimal("a number of seconds", (x) => x >= 0 && x < 1e6);
const TOOL_CHOICES = ["none", "auto", "required"] as const;

/** Adds them. */
export function addServeOptions(command: Command): Command {
  addWhere(command);
  addModelOptions(command)
    .addOption(chatTemplateOption())
    .option("--name <name>", "the name of the model in requests (default: that of the folder)")
    .option("--alias <name>", "another name of the model; may be repeated", list, [])
    .option("--any-model", "answer requests for any model with this one");
  addAnswers(command);
  addLimits(command);
  addStreamOptions(command.optionsGroup("Memory and speed:"));
  return addArithmeticOptions(addRowOptions(command))
    .optionsGroup("Options:")
    .option("--quiet", "do not print a line for each request")
    .option("--json", "print JSON: one line on stdout when the server is ready, with its URL");
}

function list(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function addWhere(command: Command): Command {
  return command
    .optionsGroup("Where:")
    .option("--host <host>", "the interface to listen on", "127.0.0.1")
    .option("--port <n>", "the port to listen on; 0 takes any that is free", PORT, 8080)
    .option(
      "--api-key-env <var>",
      "the environment variable that holds the key which requests must have",
    )
    .option("--insecure", "listen on an interface that others reach without a key")
    .option("--allow-host <name>", "take this Host header, too; may be repeated", list, [])
    .option("--cors <origin>", "let pages of this origin ask; may be repeated", list, []);
}

function addAnswers(command: Command): Command {
  return command
    .optionsGroup("Answers:")
    .option(
      "--max-context <n>",
      "most tokens of a prompt and its answer; behind those that the model was made for, texts lose their sense (default: those)",
      integer(1),
    )
    .addOption(
      new Option("--think <effort>", "how much to think when a request does not say").choices(
        EFFORTS,
      ),
    )
    .addOption(
      new Option(
        "--tool-choice <choice>",
        "whether to call tools when a request does not say (default: auto)",
      ).choices(TOOL_CHOICES),
    )
    .option("--seed <s>", "the seed of requests without one", COUNT, 0)
    .option("--strict", "refuse fields that are not known, instead of naming them in a header")
    .option("--no-clock", "leave the time out, so that answers are equal in every run")
    .option(
      "--script <file>",
      "give the replies in this file instead of the model's own; docs/serve.md has its format",
    );
}

function addLimits(command: Command): Command {
  return command
    .optionsGroup("Limits:")
    .option("--max-requests <n>", "the most requests that run and wait", integer(1), 1024)
    .option("--timeout <s>", "give a request up after so many seconds", SECONDS)
    .option("--grace <s>", "at the end, wait so many seconds for answers on their way", SECONDS, 10)
    .option(
      "--kv-ram <size>",
      "memory for the cached rows of all texts, e.g. 4GB (default: 1 GiB)",
      byteSize,
    )
    .option(
      "--keep <file>",
      "keep the rows of texts in this file when the server ends, and go on with them at the next start",
    )
    .option(
      "--warm <file>",
      "run the prompts of the requests in this file first, and keep their rows; docs/serve.md has its format",
    );
}
