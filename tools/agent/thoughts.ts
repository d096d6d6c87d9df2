/**
 * What the model thinks before it calls or answers: a short sentence at high effort, more at the most.
 *
 * Next: rows.ts
 * @module
 */
import type { Effort } from "../library/think.ts";
import type { Call, Exchange, Value } from "./exchange.ts";

/**
 * Returns the thought before a step of an exchange; the step after the last one is the answer.
 * Without thinking there is none.
 */
export function thought(exchange: Exchange, step: number, effort: Effort): string | undefined {
  if (effort === "off") return undefined;
  const said = step === 0 ? undefined : exchange.steps[step - 1].results.join(" and ");
  const next = exchange.steps.at(step)?.calls;
  return effort === "high" ? brief(exchange, said, next) : thorough(exchange, said, next);
}

function brief({ skill }: Exchange, said: string | undefined, next?: readonly Call[]): string {
  if (next !== undefined) return `I call ${named(next)}.`;
  if (said !== undefined) return `It says ${said}.`;
  return skill === "refusal" ? "No tool fits." : "I need no tool.";
}

function thorough(
  { skill, request }: Exchange,
  said: string | undefined,
  next?: readonly Call[],
): string {
  const start = said === undefined ? `The user says: ${request}` : `The result is ${said}.`;
  if (next !== undefined) {
    const values = next.flatMap((call) => Object.entries(call.arguments).map(told));
    return [start, `I call ${named(next)}.`, ...values].join(" ");
  }
  if (said !== undefined) return `${start} This is what I need. Now I can answer.`;
  if (skill === "refusal") return `${start} I look at the tools. None of them fits.`;
  return `${start} I need no tool for it. I can answer at once.`;
}

const named = (calls: readonly Call[]): string => calls.map(({ name }) => name).join(" and ");

const told = ([key, value]: [string, Value]): string => `${key} is ${spelled(value)}.`;

function spelled(value: Value): string {
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.join(", ");
  return Object.entries(value)
    .map(([key, part]) => `${key} ${part}`)
    .join(", ");
}
