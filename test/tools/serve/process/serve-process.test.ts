/**
 * Tests the compiled server as a process: what it says, what it answers, how it ends, in all runtimes.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, describe, expect, inject, it } from "vitest";

const built = inject("built");
const runtimes = inject("runtimes");
const PROGRAM = join(built, "tools/cli/glm52.js");
const DEMO = join(import.meta.dirname, "../../../../demo-model");

const others: [string, string, string[]][] =
  typeof runtimes === "string"
    ? []
    : [
        ["Node 24", runtimes.node24, []],
        ["Deno", runtimes.deno, ["run", "-A"]],
      ];
const RUNTIMES: [string, string, string[]][] = [["this Node", process.execPath, []], ...others];

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  /** What it wrote to stderr so far. */
  readonly log: () => string;
  /** The exit code, when it ends. */
  readonly ended: Promise<number | null>;
}

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

/** Starts a server on a free port, and waits until it is ready. */
async function start(
  argv: readonly string[] = [],
  [, program, before] = RUNTIMES[0],
): Promise<Server> {
  const args = [
    ...before,
    PROGRAM,
    "serve",
    "--port",
    "0",
    "--json",
    "--no-clock",
    "--think",
    "off",
  ];
  const child = spawn(program, [...args, "--model", DEMO, ...argv]);
  running.push(child);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => (stdout += data));
  child.stderr.on("data", (data) => (stderr += data));
  const ended = once(child, "exit").then(([code]) => code as number | null);
  while (!stdout.includes("\n")) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { child, url: JSON.parse(stdout).url, log: () => stderr, ended };
}

const chat = (url: string, body: object, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

const STORY = {
  model: "demo-model",
  messages: [{ role: "user", content: "Tell me a story." }],
  max_tokens: 16,
};

describe("the server as a process", () => {
  it.skipIf(typeof runtimes === "string")(
    "gives the same bytes in every runtime, and ends with 0 when it is asked to",
    async () => {
      const bodies: string[] = [];
      for (const runtime of RUNTIMES) {
        const { url, child, ended, log } = await start(["--threads", "2"], runtime);
        const answers = await Promise.all(
          [0, 1, 2, 3].map((seed) => chat(url, { ...STORY, seed, temperature: 1, logprobs: true })),
        );
        bodies.push((await Promise.all(answers.map((answer) => answer.text()))).join("\n"));
        child.kill("SIGTERM");
        expect([runtime[0], await ended]).toEqual([runtime[0], 0]);
        expect(log()).toContain("POST /v1/chat/completions 200");
      }
      expect(new Set(bodies.map((body) => body.replaceAll(/"cached_tokens":\d+/g, ""))).size).toBe(
        1,
      );
      expect(bodies[0]).toContain('"finish_reason":"length"');
    },
  );

  it("lets a stream end after Ctrl-C, and takes no other request", async () => {
    const { url, child, ended } = await start(["--threads", "1"]);
    const answer = await chat(url, { ...STORY, max_tokens: 120, stream: true, ignore_eos: true });
    child.kill("SIGINT");
    const text = await answer.text();
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    expect(text).toContain('"finish_reason":"length"');
    expect(await ended).toBe(0);
    await expect(chat(url, STORY)).rejects.toThrow();
  });

  it("goes on when clients go away, and frees what they had", async () => {
    const { url, child, ended, log } = await start(["--threads", "1"]);
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const abort = new AbortController();
        const long = { ...STORY, max_tokens: 4000, stream: true, ignore_eos: true, seed: i };
        const answer = await chat(url, long, abort.signal);
        await answer.body?.getReader().read();
        abort.abort();
      }),
    );
    expect((await chat(url, STORY)).status).toBe(200);
    for (;;) {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      const [, n] = /num_requests_running\{.*?\} (\d+)/.exec(metrics) ?? [];
      if (n === "0") break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(log()).toContain("499");
  });

  it("says what is wrong with its command line", async () => {
    const { url, child } = await start();
    const { port } = new URL(url);
    const run = (...argv: string[]) => {
      const { status, stderr } = spawnSync(process.execPath, [PROGRAM, "serve", ...argv], {
        encoding: "utf8",
      });
      return [status, stderr.trim().split("\n").at(-1)];
    };
    expect(run("--port", port)).toEqual([
      1,
      `glm52: 127.0.0.1:${port}: another program listens there; --port takes another`,
    ]);
    expect(run("--host", "0.0.0.0")).toEqual([
      2,
      "glm52: --host: expected --api-key-env, too: others reach 0.0.0.0; --insecure lets everybody ask",
    ]);
    expect(run("--api-key-env", "NO_SUCH_KEY")[0]).toBe(2);
    expect(run("--model", "no-such-folder")[0]).toBe(1);
    child.kill("SIGKILL");
  });
});
