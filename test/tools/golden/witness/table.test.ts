/**
 * Tests of the table of other engines: what it says, what it omits, and where engines must be
 * right.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type CaseRun,
  type Witness,
  witnesses,
} from "../../../../tools/golden/witness/run-witness.ts";
import { renderTable } from "../../../../tools/golden/witness/table.ts";
import { CASES } from "../../../support/paths.ts";

const witness = (kind: Witness["kind"]): Witness => ({
  ...{ engine: "an engine", version: "1", kind, run: async () => "is not run" },
});
const right: CaseRun = {
  ...{ isCertified: true, compared: 67, errorOverBound: 0.4567, explained: 3, off: [] },
};

describe("the table", () => {
  it("has a line for each run, and the stages that are off", () => {
    const wrong = { ...right, isCertified: false, off: ["top_k-1", "l_out-2"] };
    const lines = [
      { caseName: "tiny-all", witness: witness("f32"), run: right },
      { caseName: "sharded", witness: witness("bf16"), run: wrong },
    ];
    expect(renderTable(lines, ["another: is not there"]).split("\n").slice(2)).toEqual([
      "| tiny-all | an engine | f32 | yes | 67 | 0.46 | 3 | 0 |",
      "| sharded | an engine | bf16 | no | 67 | 0.46 | 3 | top_k-1, l_out-2 (not certified) |",
      ...["", "- another: is not there", ""],
    ]);
  });

  it("says which engines are not there", async () => {
    expect(await witnesses({ GLM52_PYTHON: "no-such-python" })).toEqual({
      there: [],
      absent: [
        "HF transformers: GLM52_PYTHON names no Python that has it",
        "llama.cpp: GLM52_PEERS names no folder with node-llama-cpp",
      ],
    });
  });
});

const { there } = await witnesses(process.env);

describe.skipIf(there.length === 0)(
  "engines that are there (skipped: neither GLM52_PYTHON nor GLM52_PEERS names one)",
  () => {
    it.each(there.map((one) => [one.engine, one.kind, one] as const))(
      "%s in %s is right on clear-bf16",
      async (_engine, _kind, { run }) => {
        expect(await run(join(CASES, "clear-bf16"))).toMatchObject({ isCertified: true, off: [] });
      },
    );
    it.each(there.filter(({ engine }) => engine === "llama.cpp"))(
      "$engine is not asked for a model that it cannot hold",
      async ({ run }) => {
        expect(await run(join(CASES, "tiny-all"))).toBe("glm-dsa: expected one norm epsilon");
      },
    );
  },
);
