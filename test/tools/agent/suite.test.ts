import { describe, expect, it } from "vitest";
import type { Reply, ReplyCall } from "../../../tokenizer/chat/index.ts";
import type { Call } from "../../../tools/agent/exchange.ts";
import {
  type AgentEvaluation,
  type Asked,
  MEASURES,
  type Measure,
  playSuite,
  SKILLS,
  suiteDialogue,
  type Talker,
} from "../../../tools/agent/suite.ts";
import { thought } from "../../../tools/agent/thoughts.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const SAMPLES = 12;

const said = (calls: readonly Call[], content: string, reasoning: string): Reply => ({
  reasoning,
  content,
  calls: calls.map(
    ({ name, arguments: given }): ReplyCall => ({
      name,
      arguments: given as ReplyCall["arguments"],
      json: JSON.stringify(given),
      isComplete: true,
    }),
  ),
  unknownCalls: [],
  repairs: [],
  finishReason: "stop",
  isThinking: false,
});

/** Knows all dialogues of a seed, and says what is expected, after a change. */
function knowing(change: (reply: Reply) => Reply = (reply) => reply): Talker {
  // In the order in which they are played; the last of each round is asked at three efforts.
  const dialogues = Array.from({ length: SAMPLES }, (_, i) => {
    const shown = suiteDialogue(0, -1 - i, SKILLS[i % SKILLS.length]);
    return [
      ...SKILLS.map((skill, at) => suiteDialogue(0, i * SKILLS.length + at, skill)),
      ...[shown, shown, shown],
    ];
  }).flat();
  let at = -1;
  return async ({ messages, think }: Asked) => {
    if (messages.length === 1) at++;
    const [exchange] = dialogues[at].exchanges;
    expect(messages[0].content).toBe(exchange.request);
    const step = messages.filter(({ role }) => role === "assistant").length;
    const calls = exchange.steps.at(step)?.calls ?? [];
    const answer = calls.length > 0 ? "" : exchange.answer || "Once upon a time.";
    return change(said(calls, answer, thought(exchange, step, think) ?? ""));
  };
}

async function shares(talker: Talker): Promise<Record<Measure, number>> {
  const { tallies } = await playSuite(talker, { samples: SAMPLES, seed: 0 });
  return Object.fromEntries(
    tallies.map(({ measure, right, asked }) => [measure, right / asked]),
  ) as Record<Measure, number>;
}

describe("the agent suite", () => {
  it("finds everything right with one who knows it all", async () => {
    expect(new Set(Object.values(await shares(knowing())))).toEqual(new Set([1]));
  });

  it("counts a wrong digit as wrong arguments, not as a wrong tool", async () => {
    const wrong = await shares(
      knowing((reply) => ({
        ...reply,
        calls: reply.calls.map((call) => ({
          ...call,
          json: call.json.replace(/\d/, (d) => `${(Number(d) % 9) + 1}`),
        })),
      })),
    );
    expect(wrong["right tool or none"]).toBe(1);
    expect(wrong["arguments of trained tools"]).toBeLessThan(1);
    expect(wrong["well-formed reply"]).toBe(1);
  });

  it("counts calls where none fits, one of two calls, and unused results", async () => {
    const call = { name: "now", arguments: {}, json: "{}", isComplete: true };
    const eager = await shares(knowing((r) => (r.calls.length > 0 ? r : { ...r, calls: [call] })));
    expect(eager["right tool or none"]).toBeLessThan(0.7);
    expect(eager["answer uses the result"]).toBe(0);
    const lazy = await shares(knowing((r) => ({ ...r, calls: r.calls.slice(0, 1) })));
    expect(lazy["two calls at once"]).toBe(0);
    expect(lazy["chain of two calls"]).toBe(1);
    const vague = await shares(knowing((r) => (r.content ? { ...r, content: "I did it." } : r)));
    expect(vague["answer uses the result"]).toBeLessThan(0.2);
  });

  it("counts mended replies and thoughts that do not grow", async () => {
    const repair = { kind: "missing-end" } as unknown as Reply["repairs"][number];
    expect((await shares(knowing((r) => ({ ...r, repairs: [repair] }))))["well-formed reply"]).toBe(
      0,
    );
    const same = await shares(knowing((r) => ({ ...r, reasoning: r.reasoning && "Hm." })));
    expect(same["effort sets the length of thought"]).toBe(0);
  });
});

describe("glm52 eval --suite agent", () => {
  it("plays the suite with a model here", async () => {
    const { code, stdout } = await glm52(["eval", "--suite", "agent", "--samples", "1", "--json"]);
    const { tallies, played } = JSON.parse(stdout) as AgentEvaluation;
    expect([code, tallies.map(({ measure }) => measure)]).toEqual([0, [...MEASURES]]);
    expect(played.map(({ skill }) => skill)).toEqual([...SKILLS]);
    for (const [i, { messages }] of played.entries()) {
      expect(messages[0].content).toBe(suiteDialogue(0, i, SKILLS[i]).exchanges[0].request);
      expect(messages[1].role).toBe("assistant");
    }
  });

  it("refuses what only the other tasks heed", async () => {
    const { code, stderr } = await glm52(["eval", "--suite", "agent", "--task", "needle"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--task: expected no --suite");
  });
});
