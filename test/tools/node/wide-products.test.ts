import { execFileSync } from "node:child_process";
import { execPath, versions } from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { productHashes } from "../../support/wide-products.ts";

const PROGRAM = fileURLToPath(new URL("../../support/wide-products.ts", import.meta.url));

/** The self-test of turbo.ts sees f32 only, and only what V8 has compiled in time. This sees everything. */
describe("products with wide vectors", () => {
  it("have the same bits with the tiles that they are given, also where vectors stay narrow", async () => {
    expect(await productHashes(true)).toEqual(await productHashes(false));
  });

  it.runIf(Number(versions.node.split(".")[0]) >= 24)(
    "have the same bits when V8's best compiler makes them wide",
    async () => {
      const flags = ["--no-liftoff", "--experimental-wasm-revectorize"];
      const printed = execFileSync(execPath, [...flags, PROGRAM], { encoding: "utf8" });
      expect(JSON.parse(printed)).toEqual(await productHashes(false));
    },
  );
});
