/** `glm52 explore` of the installed package, as a process: what it prints and serves, and how it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, inject, it } from "vitest";

const PROGRAM = join(inject("project"), "node_modules/glm52.ts/dist/tools/cli/glm52.js");

it("serves the page that the package brings, until Ctrl-C", async () => {
  const child = spawn(process.execPath, [PROGRAM, "explore", "--no-open"]);
  try {
    const ended = once(child, "exit");
    const [printed] = (await once(child.stdout, "data")) as [Buffer];
    const url = printed.toString().trim();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await (await fetch(url)).text();
    const named = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, file]) => file);
    expect(named.length).toBeGreaterThan(1);
    const rest = [
      "kernels.wasm",
      "recorded-more.json",
      "examples.json",
      "source.html",
      "source.css",
    ];
    for (const file of [...named, ...rest, "model/files.json", "model/model.safetensors"]) {
      const { status } = await fetch(new URL(file, url), { method: "HEAD" });
      expect([file, status]).toEqual([file, 200]);
    }
    child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
});
