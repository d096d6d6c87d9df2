import { describe, expect, it } from "vitest";
import { SELF_TEST_HASH, selfTest } from "../../../tools/node/turbo.ts";
import { kernelBytes } from "../../engine/ops/wasm/wasm.ts";

describe("the self-test of wide vectors", () => {
  it("gives the known bits without them", async () => {
    expect(await selfTest(kernelBytes())).toBe(SELF_TEST_HASH);
  });

  it("notices other kernels: an addition in place of a product", async () => {
    const bytes = kernelBytes();
    const [simd, mul] = [0xfd, 0xe6];
    let changed = 0;
    for (let i = 0; i + 2 < bytes.length; i++) {
      if (bytes[i] === simd && bytes[i + 1] === mul && bytes[i + 2] === 1) {
        bytes[i + 1] = 0xe4; // f32x4.add
        changed++;
      }
    }
    expect(changed).toBeGreaterThan(10);
    expect(await selfTest(bytes)).not.toBe(SELF_TEST_HASH);
  });
});
