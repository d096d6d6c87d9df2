/** Tests what is left of a run: recordings that are gone on with, evidence that can be checked, reports, cost. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Recorder, Recording } from "../../../tools/remote/traffic.ts";
import { Evidence } from "../../../tools/verify/evidence.ts";
import { LONG } from "../../../tools/verify/long-context.ts";
import { NUMBERS } from "../../../tools/verify/numbers.ts";
import { GATES, PROFILES } from "../../../tools/verify/profiles.ts";
import { PROTOCOL } from "../../../tools/verify/protocol.ts";
import { Resumption } from "../../../tools/verify/resume.ts";
import { planOf } from "../../../tools/verify/verify.ts";
import { outcomeHtml } from "../../../tools/verify/verify-html.ts";
import { outcomeJunit } from "../../../tools/verify/verify-junit.ts";
import { scratchFolder } from "../../support/paths.ts";
import { faultsOf, REFERENCE, sendTo, verified } from "./faulty-server.ts";

const scratch = scratchFolder();
const URL = "http://127.0.0.1:1/v1";
const KEY = "sk-of-a-test";

/** A server that counts requests, and is gone after some of them. */
function counted(most = Number.POSITIVE_INFINITY) {
  const server = sendTo();
  const counter = {
    n: 0,
    send: async (url: string, init: RequestInit) => {
      if (counter.n >= most) throw new TypeError("gone");
      counter.n++;
      return server(url, init);
    },
  };
  return counter;
}

describe("a recording that broke off", () => {
  it("is gone on with: nothing is asked twice, and the chain of hashes goes on", async () => {
    let text = "";
    const write = (line: string) => {
      text += line;
    };
    const first = counted(7);
    const broken = await verified({}, [PROTOCOL, LONG], {
      ...{ send: first.send, recorder: new Recorder(URL, write), concurrency: 2 },
    });
    expect(broken.verdict).toBe("unknown");
    text += '{"method":"POST","path":"chat/comp'; // the line that was being written
    const resumption = new Resumption(text, "file", URL);
    text = text.slice(0, resumption.nBytes);
    const second = counted();
    const options = { ...resumption.goOn(write, second.send), concurrency: 2 };
    const outcome = await verified({}, [PROTOCOL, LONG], options);
    expect(outcome.verdict).toBe("pass");
    const whole = counted();
    await verified({}, [PROTOCOL, LONG], { send: whole.send });
    expect(first.n + second.n).toBe(whole.n);
    const again = await verified({}, [PROTOCOL, LONG], {
      recording: new Recording(text, "file"),
      send: async () => expect.unreachable(),
    });
    expect(again.verdict).toBe("pass");
    expect(() => new Resumption(text, "file", "http://other/v1")).toThrow(
      "expected a recording of",
    );
  });
});

describe("evidence", () => {
  it("holds what was written before, all traffic and what was found, each with the hash of the other", async () => {
    const folder = join(scratch, "evidence");
    const input = {
      ...{ url: URL, model: undefined, version: "1.2.3", date: "2026-01-01T00:00:00.000Z" },
      ...{ reference: REFERENCE, seed: 0, gates: [PROTOCOL], isRecording: true },
    };
    const evidence = new Evidence(folder, input);
    expect(readdirSync(folder)).toEqual(["manifest.json", "traffic.jsonl"]);
    const outcome = await verified({}, [PROTOCOL], { recorder: evidence.recorder, apiKey: KEY });
    evidence.close();
    await evidence.finish(outcome, input);
    const read = (name: string) => readFileSync(join(folder, name), "utf8");
    const manifest = createHash("sha256").update(read("manifest.json")).digest("hex");
    const [head] = read("traffic.jsonl").split("\n");
    expect(JSON.parse(head)).toMatchObject({ url: URL, manifest });
    const { last } = new Recording(read("traffic.jsonl"), "traffic.jsonl");
    expect(JSON.parse(read("outcome.json"))).toMatchObject({
      manifest,
      traffic: last,
      verdict: "pass",
    });
    expect(read("report.html")).toContain(last);
    expect(read("report.xml")).toContain('failures="0"');
    for (const name of readdirSync(folder)) expect(read(name)).not.toContain(KEY);
    expect(() => new Evidence(folder, input)).toThrow("never written over");
  });
});

describe("reports", () => {
  const origin = { version: "1.2.3", date: "2026-01-01" };
  it("say what failed, where to look, and what a pass does not show", async () => {
    const outcome = await verified({ logProb: (x) => x - 0.2 }, [PROTOCOL, NUMBERS]);
    const html = outcomeHtml(outcome, origin);
    expect(html).toContain("Not faithful");
    expect(html).toContain("Numbers, drift: other weights");
    expect(html).toMatch(/Where to look:.*rope_theta/);
    expect(html).toContain("nobody recognises these requests");
    expect(html).not.toMatch(/<script|src=|https?:\/\/(?!127)/);
    const xml = outcomeJunit(outcome);
    expect(xml).toMatch(/<testsuite name="protocol of [^"]*" tests="\d+" failures="0"/);
    expect(xml).toMatch(/name="drift"><failure message="other weights/);
  });
  it("are no markup of a server's", async () => {
    const outcome = await verified({}, [PROTOCOL], { model: "<b>&\u001b[31m", url: `${URL}?<i>` });
    for (const text of [outcomeHtml(outcome, origin), outcomeJunit(outcome)]) {
      for (const raw of ["<b>&", "<i>", "\u001b"]) expect(text).not.toContain(raw);
    }
  });
  it("of what cannot be told are not green", async () => {
    const outcome = await verified({}, [NUMBERS], {
      reference: { ...REFERENCE, score: undefined },
    });
    expect(outcomeJunit(outcome)).toContain('failures="1"');
    expect(outcomeHtml(outcome, origin)).toContain("It cannot be told");
  });
});

describe("the cost of a plan", () => {
  it.each([
    ["a server that answers", () => false],
    ["one that fails now and then", (n: number) => n % 11 === 3],
    ["one that fails every other time", (n: number) => n % 2 === 0],
    ["one that fails always", () => true],
  ])("is never exceeded by what is sent: %s", async (_, fails) => {
    const { tokenizer } = REFERENCE;
    const sent = { requests: 0, tokensIn: 0, tokensOut: 0 };
    const server = sendTo();
    const send = async (url: string, init: RequestInit) => {
      const body = JSON.parse(String(init.body ?? "{}"));
      sent.requests++;
      sent.tokensOut += body.max_tokens ?? 0;
      if (Array.isArray(body.prompt)) sent.tokensIn += body.prompt.length;
      else if (typeof body.messages?.[0]?.content === "string") {
        sent.tokensIn += tokenizer.encode(body.messages[0].content).length;
      }
      return fails(sent.requests) ? new Response("", { status: 503 }) : server(url, init);
    };
    const gates = [...PROFILES.quick, LONG];
    await verified({}, gates, { send, concurrency: 3 });
    const { total } = planOf({ reference: REFERENCE, seed: 0, gates });
    for (const key of ["requests", "tokensIn", "tokensOut"] as const) {
      expect(sent[key]).toBeLessThanOrEqual(total[key]);
    }
    expect(sent.requests).toBeGreaterThan(1);
  });
});

describe("profiles", () => {
  it("grow, and the last has all gates", () => {
    expect(Object.values(PROFILES).map((gates) => gates.length)).toEqual([3, 4, 4, GATES.length]);
  });
  it("give the same outcome, however much is asked at once", async () => {
    const gates = [...PROFILES.numbers, LONG];
    const one = await verified({}, gates);
    const four = await verified({}, gates, { concurrency: 4 });
    expect(four.gates.map(({ checks }) => checks)).toEqual(one.gates.map(({ checks }) => checks));
    expect(faultsOf(one)).toEqual([]);
  });
});
