/**
 * Random texts and replies under constraints, and what must be true of them.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Constraint,
  ConstraintError,
  type Random,
  seededRandom,
} from "../../../engine/index.ts";
import { collectReply, parseJson, ReplyParser } from "../../../tokenizer/chat/index.ts";
import { createTokenizer } from "../../../tokenizer/index.ts";
import { constraintOf, openMatchers, type ReplySpec } from "../../../tools/constrain/index.ts";
import { DEMO_MODEL } from "../../support/paths.ts";
import { Drawer } from "./draw.ts";
import { definitions, objectSchema, pick, randomSchema } from "./random-schemas.ts";
import { violation } from "./schema-witness.ts";

const config = JSON.parse(readFileSync(join(DEMO_MODEL, "generation_config.json"), "utf8"));

/** The tokenizer of the demo model. */
export const tokenizer = createTokenizer(readFileSync(join(DEMO_MODEL, "tokenizer.json"), "utf8"), {
  eosIds: config.eos_token_id,
});
export const matchers = openMatchers(tokenizer);
export const drawer = new Drawer(tokenizer);

/** Tokens after which a text is cut off. */
const MOST = 300;

/** What came of one seed: what was wrong, if anything was. */
export interface Trial {
  readonly outcome: "whole" | "cut" | "refused";
  readonly wrong: string | undefined;
  /** Calls that were complete. */
  readonly nCalls: number;
}

/** A schema with definitions. */
export function wholeSchema(random: Random): Record<string, unknown> {
  const $defs = definitions(random);
  const schema = randomSchema(random);
  return typeof schema === "boolean" ? { $defs } : { ...schema, $defs };
}

/** Draws JSON of a random schema. */
export function tryText(seed: number): Trial {
  const random = seededRandom(seed);
  const schema = wholeSchema(random);
  const grammar = { kind: "schema", schema: JSON.stringify(schema) } as const;
  return trial(() => {
    const constraint = constraintOf({ kind: "text", grammar }, matchers);
    const { ids, isWhole } = drawer.text(constraint, random, MOST);
    if (!isWhole) return { outcome: "cut", wrong: undefined, nCalls: 0 };
    const text = tokenizer.decode(ids.slice(0, -1));
    return { outcome: "whole", wrong: wrongText(text, schema), nCalls: 0 };
  });
}

/** What is wrong with a text that shall be JSON of a schema. */
function wrongText(text: string, schema: unknown): string | undefined {
  try {
    const found = violation(schema, JSON.parse(text));
    return found && `${found} in ${text} of ${JSON.stringify(schema)}`;
  } catch {
    return `no JSON: ${text} of ${JSON.stringify(schema)}`;
  }
}

/**
 * Draws a reply with random tools.
 *
 * @param make makes the constraint
 */
export function tryReply(seed: number, make = constraintOf as Make): Trial {
  const random = seededRandom(seed);
  const schemas = ["get", "get_weather", "søk.x"].map((name) => {
    return { name, parameters: randomParameters(random) };
  });
  const toolChoice = pick<ReplySpec["toolChoice"]>(
    [
      { kind: "auto" },
      { kind: "required" },
      { kind: "required" },
      { kind: "none" },
      { kind: "named", name: "get" },
    ],
    random,
  );
  const content = random() < 0.3 ? wholeSchema(random) : undefined;
  const spec: ReplySpec = {
    kind: "reply",
    startsIn: pick(["reasoning", "content"], random),
    tools: schemas.map(({ name, parameters }) => ({
      name,
      parameters: JSON.stringify(parameters),
    })),
    toolChoice,
    parallel: random() < 0.5,
    content: content && { kind: "schema", schema: JSON.stringify(content) },
  };
  return trial(() => {
    const { ids, isWhole } = drawer.text(make(spec, matchers), random, MOST);
    const parser = new ReplyParser(tokenizer, {
      startsIn: spec.startsIn,
      tools: parseJson(JSON.stringify(schemas)),
      strict: true,
    });
    const reply = collectReply([...parser.push(...ids), ...parser.end("length")]);
    const whole = reply.calls.filter(({ isComplete }) => isComplete);
    const broken = (): string | undefined => {
      if (reply.repairs.length > 0) return `a repair: ${JSON.stringify(reply.repairs)}`;
      if (reply.unknownCalls.length > 0) return "a call of a tool that is not there";
      if (!spec.parallel && reply.calls.length > 1) return "two calls";
      if (toolChoice.kind === "none" && reply.calls.length > 0) return "a call";
      const isNamed =
        toolChoice.kind !== "named" || reply.calls.every(({ name }) => name === "get");
      if (!isNamed) return "a call of another tool";
      for (const call of whole) {
        const schema = schemas.find(({ name }) => name === call.name)?.parameters;
        const found = violation(schema, JSON.parse(call.json));
        if (found) return `${found} in ${call.json}`;
      }
      if (!isWhole) return undefined;
      if (reply.isThinking || whole.length < reply.calls.length) return "the reply is not complete";
      const mustCall = toolChoice.kind === "required" || toolChoice.kind === "named";
      if (mustCall && whole.length === 0) return "no call";
      if (mustCall && reply.content !== "") return "content beside a call that must be";
      const isHeld = content && (reply.content !== "" || reply.calls.length === 0);
      return isHeld ? wrongText(reply.content, content) : undefined;
    };
    const found = broken();
    const wrong =
      found &&
      `seed ${seed}: ${found} in ${JSON.stringify(tokenizer.decode(ids))}, ${JSON.stringify(spec)}`;
    return { outcome: isWhole ? "whole" : "cut", wrong, nCalls: whole.length };
  });
}

/** The schema of a tool: its arguments are declared, here or elsewhere, or may be any of one schema. */
function randomParameters(random: Random): Record<string, unknown> {
  const inner = () => randomSchema(random, 1);
  const $defs = definitions(random);
  const declared = objectSchema(random, inner);
  return pick<Record<string, unknown>>(
    [
      { ...declared, $defs },
      { ...declared, $defs },
      { $ref: "#/$defs/arguments", $defs: { ...$defs, arguments: declared } },
      { type: "object", additionalProperties: inner(), $defs },
    ],
    random,
  );
}

type Make = (spec: ReplySpec, of: typeof matchers) => Constraint;

/** A schema may be refused with a sentence; any other error is a fault. */
function trial(run: () => Trial): Trial {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    const isLate = error.where === "constraint" || error.where.startsWith("token ");
    return { outcome: "refused", wrong: isLate ? error.message : undefined, nCalls: 0 };
  }
}
