/**
 * Clients that mean no good, on a real port, and others that are answered meanwhile: connections that stay half
 * open, readers that stop, bodies without end, foreign hosts, thousands that come and go.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/index.ts";
import { type Listening, listen } from "../../../tools/serve/http.ts";
import { type Served, served } from "../../support/serve.ts";

const messages = [{ role: "user", content: "Hi" }];
const body = (more: object = {}) => JSON.stringify({ messages, enable_thinking: false, ...more });

let server: Listening;
let app: Served;
const sockets: Socket[] = [];

beforeAll(async () => {
  // A seed says how long the text is; an odd one says that it hangs until its client goes.
  app = served(({ seed }) => ({
    ids: [Array.from({ length: seed }, () => 5)],
    ...(seed % 2 === 1 && { hangsAfter: seed - 1 }),
  }));
  server = await listen(app.app, { port: 0, maxConnections: 4096 });
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await server.close(0);
});

function raw(text: string): Socket {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(text);
  sockets.push(socket);
  return socket;
}

const head = (length: number) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

async function isAnswered(): Promise<boolean> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    body: body({ seed: 8 }),
  });
  return (await response.json()).usage.completion_tokens === 8;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const nOpen = () =>
  app.desk.played.filter(({ isOver, isCancelled }) => !isOver && !isCancelled).length;

describe("a server", () => {
  it("answers while 200 connections stay half open, and ends these", async () => {
    const half = Array.from({ length: 200 }, (_, i) =>
      raw(i % 2 ? "POST /v1/chat/completions HTTP/1.1\r\nHost:" : `${head(100)}{`),
    );
    const closed = half.map((socket) => once(socket.resume(), "close"));
    for (let i = 0; i < 20; i++) expect(await isAnswered()).toBe(true);
    await Promise.all(closed);
  });

  it("answers while 1,000 readers stop, and frees what they had when they go", async () => {
    const before = app.desk.played.length;
    const text = body({ stream: true, seed: 101 });
    const readers = Array.from({ length: 1000 }, () => raw(head(text.length) + text).pause());
    await until(() => app.desk.played.length === before + 1000);
    for (let i = 0; i < 20; i++) expect(await isAnswered()).toBe(true);
    expect(nOpen()).toBe(1000);
    for (const reader of readers) reader.destroy();
    await until(() => nOpen() === 0);
  });

  it("refuses a body of a gigabyte by its length, and one without end by its bytes", async () => {
    const told = raw(head(2 ** 30));
    const [first] = await once(told, "data");
    expect(String(first)).toMatch(/^HTTP\/1\.1 413 /);
    const endless = raw(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    const block = `10000\r\n${" ".repeat(65_536)}\r\n`;
    let answer = "";
    endless.on("data", (part) => {
      answer += part;
    });
    let sent = 0;
    while (answer === "" && !endless.destroyed && sent < 2 ** 30) {
      if (!endless.write(block)) await new Promise((resolve) => setTimeout(resolve, 1));
      sent += block.length;
    }
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent).toBeLessThan(2 ** 27);
    expect(await isAnswered()).toBe(true);
  });

  it("frees everything after 10,000 requests that end at random", async () => {
    const random = seededRandom(1);
    const one = async () => {
      const seed = Math.floor(random() * 40) + 1;
      const abort = new AbortController();
      const init = { method: "POST", signal: abort.signal };
      const stream = random() < 0.5;
      const asked = fetch(`${server.url}/v1/chat/completions`, {
        ...init,
        body: body({ seed, stream }),
      }).then((response) => response.text());
      if (seed % 2 === 1) {
        await new Promise((resolve) => setTimeout(resolve, random() * 20));
        abort.abort();
      }
      await asked.catch(() => {});
    };
    for (let i = 0; i < 200; i++) await Promise.all(Array.from({ length: 50 }, one));
    await until(() => nOpen() === 0);
    expect(app.bugs).toEqual([]);
    expect(await isAnswered()).toBe(true);
  });
});
