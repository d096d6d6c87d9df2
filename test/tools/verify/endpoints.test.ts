/** Tests what ends a verification: endpoints that do not answer, budgets, recordings that were changed. */
import { describe, expect, it } from "vitest";
import { Budget, withRetries } from "../../../tools/remote/budget.ts";
import { Client } from "../../../tools/remote/client.ts";
import { Recorder, Recording } from "../../../tools/remote/traffic.ts";
import { PROTOCOL } from "../../../tools/verify/protocol.ts";
import { outcomeJson, renderOutcome } from "../../../tools/verify/report.ts";
import { planOf } from "../../../tools/verify/verify.ts";
import { REFERENCE, sendTo, verified } from "./faulty-server.ts";

const KEY = "sk-of-a-test";

/** A server that answers everything in one way. */
const always = (make: () => Response | Promise<Response>) => ({
  send: async () => make(),
  model: "m",
  apiKey: KEY,
});

describe("an endpoint that cannot be asked", () => {
  it.each([
    ["a page of HTML", () => new Response("<html>hello</html>"), "unreadable", /expected JSON/],
    ["half of some JSON", () => new Response('{"choices": [{'), "unreadable", /expected JSON/],
    ["errors of its own", () => new Response("broken", { status: 500 }), "failed", /status 500/],
    [
      "no for our key",
      () => new Response(`{"error": {"message": "bad key ${KEY}"}}`, { status: 401 }),
      "refused",
      /bad key \[key\]/,
    ],
    [
      "another place",
      () => new Response(null, { status: 307, headers: { location: "https://other.example/v1" } }),
      "redirect",
      /leads to https:\/\/other.example/,
    ],
    ["nothing", () => Promise.reject(new TypeError("fetch failed")), "no-answer", /fetch failed/],
  ])("%s ends in a sentence, and is no verdict", async (_, make, fault, sentence) => {
    const outcome = await verified({}, [PROTOCOL], always(make));
    expect(outcome.verdict).toBe("unknown");
    expect(outcome.stopped?.fault).toBe(fault);
    expect(renderOutcome(outcome)).toMatch(sentence);
    expect(renderOutcome(outcome) + JSON.stringify(outcomeJson(outcome))).not.toContain(KEY);
  });

  it("waits no longer than it was told to", async () => {
    const send = (_: string, { signal }: RequestInit) =>
      new Promise<Response>((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    const outcome = await verified({}, [PROTOCOL], { send, model: "m", timeout: 0.05 });
    expect(outcome.stopped?.message).toContain("no answer in 0.05 s");
  });

  it("that fails once is asked once more, within the plan", async () => {
    const server = sendTo();
    let n = 0;
    const send: typeof server = async (url, init) =>
      n++ % 9 === 1 ? new Response("busy", { status: 503 }) : server(url, init);
    const outcome = await verified({}, [PROTOCOL], { send });
    expect(outcome.verdict).toBe("pass");
    const { total } = planOf({ reference: REFERENCE, seed: 0, gates: [PROTOCOL] });
    expect(outcome.spent.requests).toBe(n);
    expect(n).toBeLessThanOrEqual(total.requests);
  });
});

describe("a budget", () => {
  it("is paid before a request is sent", async () => {
    let n = 0;
    const server = sendTo();
    const send: typeof server = (url, init) => {
      n++;
      return server(url, init);
    };
    const limit = { requests: 5, tokensIn: 10_000, tokensOut: 10_000 };
    const outcome = await verified({}, [PROTOCOL], { send, limit });
    expect([n, outcome.stopped?.fault, outcome.verdict]).toEqual([5, "budget", "unknown"]);
  });
  it("of nothing has no spare requests", () => {
    expect(withRetries({ requests: 0, tokensIn: 0, tokensOut: 0 }).requests).toBe(0);
  });
});

describe("a recording", () => {
  /** Records a verification. */
  async function recorded(): Promise<string> {
    const lines: string[] = [];
    const recorder = new Recorder("http://127.0.0.1:1/v1", (line) => void lines.push(line));
    await verified({}, [PROTOCOL], { recorder, apiKey: KEY });
    return lines.join("");
  }

  it("is judged as the endpoint was, without asking it, and holds no key", async () => {
    const text = await recorded();
    expect(text).not.toContain(KEY);
    const outcome = await verified({}, [PROTOCOL], {
      recording: new Recording(text, "file"),
      send: async () => expect.unreachable(),
    });
    expect(outcome.verdict).toBe("pass");
  });
  it("that was changed, cut or is another file is refused", async () => {
    const text = await recorded();
    const changed = text.replace('\\"prompt_tokens\\":', '\\"prompt_tokens\\":1');
    expect(changed).not.toBe(text);
    expect(() => new Recording(changed, "file")).toThrow(/line \d+ was changed/);
    expect(() => new Recording(text.slice(0, -1), "file")).toThrow("breaks off");
    expect(() => new Recording("{}\n", "file")).toThrow(/changed|expected a recording/);
    const [head, , ...rest] = text.split("\n");
    expect(() => new Recording([head, ...rest].join("\n"), "file")).toThrow("was changed");
  });
  it("without a request says which", async () => {
    const text = await recorded();
    const outcome = await verified({}, [PROTOCOL], {
      recording: new Recording(text, "file"),
      seed: 9,
    });
    expect(outcome.stopped?.fault).toBe("recording");
  });
});

it("a client names the model that the server lists first", async () => {
  const budget = new Budget({ requests: 9, tokensIn: 0, tokensOut: 0 });
  const options = { url: "http://127.0.0.1:1/v1", timeout: 9, budget, send: sendTo() };
  expect(await new Client(options).model()).toBe("glm-5.2-demo");
});
