/** `glm52 explore`: what it serves, to whom, and how it ends. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { traceFile } from "../../../engine/index.ts";
import { TraceReader, urlSource } from "../../../tools/explorer/live/trace-reader.ts";
import { exploreApp } from "../../../tools/explorer/serve/explore-app.ts";
import { explorerFiles } from "../../../tools/explorer/serve/explorer-files.ts";
import { type Listening, listen } from "../../../tools/serve/http.ts";
import { DEMO_MODEL, scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const page = scratchFolder();
const trace = join(page, "../trace-of-explorer.safetensors");
mkdirSync(join(page, "model"));
mkdirSync(join(page, "assets"));
writeFileSync(join(page, "index.html"), "<!doctype html>the page");
writeFileSync(join(page, "assets/main.js"), "0");
writeFileSync(join(page, "model/files.json"), "{}");
writeFileSync(join(page, "model/old.bin"), "old");

let server: Listening;
beforeAll(async () => {
  const tensor = { name: "top_k-0", shape: [2, 1], data: Int32Array.of(0, 1) };
  writeFileSync(trace, traceFile([tensor], { ...ORIGIN, tokens: [4, 5] }));
  const app = exploreApp(await explorerFiles({ page, model: DEMO_MODEL, trace }));
  server = await listen(app, { port: 0 });
});
afterAll(() => server.close(0));

const ORIGIN = {
  engineVersion: "0",
  model: "m",
  configSha256: "0",
  precision: "f32",
  latentEps: 1e-6,
  command: "c",
} as const;

/** A request to the letter: no client mends its path. */
function get(path: string, headers: Record<string, string> = {}, method = "GET") {
  return new Promise<{ status: number; body: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const { port } = server;
      const sent = request({ host: "127.0.0.1", port, path, headers, method }, (answer) => {
        let body = "";
        answer.on("data", (part) => (body += part));
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }),
        );
      });
      sent.on("error", reject);
      sent.end();
    },
  );
}

describe("the server of the explorer", () => {
  it("gives the page with a policy that lets nothing out, and isolates it", async () => {
    const { status, body, headers } = await get("/");
    expect([status, body]).toEqual([200, "<!doctype html>the page"]);
    expect(headers["content-security-policy"]).toMatch(
      /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/,
    );
    expect(headers["content-security-policy"]).not.toContain("unsafe-inline");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["cross-origin-embedder-policy"]).toBe("require-corp");
    expect((await get("/assets/main.js")).headers["content-type"]).toMatch(/^text\/javascript/);
  });

  it("gives the model by its list, and the kernels, whether or not the built folder has some", async () => {
    const { body } = await get("/model/files.json");
    const { name, files } = JSON.parse(body);
    expect(name).toBe("demo-model");
    expect((await get("/model/old.bin")).status).toBe(404);
    expect((await get("/kernels.wasm")).headers["content-type"]).toBe("application/wasm");
    for (const file of files) {
      const { headers } = await get(`/model/${file.name}?${"v"}`, {}, "HEAD");
      expect([file.name, Number(headers["content-length"])]).toEqual([file.name, file.bytes]);
    }
    expect(files.map((file: { name: string }) => file.name)).toContain("model.safetensors");
  });

  it.each([
    "/../package.json",
    "/assets/../../trace-of-explorer.safetensors",
    "/%2e%2e/package.json",
    "/assets/..%2f..%2fpackage.json",
    "/assets",
    "//etc/passwd",
    "/model/README.md",
    "/\0",
  ])("gives no file that is not listed: %j", async (path) => {
    const { status } = await get(encodeURI(decodeURIComponent(path)) === path ? path : path).catch(
      () => ({ status: 400 }),
    );
    expect([400, 404]).toContain(status);
  });

  it.each(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"])(
    "answers no page of another site that leads here as %s",
    async (host) => {
      expect((await get("/", { host })).status).toBe(403);
    },
  );

  it("answers under this computer's names, and only to GET and HEAD", async () => {
    for (const host of ["localhost:1", "127.0.0.1", "[::1]:8080"])
      expect((await get("/", { host })).status).toBe(200);
    expect((await get("/", {}, "POST")).status).toBe(405);
    expect(await get("/", {}, "HEAD")).toMatchObject({ status: 200, body: "" });
  });

  it("gives parts of a trace, so that the page reads one of any size", async () => {
    const reader = await TraceReader.open(await urlSource("t", `${server.url}/trace`));
    expect(reader.facts).toMatchObject({ tokens: 2, ids: [4, 5] });
    expect([...((await reader.at(1)).get("top_k-0")?.data ?? [])]).toEqual([1]);
    expect(await get("/assets/main.js", { range: "bytes=0-0" })).toMatchObject({
      status: 206,
      body: "0",
    });
    expect((await get("/assets/main.js", { range: "bytes=7-9" })).status).toBe(416);
    await expect(urlSource("t", `${server.url}/none`)).rejects.toThrow(
      "t: expected a file of known size",
    );
  });
});

describe("files that cannot be shown", () => {
  it.each([
    [
      { page: join(page, "nowhere") },
      /expected the built page there, found none: npm run build:explorer makes it/,
    ],
    [{ page, model: TINY_MODEL }, /expected a model with tokenizer\.json, found none/],
    [{ page, model: page }, /config\.json/],
    [{ page, trace: page }, /expected a file, got something else/],
    [{ page, trace: join(page, "none") }, /ENOENT/],
  ])("%# are refused with a sentence", async (wish, sentence) => {
    await expect(explorerFiles(wish)).rejects.toThrow(sentence);
  });
});

describe("the command", () => {
  it("names a model that is not there, and a port that is taken", async () => {
    const none = await glm52(["explore", "--no-open", "--model", join(page, "none")]);
    expect(none.code).toBe(1);
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    await expect(listen(exploreApp(new Map()), { port })).rejects.toThrow("--port takes another");
    taken.close();
    expect((await glm52(["explore", "--port", "70000"])).code).toBe(2);
  });
});
