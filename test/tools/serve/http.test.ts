/** The server on a port: clients that go, wait, dawdle or do not read, and an end in good order. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { isLoopback, type Listening, listen } from "../../../tools/serve/http.ts";
import type { RequestRecord, ServeOptions } from "../../../tools/serve/service.ts";
import type { Script, Scripts } from "../../support/scripted-desk.ts";
import { type Served, served } from "../../support/serve.ts";

const messages = [{ role: "user", content: "Hi" }];
const BODY = JSON.stringify({ messages, enable_thinking: false });
const STREAM = JSON.stringify({ messages, enable_thinking: false, stream: true });

let open: Listening[] = [];
afterEach(async () => {
  for (const server of open) await server.close(0);
  open = [];
});

async function start(
  script: Scripts,
  options: Parameters<typeof listen>[1] = {},
  more: ServeOptions = {},
  model = {},
): Promise<Served & { server: Listening; url: string; lines: RequestRecord[] }> {
  const lines: RequestRecord[] = [];
  const served1 = served(script, { log: (line) => lines.push(line), ...more }, model);
  const server = await listen(served1.app, { port: 0, ...options });
  open.push(server);
  return { ...served1, server, url: `${server.url}/v1/chat/completions`, lines };
}

const ask = (url: string, body: string, signal?: AbortSignal) =>
  fetch(url, { method: "POST", body, ...(signal && { signal }) });

/** Waits until something is so. The test fails by its own limit when it never is. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

function raw(server: Listening): Socket {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  return socket;
}

async function textOf(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  await once(socket, "close");
  return Buffer.concat(parts).toString();
}

describe("a server on a port", () => {
  it("answers, whole and as a stream", async () => {
    const { url } = await start({ texts: ["Yes."] });
    const answer = await (await ask(url, BODY)).json();
    expect(answer.choices[0].message.content).toBe("Yes.");
    const stream = await ask(url, STREAM);
    expect(stream.headers.get("content-encoding")).toBeNull();
    expect(await stream.text()).toMatch(/"content":"Yes".*data: \[DONE\]\n\n$/s);
  });

  it("sends its headers and the first event while the order still waits", async () => {
    const { url, desk } = await start({ waits: true });
    const abort = new AbortController();
    const response = await ask(url, STREAM, abort.signal);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('"role":"assistant"');
    abort.abort();
    await until(() => desk.last.isCancelled);
  });

  it.each<[string, string, Script]>([
    ["a stream", STREAM, { texts: ["a b c d"], hangsAfter: 2 }],
    ["an answer", BODY, { texts: ["a b c d"], hangsAfter: 2 }],
    ["an answer that has no place yet", BODY, { waits: true }],
  ])("gives up the order of a client that goes: %s", async (_, body, script) => {
    const { url, desk, lines, bugs } = await start(script);
    const abort = new AbortController();
    const answer = ask(url, body, abort.signal).then((response) => response.text());
    await until(() => desk.played.length > 0 && desk.last.nTokens === (script.hangsAfter ?? 0));
    abort.abort();
    await expect(answer).rejects.toThrow();
    await until(() => desk.last.isCancelled && lines.length > 0);
    expect(lines.map(({ status }) => status)).toEqual([499]);
    expect(bugs).toEqual([]);
  });

  it("gives up the order of a client that closes its side of the connection", async () => {
    const { server, desk } = await start({ texts: ["a b c d"], hangsAfter: 2 });
    const socket = raw(server);
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${STREAM.length}`;
    socket.write(`${head}\r\n\r\n${STREAM}`);
    await until(() => desk.played.length > 0 && desk.last.nTokens === 2);
    socket.end();
    await until(() => desk.last.isCancelled);
    socket.destroy();
  });

  it("survives a client that goes within its body", async () => {
    const { server, url, lines, bugs, desk } = await start({ texts: ["Yes."] });
    const socket = raw(server);
    socket.write(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{",
    );
    await once(socket, "connect");
    await ask(url, BODY);
    socket.destroy();
    await until(() => lines.length === 2);
    expect(lines.map(({ status }) => status)).toEqual([200, 499]);
    expect([desk.played.length, bugs]).toEqual([1, []]);
  });

  it("refuses a body that is too long, and goes on", async () => {
    const { url } = await start({ texts: ["Yes."] });
    const response = await ask(url, " ".repeat(11 * 2 ** 20));
    expect((await response.json()).error.type).toBe("request_too_large");
    expect((await ask(url, BODY)).status).toBe(200);
  });

  it("refuses a foreign Host on the wire", async () => {
    const { server } = await start({});
    const socket = raw(server);
    socket.end("GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    expect(await textOf(socket)).toMatch(/^HTTP\/1\.1 403 .*permission_error/s);
  });

  it("answers others while connections wait for clients that say nothing, and ends these", async () => {
    const { server, url } = await start({ texts: ["Yes."] }, { headersTimeout: 200 });
    const idle = Array.from({ length: 50 }, () => raw(server));
    const texts = idle.map((socket) => textOf(socket));
    for (const socket of idle) socket.write("POST /v1/chat/completions HTTP/1.1\r\nHost: loc");
    expect((await ask(url, BODY)).status).toBe(200);
    for (const text of await Promise.all(texts)) expect(text).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  it("makes no more for a client that does not read", async () => {
    const ids = [Array.from({ length: 100_000 }, () => 5)];
    const model = { maxContext: 1e6 };
    const { server, desk, url } = await start((_, i) => (i === 0 ? { ids } : {}), {}, {}, model);
    const socket = raw(server);
    socket.pause();
    const body = JSON.stringify({ ...JSON.parse(STREAM), logprobs: true, top_logprobs: 20 });
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}`;
    socket.write(`${head}\r\n\r\n${body}`);
    await until(() => desk.played.length > 0 && desk.played[0].nTokens > 100);
    for (let before = -1; before !== desk.played[0].nTokens; ) {
      before = desk.played[0].nTokens;
      await ask(url, BODY); // others are answered meanwhile
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(desk.played[0].nTokens).toBeLessThan(50_000);
    expect(desk.played[0].isCancelled).toBe(false);
    socket.destroy();
    await until(() => desk.played[0].isCancelled);
  });
});

describe("the end of a server", () => {
  it("lets answers end, and takes no more", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { url, server, desk } = await start({ texts: ["a b c"] });
    const submit = desk.submit.bind(desk);
    desk.submit = (order) => {
      const ticket = submit(order);
      const happenings = (async function* () {
        for await (const happening of ticket.happenings) {
          if (happening.type === "token") await gate;
          yield happening;
        }
      })();
      return { ...ticket, happenings };
    };
    const response = await ask(url, STREAM);
    const closed = server.close(60_000);
    await expect(ask(url, BODY)).rejects.toThrow();
    release();
    expect(await response.text()).toMatch(/\[DONE\]\n\n$/);
    await closed;
  });

  it("cuts what does not end in time", async () => {
    const { url, server, desk } = await start({ texts: ["a b c"], hangsAfter: 1 });
    const response = await ask(url, STREAM);
    await server.close(20);
    await expect(response.text()).rejects.toThrow();
    await until(() => desk.last.isCancelled);
  });
});

describe("where a server listens", () => {
  it("is said in words when it cannot be had", async () => {
    const { server } = await start({});
    await expect(listen(served().app, { port: server.port })).rejects.toThrow(
      `127.0.0.1:${server.port}: another program listens there`,
    );
    await expect(listen(served().app, { host: "no such host", port: 0 })).rejects.toThrow(
      /no such host/,
    );
  });

  it("is this computer alone, or not", () => {
    for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
      expect(isLoopback(host)).toBe(true);
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.example", "glm.lan"]) {
      expect(isLoopback(host)).toBe(false);
    }
  });
});
