/** Tests that numbers are compared in each dialect that servers have, and that each is found out by asking. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { Recorder, Recording } from "../../../tools/remote/traffic.ts";
import { LONG } from "../../../tools/verify/long-context.ts";
import { NUMBERS } from "../../../tools/verify/numbers.ts";
import { PROTOCOL } from "../../../tools/verify/protocol.ts";
import { openReference } from "../../../tools/verify/references.ts";
import { planOf, type VerifyOptions } from "../../../tools/verify/verify.ts";
import { chanceLogits } from "../../support/chance-desk.ts";
import { DIALECTS, type Dialect, inDialect } from "../../support/dialects.ts";
import { demoTokenizer } from "../../support/scripted-desk.ts";
import {
  bare,
  checksOf,
  faultsOf,
  REFERENCE,
  type ServerFaults,
  sendTo,
  verified,
} from "./faulty-server.ts";

const WAYS: Readonly<Record<Dialect, RegExp>> = {
  ours: /completions with echo/,
  vLLM: /prompt_logprobs of vLLM/,
  SGLang: /\/generate of SGLang/,
  "llama-server": /\/completion of llama-server/,
  hosted: /chats/,
};

function numbersOf(
  dialect: Dialect,
  faults: ServerFaults = {},
  options: Partial<VerifyOptions> = {},
) {
  return verified(faults, [NUMBERS], { send: inDialect(dialect, sendTo(faults)), ...options });
}

/** Moves the log-probabilities from a position on. */
const far = (size: number, from: number): ServerFaults => ({
  logProb: (x, at) => (at < from ? x : Math.min(0, x - size * (1 + (at % 2)))),
});

describe.each(DIALECTS)("numbers of %s", (dialect) => {
  it("pass, and the report says how they were told", async () => {
    const outcome = await numbersOf(dialect);
    expect(faultsOf(outcome)).toEqual([]);
    expect(outcome.verdict).toBe("pass");
    for (const { evidence } of checksOf(outcome).filter(({ isExtra }) => !isExtra)) {
      expect(evidence).toMatch(WAYS[dialect]);
    }
    const { total } = planOf({ reference: REFERENCE, seed: 0, gates: [NUMBERS] });
    for (const key of ["requests", "tokensIn", "tokensOut"] as const) {
      expect(outcome.spent[key]).toBeLessThanOrEqual(total[key]);
    }
  });
  it("that drift from index_topk on are told from those that drift from the start", async () => {
    expect(faultsOf(await numbersOf(dialect, far(0.12, 66)))[0]).toMatch(/from index_topk on/);
    expect(faultsOf(await numbersOf(dialect, far(0.12, 0)))[0]).toMatch(/from the start/);
  });
});

describe("a gateway that knows chats alone", () => {
  it.each<[string, () => Response]>([
    ["refuses other paths", () => new Response("no", { status: 403 })],
    ["shows a page there", () => new Response("<html></html>")],
    ["leads elsewhere", () => new Response("", { status: 302, headers: { location: "/" } })],
    ["fails there", () => new Response("", { status: 502 })],
  ])("is asked on where it %s", async (_, other) => {
    const server = inDialect("hosted", sendTo());
    const send: typeof server = async (url, init) =>
      init.method !== "POST" || url.endsWith("/chat/completions") ? server(url, init) : other();
    const outcome = await verified({}, [PROTOCOL, LONG], { send });
    expect([outcome.verdict, outcome.stopped]).toEqual(["pass", undefined]);
  });
});

describe("a server that tells no log-probabilities", () => {
  const likeliest = async (ids: readonly number[]) =>
    ids.map((_, i) => {
      const logits = chanceLogits(ids.slice(0, i + 1), 2040);
      return logits.reduce((best, x, id) => (x > logits[best] ? id : best), 0);
    });
  const options = { reference: { ...REFERENCE, likeliest } };

  it("passes when it chooses what the reference chooses", async () => {
    const outcome = await numbersOf("hosted", bare(), options);
    expect(checksOf(outcome).map(({ name, verdict }) => [name, verdict])).toEqual([
      ["choices", "pass"],
      ["effort of thinking", "unknown"],
    ]);
  });
  it("is found when it chooses others", async () => {
    const outcome = await numbersOf("hosted", bare({ rounding: 2.5 }), options);
    expect(faultsOf(outcome).join()).toMatch(/likeliest tokens are others/);
  });
});

/** With GLM52_FULL=1 all of them; else one that reads given texts, and one that chooses tokens. */
const { GLM52_FULL } = process.env;
const RECORDED = GLM52_FULL ? DIALECTS : (["vLLM", "hosted"] as const);

describe.each(RECORDED)("a recording of %s", (dialect) => {
  it("is a reference: the same server differs by exactly 0, another one is found", async () => {
    const lines: string[] = [];
    const recorder = new Recorder("http://trusted/v1", (line) => void lines.push(line));
    await numbersOf(dialect, {}, { recorder });
    const open = () =>
      openReference({
        folder: "demo-model",
        tokenizer: demoTokenizer(),
        against: new Recording(lines.join(""), "trusted.jsonl"),
      });
    // The shape stays that of the test's model, not that of the folder.
    const reference = async () => ({ ...(await open()), shape: REFERENCE.shape });
    const same = await numbersOf(dialect, {}, { reference: await reference() });
    expect(checksOf(same)[0].evidence).toContain("differ by 0.00000 on average, 0.0000 at most");
    expect(same.verdict).toBe("pass");
    const other = await numbersOf(dialect, far(0.12, 0), { reference: await reference() });
    expect(faultsOf(other)[0]).toMatch(/from the start/);
  });
});

describe("a recording of a server that is not like itself", () => {
  /** Each answer is off in another way. */
  const unsteady = (size: number): ServerFaults => {
    const random = seededRandom(1);
    return { logProb: (x) => Math.min(0, x + size * (2 * random() - 1)) };
  };
  it("accepts twice its own noise, and no more", async () => {
    const lines: string[] = [];
    const recorder = new Recorder("http://trusted/v1", (line) => void lines.push(line));
    await numbersOf("vLLM", unsteady(0.12), { recorder, concurrency: 2 });
    const against = async (size: number) => {
      const recording = new Recording(lines.join(""), "trusted.jsonl");
      const tokenizer = demoTokenizer();
      const reference = await openReference({
        folder: "demo-model",
        tokenizer,
        against: recording,
      });
      const shape = REFERENCE.shape;
      return numbersOf("vLLM", unsteady(size), { reference: { ...reference, shape } });
    };
    const same = await against(0.12);
    expect(faultsOf(same)).toEqual([]);
    expect(checksOf(same)[0].evidence).toMatch(/0\.1\d* is accepted, twice what the reference/);
    expect(faultsOf(await against(0.7)).join()).toMatch(/from the start/);
  });
});
