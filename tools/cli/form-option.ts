/**
 * The options that hold a text to a form: `--json-schema`, `--regex` and `--grammar`.
 * @module
 */
import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { Constraint } from "../../engine/index.ts";
import { checkConstraint, constraintOf } from "../constrain/constraint-of.ts";
import type { Grammar, TextSpec } from "../constrain/grammar.ts";
import { openMatchers } from "../constrain/matchers.ts";
import type { Glm } from "../library/glm.ts";
import { UsageError } from "./usage-error.ts";

/** The values of these options. */
export interface FormOptions {
  readonly jsonSchema?: string;
  readonly regex?: string;
  readonly grammar?: string;
}

/** Adds these options to a command. */
export function addFormOptions(command: Command): Command {
  return command
    .optionsGroup("What the text is held to:")
    .addOption(
      new Option(
        "--json-schema <schema>",
        "generate JSON of this schema: a file, or the schema itself, which begins with {",
      ).conflicts(["regex", "grammar"]),
    )
    .addOption(
      new Option(
        "--regex <pattern>",
        "generate a text that this regular expression matches as a whole",
      ).conflicts("grammar"),
    )
    .option("--grammar <file>", "generate a text of this grammar in GBNF, from its rule `root`")
    .optionsGroup("Options:");
}

/**
 * What the text is held to, if an option says it. Call it before a model is opened.
 *
 * @throws {ConstraintError} when nobody can hold to it
 */
export async function formOf(options: FormOptions): Promise<TextSpec | undefined> {
  const grammar = await grammarOf(options);
  if (grammar === undefined) return undefined;
  const spec: TextSpec = { kind: "text", grammar };
  checkConstraint(spec);
  return spec;
}

async function grammarOf({
  jsonSchema,
  regex,
  grammar,
}: FormOptions): Promise<Grammar | undefined> {
  if (regex !== undefined) return { kind: "regex", pattern: regex };
  if (grammar !== undefined) return { kind: "ebnf", grammar: await readFile(grammar, "utf8") };
  if (jsonSchema === undefined) return undefined;
  const isText = jsonSchema.trimStart().startsWith("{");
  return { kind: "schema", schema: isText ? jsonSchema : await readFile(jsonSchema, "utf8") };
}

/**
 * The constraint of a text.
 *
 * @throws {UsageError} for a model without a tokenizer
 */
export function constraintFor(spec: TextSpec, glm: Glm): Constraint {
  if (!glm.tokenizer) {
    const what = "this model has no tokenizer.json, so there is no text to hold to a form";
    throw new UsageError("--json-schema, --regex, --grammar", what);
  }
  return constraintOf(spec, openMatchers(glm.tokenizer, glm.config.eosTokenIds));
}
