/** Tests `glm52 verify` against a server on this computer: what it prints, and its exit codes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveApp } from "../../../tools/serve/app.ts";
import { type Listening, listen } from "../../../tools/serve/http.ts";
import { ChanceDesk } from "../../support/chance-desk.ts";
import { scratchFolder } from "../../support/paths.ts";
import { glm52 } from "./fake-terminal.ts";

const scratch = scratchFolder();
let server: Listening;

beforeAll(async () => {
  server = await listen(serveApp(new ChanceDesk(), { clock: false }), { port: 0 });
});

afterAll(() => server.close(0));

describe("glm52 verify", () => {
  it("passes a right server, records it, and judges the recording again", async () => {
    const file = join(scratch, "traffic.jsonl");
    const argv = ["verify", `${server.url}/v1`, "--gates", "protocol,replies"];
    const { code, stdout, stderr } = await glm52([...argv, "--record", file]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^pass: all gates passed$/m)]);
    expect(stderr).toMatch(/^At most:\n {2}protocol {4}\d+ requests/);
    expect(stdout).toContain("A pass does not show");
    const again = await glm52([...argv, "--replay", file, "--json"]);
    expect([again.code, again.stderr]).toEqual([0, ""]);
    expect(JSON.parse(again.stdout)).toMatchObject({ verdict: "pass", model: "glm-5.2-demo" });
    const twice = await glm52([...argv, "--record", file]);
    expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining("never written over")]);
    expect(readFileSync(file, "utf8").split("\n").length).toBeGreaterThan(20);
  });

  it("names what is wrong, with exit code 3: these are not the demo model's numbers", async () => {
    const { code, stdout } = await glm52(["verify", `${server.url}/v1`, "--gates", "numbers"]);
    expect([code, stdout]).toEqual([3, expect.stringMatching(/^FAIL: numbers, drift: /m)]);
  });

  it("with --plan asks nothing", async () => {
    const { code, stdout } = await glm52(["verify", "https://nowhere.invalid/v1", "--plan"]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/all +\d+ requests, [\d,]+ tokens in/),
    ]);
  });

  it("plans without an endpoint, and lists mistakes that look alike", async () => {
    const { code, stdout } = await glm52(["verify", "plan", "--profile", "full"]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/selections +\d+ requests/)]);
    expect(stdout).toMatch(
      /look alike: the system prompt is dropped; or: a system prompt is put in/,
    );
  });

  it("writes reports and evidence, and goes on with a recording", async () => {
    const [html, xml] = [join(scratch, "report.html"), join(scratch, "report.xml")];
    const url = `${server.url}/v1`;
    const argv = ["verify", url, "--gates", "protocol", "--html", html, "--junit", xml];
    const folder = join(scratch, "evidence");
    expect((await glm52([...argv, "--evidence", folder])).code).toBe(0);
    expect(readFileSync(html, "utf8")).toContain("Faithful, as far as it was looked at");
    expect(readFileSync(xml, "utf8")).toContain("<testsuite");
    const traffic = join(folder, "traffic.jsonl");
    const before = readFileSync(traffic, "utf8");
    writeFileSync(traffic, before.slice(0, -100));
    const { code } = await glm52(["verify", url, "--gates", "protocol", "--resume", traffic]);
    expect([code, readFileSync(traffic, "utf8").split("\n").length]).toEqual([
      0,
      before.split("\n").length,
    ]);
    const both = await glm52([...argv, "--record", "a", "--replay", "b"]);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("cannot be used with")]);
  });

  it("ends with 1 where nobody answers", async () => {
    const gone = await listen(serveApp(new ChanceDesk()), { port: 0 });
    await gone.close(0);
    const { code, stdout } = await glm52(["verify", `${gone.url}/v1`, "--gates", "protocol"]);
    expect([code, stdout]).toEqual([1, expect.stringContaining("connection refused")]);
  });

  it.each([
    [["verify", "example.com"], "expected a URL"],
    [["verify", "https://me:key@example.com/v1"], "expected no key in the URL"],
    [["verify", "https://example.com/v1", "--gates", "all"], "Expected protocol"],
    [["verify", "https://example.com/v1", "--budget", "much"], "Expected limits"],
    [["verify", "https://example.com/v1", "--budget", "money=1"], "expected --price"],
    [["verify", "https://example.com/v1", "--api-key-env", "NO_SUCH_KEY"], "got none"],
  ])("%j is wrong: exit code 2", async (argv, sentence) => {
    const { code, stderr } = await glm52(argv);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });

  it("spends nothing that was not allowed", async () => {
    const url = "https://example.invalid/v1";
    const tight = await glm52(["verify", url, "--budget", "requests=10"]);
    expect([tight.code, tight.stderr]).toEqual([1, expect.stringContaining("10 are allowed")]);
    const no = await glm52(["verify", url], {
      stdin: new TextEncoder().encode("n\n"),
      isTyped: true,
    });
    expect([no.code, no.stderr]).toEqual([1, expect.stringContaining("nothing was asked")]);
    const piped = await glm52(["verify", url], { stdin: new Uint8Array(0) });
    expect([piped.code, piped.stderr]).toEqual([2, expect.stringContaining("--yes")]);
  });
});
