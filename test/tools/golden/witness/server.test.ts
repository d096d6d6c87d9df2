/** Tests that `glm52 golden witness server` passes right engines, and catches wrong ones early. */
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { type Model, referenceOps } from "../../../../engine/index.ts";
import { engines } from "../../../../tools/golden/build/arithmetics.ts";
import { openCase, readCase } from "../../../../tools/golden/case/case.ts";
import { traceCase } from "../../../../tools/golden/case/expectation.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import type { Mutant } from "../../../../tools/golden/mutants/mutant.ts";
import { expectedLogprobs, logSoftmax } from "../../../../tools/golden/witness/judge-logprobs.ts";
import { CASES } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";
import { type FakeServer, freePort, type Served, serve } from "./fake-server.ts";

const folder = (name: string): string => join(CASES, name);

async function engine(name: string, ops = referenceOps("f32")): Promise<Model> {
  return openCase(folder(name), await readCase(folder(name)), ops);
}

const witness = ({ url }: Pick<Served, "url">, name: string, ...more: string[]) =>
  glm52(["golden", "witness", "server", "--url", url, "--case", name, ...more]);

const right = await engine("tiny-all");

describe("a right engine passes", () => {
  const ways: [string, FakeServer["style"], string[]][] = [
    ["as vLLM, by ids", "vllm", []],
    ["as vLLM, by text", "vllm", ["--no-token-ids"]],
    ["as vLLM, with echo", "vllm", ["--echo"]],
    ["as vLLM, one log-probability", "vllm", ["--logprobs", "1"]],
    ["as llama-server", "llama", []],
    ["as llama-server, the whole vocabulary", "llama", ["--logprobs", "1000"]],
  ];
  it.each(ways)("%s", async (_what, style, options) => {
    const served = await serve({ style, model: right });
    const { code, stdout, stderr } = await witness(served, "tiny-all", ...options);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^ok: 24 positions of tiny-all$/m);
    expect(code).toBe(0);
    expect(served.asked.length).toBe(options.includes("--echo") ? 1 : 24);
  });

  it("in the checkpoint's bf16, with caches in f16, and in f32", async () => {
    for (const kind of ["bf16", "f16-cache", "f32"] as const) {
      const model = await engine("clear-bf16", engines(kind)[0]);
      const more = kind === "bf16" ? [] : ["--class", kind];
      const { code, stdout } = await witness(
        await serve({ style: "vllm", model }),
        "clear-bf16",
        ...more,
      );
      expect(stdout).toContain(`that rounding in ${kind} allows`);
      expect(code).toBe(0);
    }
  });

  it("where llama-server has nothing to say, another choice is forced upon it", async () => {
    const model = await engine("clear-mtp", engines("f16-cache")[0]);
    const served = await serve({ style: "llama", model });
    const more = ["--class", "f16-cache", "--json"];
    const { code, stdout } = await witness(served, "clear-mtp", ...more);
    const forced = served.asked.filter(({ logit_bias }) => logit_bias);
    expect(forced.length).toBeGreaterThan(5);
    expect(served.asked.length).toBe(40 + forced.length);
    expect(JSON.parse(stdout).positions.length).toBe(40);
    expect(code).toBe(0);
  });
});

/** The first position at which the log-probabilities of a mutant are beyond the bound. */
async function leaves(mutant: Mutant): Promise<number> {
  const { rows, bound, nVocab } = await expectedLogprobs(folder(mutant.golden), "f32");
  const info = await readCase(folder(mutant.golden));
  const wrong = mutant.change(await engine(mutant.golden));
  const logits = traceCase(wrong, info).find(({ name }) => name === "logits");
  return rows.findIndex((row, t) => {
    const got = logSoftmax(logits?.data.subarray(t * nVocab, (t + 1) * nVocab) ?? []);
    return row.some((x, id) => Math.abs(got[id] - x) > bound);
  });
}

describe("a wrong engine is off at the first position that the mistake reaches", () => {
  const ids = ["G13", "G14", "G15", "G16", "G19", "G36", "G39"];
  const some = ids.map((id) => MUTANTS.find((mutant) => mutant.bug === id) as Mutant);
  it.each(some.map((mutant) => [mutant.bug, mutant.what, mutant] as const))(
    "%s: %s",
    async (_bug, _what, mutant) => {
      const position = await leaves(mutant);
      expect(position).toBeGreaterThanOrEqual(0);
      for (const style of ["vllm", "llama"] as const) {
        const model = mutant.change(await engine(mutant.golden));
        const served = await serve({ style, model });
        const { code, stdout } = await witness(served, mutant.golden, "--class", "f32");
        expect(stdout).toContain(`OFF at position ${position}, with ${position + 1} tokens`);
        expect(code).toBe(3);
      }
    },
  );

  it("says so when nothing is off while the indexer leaves nothing out", async () => {
    const mutant = MUTANTS.find(({ bug }) => bug === "G14") as Mutant;
    const served = await serve({ style: "vllm", model: mutant.change(right) });
    const { stdout } = await witness(served, "tiny-all");
    expect(stdout).toContain(
      "Up to position 3 the indexer leaves nothing out (index_topk 4), and all is right",
    );
  });

  it("by echo too", async () => {
    const mutant = MUTANTS.find(({ bug }) => bug === "G14") as Mutant;
    const served = await serve({ style: "vllm", model: mutant.change(right) });
    const { code, stdout } = await witness(served, "tiny-all", "--echo", "--json");
    expect([code, JSON.parse(stdout).firstOff]).toEqual([3, await leaves(mutant)]);
  });
});

describe("a server that does more than the model is off", () => {
  it("names a token that is banned", async () => {
    const spoil: FakeServer["spoil"] = (row, n) => {
      if (n === 6) row[row.indexOf(Math.max(...row))] = -9999;
    };
    const served = await serve({ style: "vllm", model: right, spoil });
    const { code, stdout } = await witness(served, "tiny-all", "--logprobs", "5");
    expect(stdout).toMatch(/^position 5: token \d+ is not among the 5 most likely, which end at/m);
    expect(stdout).toContain("OFF at position 5, with 6 tokens; 1 of 24 positions are off");
    expect(code).toBe(3);
  });

  it("names a choice that is not greedy", async () => {
    const choose: FakeServer["choose"] = (best, n) => (n === 3 ? (best + 1) % 64 : best);
    for (const style of ["vllm", "llama"] as const) {
      const served = await serve({ style, model: right, choose });
      const { code, stdout } = await witness(served, "tiny-all");
      expect(stdout).toMatch(
        /^position 2: token \d+ was chosen at temperature 0, and token \d+ is/m,
      );
      expect(code).toBe(3);
    }
  });
});

const answer = (response: ServerResponse, text: string, status = 200): boolean => {
  response.writeHead(status, { "content-type": "application/json" }).end(text);
  return true;
};
const choices = (logprobs: unknown): string => JSON.stringify({ choices: [{ logprobs }] });
const named = (name: string): string =>
  choices({ tokens: [name], token_logprobs: [-1], top_logprobs: [{ [name]: -1 }] });

describe("a server that cannot be checked ends in a sentence, with exit code 1", () => {
  const whole = named("token_id:1");
  const answers: [string, string, number, RegExp][] = [
    [
      "truncated JSON",
      whole.slice(0, -9),
      200,
      /position 2: \S+: expected JSON, got "\{.*token_id/,
    ],
    ["HTML", "<html>", 200, /position 2: \S+\/completions: expected JSON, got "<html>"/],
    [
      "a status of 500",
      JSON.stringify({ error: { message: "out of memory" } }),
      500,
      /position 2: \S+\/completions: status 500: out of memory/,
    ],
    ["a status without a reason", "", 404, /status 404: no reason given/],
    [
      "no logprobs",
      choices(null),
      200,
      /position 2: answer: expected logprobs with tokens .*; got null/,
    ],
    ["no choices", "{}", 200, /position 2: answer: expected choices; got nothing/],
    ["no top_logprobs", choices({ content: [{}] }), 200, /expected top_logprobs; got \{\}/],
    [
      "null for a number",
      choices({ tokens: ["!"], top_logprobs: [{ "!": null }] }),
      200,
      /expected log-probabilities that are numbers; got null/,
    ],
    [
      "two tokens",
      choices({ tokens: ["!", "!"], top_logprobs: [{ "!": -1 }, { "!": -1 }] }),
      200,
      /expected logprobs of one token; got 2/,
    ],
    ["a name that is none", named("zebra"), 200, /position 2: token "zebra": it is none of the 64/],
    ["part of a character", named("\ufffd"), 200, /or one of several with this text/],
    [
      "a token that the case has not",
      named("token_id:64"),
      200,
      /token: expected 0 … 63, got 64: is this the case's model\?/,
    ],
  ];
  it.each(answers)("%s", async (_what, text, status, sentence) => {
    const instead: FakeServer["instead"] = (response, n) =>
      n === 3 && answer(response, text, status);
    const served = await serve({ style: "vllm", model: right, instead });
    const { code, stdout, stderr } = await witness(served, "tiny-all");
    expect(stderr).toMatch(sentence);
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("a connection that breaks", async () => {
    const instead: FakeServer["instead"] = (response, n) => {
      if (n !== 3) return false;
      response.writeHead(200, { "content-length": 1000 }).write("{");
      setTimeout(() => response.destroy(), 50);
      return true;
    };
    const served = await serve({ style: "vllm", model: right, instead });
    const { code, stderr } = await witness(served, "tiny-all");
    expect(stderr).toMatch(/position 2: http:\S+\/completions: /);
    expect(code).toBe(1);
  });

  it("an answer without an end", async () => {
    const instead: FakeServer["instead"] = (response, n) => {
      if (n !== 3) return false;
      const more = () => {
        while (!response.destroyed && response.write(" ".repeat(2 ** 20)));
      };
      response.on("drain", more).on("error", () => {});
      more();
      return true;
    };
    const served = await serve({ style: "vllm", model: right, instead });
    const { code, stderr } = await witness(served, "tiny-all");
    expect(stderr).toMatch(/position 2: .* an answer of at most 67108864 bytes, got more/);
    expect(code).toBe(1);
  });

  it("no server", async () => {
    const port = await freePort();
    const { code, stderr } = await witness({ url: `http://localhost:${port}/v1/` }, "tiny-all");
    expect(stderr).toBe(
      `glm52: http://localhost:${port}/v1/models: connection refused: is the server running?\n`,
    );
    expect(code).toBe(1);
  });

  it("a server that does not answer in time", async () => {
    const served = await serve({ style: "vllm", model: right, instead: (_response, n) => n === 3 });
    const { code, stderr } = await witness(served, "tiny-all", "--timeout", "0.5");
    expect(stderr).toMatch(/position 2: \S+\/completions: no answer in 0.5 s/);
    expect(code).toBe(1);
  });

  it("echo that is not known there", async () => {
    const served = await serve({ style: "llama", model: right });
    const { code, stderr } = await witness(served, "tiny-all", "--echo");
    expect(stderr).toContain("expected with echo, logprobs of 24 tokens; got 1");
    expect(code).toBe(1);
  });
});

describe("options", () => {
  it("sends the key of --api-key-env and the name of --model, which nobody is asked for", async () => {
    vi.stubEnv("GLM52_TEST_KEY", "sesame");
    const instead: FakeServer["instead"] = (response, n, request) =>
      (request.headers.authorization !== "Bearer sesame" || n === 0) && answer(response, "", 401);
    const served = await serve({ style: "vllm", model: right, instead });
    const key = ["--api-key-env", "GLM52_TEST_KEY"];
    expect((await witness(served, "tiny-all", ...key, "--model", "other")).code).toBe(0);
    expect(served.asked[0]).toMatchObject({ model: "other", max_tokens: 1, temperature: 0 });
    expect((await witness(served, "tiny-all", "--model", "other")).stderr).toContain("status 401");
    const none = await witness(served, "tiny-all", "--api-key-env", "GLM52_NO_KEY");
    expect(none.stderr).toContain(
      "--api-key-env: expected a key in the variable GLM52_NO_KEY, got none",
    );
  });

  it("refuses a case where a right engine may say something else", async () => {
    const served = await serve({ style: "vllm", model: right });
    const turned = await witness(served, "tiny-all", "--class", "bf16");
    expect(turned.stderr).toContain("tiny-all: rounding in bf16 can turn a choice here");
    const tied = await witness(served, "ties-one-head");
    expect(tied.stderr).toContain("ties-one-head: equal scores may be chosen either way here");
    expect([turned.code, tied.code, served.asked.length]).toEqual([1, 1, 0]);
  });
});
