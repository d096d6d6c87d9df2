/** Tests what ends a conversation with an endpoint, and that no output shows a key or a prompt. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { glm52 } from "../cli/fake-terminal.ts";

const KEY = "sk-key-of-a-test";
const SECRET = "a word that nobody else may read";

/** What a server does with a request for a text, once it has answered the questions before. */
type Answer = (response: ServerResponse, body: string, request: IncomingMessage) => void;

/** Starts a server that can do all, until it is asked for more than a token. */
async function start(answer: Answer) {
  const seen: IncomingMessage[] = [];
  const http = createServer(async (request, response) => {
    seen.push(request);
    let body = "";
    for await (const chunk of request) body += chunk;
    if (request.url === "/v1/models") {
      response.end(JSON.stringify({ data: [{ id: "glm" }] }));
    } else if (request.url === "/v1/completions" && JSON.parse(body).max_tokens === 1) {
      response.end(
        JSON.stringify({ choices: [{ text: "a", token_ids: [5], finish_reason: "length" }] }),
      );
    } else answer(response, body, request);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, seen };
}

const end =
  (text: string, status = 200, headers = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(text);

const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
const token = (id: number, finish: string | null = null): string =>
  event({ choices: [{ text: "x", token_ids: [id], finish_reason: finish }] });

const said = { stdin: new TextEncoder().encode(`${SECRET}\n`) };

function chat(url: string, ...more: string[]) {
  vi.stubEnv("GLM52_TEST_KEY", KEY);
  onTestFinished(() => void vi.unstubAllEnvs());
  return glm52(["chat", "--url", url, "--api-key-env", "GLM52_TEST_KEY", ...more], said);
}

const FAULTS: [what: string, answer: Answer, sentence: RegExp][] = [
  ["a page of HTML", end("<html>hello</html>"), /expected JSON or events, got "<html>hello/],
  ["half of some JSON", end('{"choices": [{'), /expected JSON, got 14 characters/],
  ["half of an event", end(`${token(5)}data: {"choices": [{"text": "x`), /or break off/],
  ["a stream without an end", end(token(5)), /broke off: its end was not told/],
  ["errors of its own", end("broken", 500), /status 500: broken/],
  [
    "an error in the stream",
    end(token(5) + event({ error: { message: "oom" } })),
    /ended with an error: oom/,
  ],
  ["ids that are none", end(event({ choices: [{ token_ids: [1.5] }] })), /expected token ids/],
  ["another shape", end(event({ text: "hm" })), /expected an event with choices, got fields text/],
  ["a reason that is none", end(token(5, "abort")), /ends with stop or length, got abort/],
  [
    "another place",
    end("", 307, { location: `https://other.example/v1?key=${KEY}` }),
    /leads to https:\/\/other.example\/v1\?key=\[key\]; a key must not follow/,
  ],
  [
    "no, with our key and prompt in it",
    (response, body) =>
      void response.writeHead(400).end(JSON.stringify({ message: `bad key ${KEY}: ${body}` })),
    /status 400: bad key \[key\]/,
  ],
  [
    "nothing",
    (response) =>
      void response.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n"),
    /no answer in 0.5 s/,
  ],
  ["a broken connection", (response) => void response.destroy(), /completions: /],
];

describe("chat --url: a sentence and exit code 1 for", () => {
  it.each(FAULTS)("%s", async (_, answer, sentence) => {
    const { url, seen } = await start(answer);
    const { code, stdout, stderr } = await chat(url, "--timeout", "0.5");
    expect(stderr).toMatch(sentence);
    expect(code).toBe(1);
    expect(stderr).not.toContain("unexpected");
    for (const text of [KEY, SECRET]) expect(stdout + stderr).not.toContain(text);
    expect(seen.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true);
  });

  it("an endpoint that is not there", async () => {
    const { code, stderr } = await glm52(["chat", "--url", "http://127.0.0.1:1"], said);
    expect([code, stderr]).toEqual([1, expect.stringContaining("127.0.0.1:1/v1/models: ")]);
  });
});

it.each(FAULTS.slice(0, 6))("eval --url: the same for %s", async (_, answer, sentence) => {
  const { url } = await start(answer);
  // One answer of two tokens, so that it is not taken for a question before.
  const { code, stdout, stderr } = await glm52([
    ...["eval", "--url", url, "--task", "needle", "--lengths", "80", "--depths", "0"],
    ...["--samples", "1", "--timeout", "0.5"],
  ]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(sentence);
});

it("a fault at a terminal leaves the conversation as it was, and a person goes on", async () => {
  let n = 0;
  const { url } = await start((response) => {
    if (n++ === 0) response.end(token(5));
    else response.end(token(5) + token(2011, "stop"));
  });
  const stdin = new TextEncoder().encode("one\ntwo\n/quit\n");
  const { code, stderr, stdout } = await glm52(["chat", "--url", url], { stdin, isTyped: true });
  expect(code).toBe(0);
  expect(stderr).toContain("broke off");
  expect(stdout.trim()).not.toBe("");
});

it("Ctrl-C closes the request, and keeps what was said", async () => {
  let isClosed = false;
  const { url } = await start((response) => {
    response.on("close", () => {
      isClosed = true;
    });
    response.writeHead(200).write(token(33));
  });
  const { code, stdout } = await glm52(["chat", "--url", url, "--json"], {
    ...said,
    interruptAtWrite: 1,
  });
  expect(code).toBe(0);
  expect(stdout).toContain('"finish_reason": "aborted"');
  await vi.waitFor(() => expect(isClosed).toBe(true));
});
