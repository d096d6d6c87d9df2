/** Tests that the npm package has the pack, without files that can be made from it, in 20 MB. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { ROOT } from "../../../support/paths.ts";

it("the npm package has the pack and is no larger than 20 MB", () => {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = spawnSync("npm", args, { cwd: ROOT, encoding: "utf8" });
  const [{ size, files }] = JSON.parse(stdout);
  const paths: string[] = files.map(({ path }: { path: string }) => path);
  expect(size).toBeLessThan(20e6);
  for (const path of ["manifest.json", "cases/tiny-all/f64.safetensors", "ops.safetensors"]) {
    expect(paths).toContain(`golden/${path}`);
  }
  expect(paths).toContain("tools/golden/witness/hf-dump.py");
  expect(paths.filter((path) => path.endsWith(".gguf"))).toEqual([]);
}, 60_000);
