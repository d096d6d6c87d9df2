/** Tests our own server with the golden kit: every case, asked for each prefix and once for the whole prompt. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readCase } from "../../../../tools/golden/case/case.ts";
import { serveApp } from "../../../../tools/serve/app.ts";
import { serveFolder } from "../../../../tools/serve/engine/serve-folder.ts";
import { listen } from "../../../../tools/serve/http.ts";
import { CASES } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

/** Of equal scores, engines may choose either, so the witness takes no case that has them. */
const cases = readdirSync(CASES)
  .filter((name) => name !== "ties-one-head")
  .sort();
const { GLM52_FULL } = process.env;
/** Asking for each prefix takes a request a token; the other cases are asked so with GLM52_FULL=1. */
const BY_PREFIX = GLM52_FULL ? cases : ["tiny-all", "groups2-bias", "clear-bf16"];

/** Serves a case, and lets the witness ask. */
async function witness(name: string, echo: boolean) {
  const dir = join(CASES, name);
  const info = await readCase(dir);
  const { desk } = await serveFolder(join(dir, "model"), {
    open: { threads: 1, latentEps: info.latentEps, activations: "f32" },
    rows: {},
    rowBytes: 2 ** 26,
  });
  const { url, close } = await listen(serveApp(desk), { port: 0 });
  try {
    const asked = ["--url", `${url}/v1`, "--case", name, "--class", "f32"];
    return await glm52(["golden", "witness", "server", ...asked, ...(echo ? ["--echo"] : [])]);
  } finally {
    await close(0);
    await desk.close(0);
  }
}

describe("the witness finds our server right", () => {
  it.each(cases)("%s, the whole prompt at once", async (name) => {
    const { code, stdout, stderr } = await witness(name, true);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^ok: \d+ positions/m);
  });

  it.each(BY_PREFIX)("%s, prefix by prefix", async (name) => {
    const { code, stderr } = await witness(name, false);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});
