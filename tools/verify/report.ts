/**
 * The outcome of a verification for people, and for programs.
 * @module
 */
import { oneLine } from "../library/one-line.ts";
import { type Cost, moneyOf, type Price } from "../remote/budget.ts";
import type { Verdict } from "./gate.ts";
import type { Outcome, Plan } from "./verify.ts";

/** Words for verdicts. */
export const WORDS: Readonly<Record<Verdict, string>> = {
  pass: "pass",
  fail: "FAIL",
  unknown: "cannot tell",
};

/** What no pass of any gate shows. */
export const UNPROVEN = [
  "other texts and longer contexts",
  "load, tomorrow, another region or key",
  "that nobody recognises these requests",
  "what becomes of the texts that are sent",
];

/** What a verification costs at most, and what it cannot see, as lines. */
export function renderWholePlan(plan: Plan): string {
  return [renderPlan(plan), ...plan.limits.map((limit) => `${limit}\n`)].join("");
}

/** What a verification costs at most, as lines. */
export function renderPlan({ gates, total, price }: Plan): string {
  const lines = gates.map(({ gate, cost }) => `  ${gate.name.padEnd(11)} ${costText(cost)}`);
  return `${["At most:", ...lines, `  ${"all".padEnd(11)} ${costText(total, price)}`].join("\n")}\n`;
}

/** `110 requests, 12,000 tokens in, 8,000 out` */
export function costText(cost: Cost, price?: Price): string {
  const n = (x: number) => x.toLocaleString("en");
  const money = price ? `, ${moneyOf(cost, price).toFixed(4)} in money` : "";
  return `${n(cost.requests)} requests, ${n(cost.tokensIn)} tokens in, ${n(cost.tokensOut)} out${money}`;
}

/** The report as text. What a server said is made harmless for a terminal. */
export function renderOutcome(outcome: Outcome, price?: Price): string {
  const { url, model, reference, seed, gates, spent, stopped } = outcome;
  const head = `${url}${model === undefined ? "" : `, model ${model}`}, against ${reference}, seed ${seed}`;
  const lines = [oneLine(head)];
  for (const { gate, verdict, checks } of gates) {
    lines.push("", `${gate.name}: ${WORDS[verdict]}`);
    for (const check of checks) {
      const extra = check.isExtra && check.verdict === "unknown" ? " (not needed)" : "";
      lines.push(`  ${WORDS[check.verdict].padEnd(11)} ${oneLine(check.name)}${extra}`);
      lines.push(`              ${oneLine(check.evidence)}`);
      if (check.fault !== undefined) lines.push(`              → ${oneLine(check.fault)}`);
    }
    if (verdict === "pass") lines.push(`  shows ${gate.shows}; does not show ${gate.hides}`);
  }
  lines.push("", `${WORDS[outcome.verdict]}: ${sentenceOf(outcome)}`);
  if (stopped) lines.push(`it ended early: ${oneLine(stopped.message)}`);
  lines.push(`cost ${costText(spent, price)}`, `A pass does not show: ${UNPROVEN.join("; ")}.`);
  return `${lines.join("\n")}\n`;
}

/** The sentence of the whole: the first fault, or what was found. */
export function sentenceOf({ verdict, gates }: Outcome): string {
  if (verdict === "pass") return "all gates passed";
  const checks = gates.flatMap((gate) => gate.checks.map((check) => ({ gate, check })));
  const first = checks.find(
    ({ check }) => check.verdict === verdict && !(verdict !== "fail" && check.isExtra),
  );
  if (first === undefined) return "no gate was run";
  const { gate, check } = first;
  return oneLine(`${gate.gate.name}, ${check.name}: ${check.fault ?? check.evidence}`);
}

/** The report as plain data. */
export function outcomeJson(outcome: Outcome): object {
  const { gates, stopped, ...rest } = outcome;
  return {
    ...rest,
    ...(stopped && { stopped: { fault: stopped.fault, message: stopped.message } }),
    gates: gates.map(({ gate, ...result }) => ({
      ...{ name: gate.name, shows: gate.shows, hides: gate.hides },
      ...result,
    })),
    hides: UNPROVEN,
  };
}
