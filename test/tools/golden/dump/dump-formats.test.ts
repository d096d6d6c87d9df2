/**
 * Tests that dumps in NumPy's formats and in text give the same tensors, and that other files give
 * an error in one sentence.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { WeightsError } from "../../../../engine/index.ts";
import { BUILT_IN } from "../../../../tools/golden/case/engine-names.ts";
import { type Dump, readEngineDump } from "../../../../tools/golden/dump/dump.ts";
import { UserError } from "../../../../tools/node/user-error.ts";
import { scratchFolder } from "../../../support/paths.ts";

// NumPy 2.4.6 made these files: arrays = {"l_out-0": np.array([[.5, -1, 2], [3, 4, 5]], "<f4"),
// "top_k-0": np.array([[0, -1], [0, 1]], "<i8"), "h": np.array([1.5], "<f2")};
// np.savez(file, **arrays) and np.savez_compressed(file, **arrays), as base64.
const STORED =
  "UEsDBC0AAAAAAAAAIQC9mrUA//////////8LABQAbF9vdXQtMC5ucHkBABAAmAAAAAAAAACYAAAAAAAAAJNOVU1QWQEA" +
  "dgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAg" +
  "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAPwAAgL8AAABAAABAQAAA" +
  "gEAAAKBAUEsDBC0AAAAAAAAAIQA+Zpa+//////////8LABQAdG9wX2stMC5ucHkBABAAoAAAAAAAAACgAAAAAAAAAJNO" +
  "VU1QWQEAdgB7J2Rlc2NyJzogJzxpOCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAyKSwgfSAg" +
  "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAAAAAD/////" +
  "/////wAAAAAAAAAAAQAAAAAAAABQSwMELQAAAAAAAAAhAMMXz3X//////////wUAFABoLm5weQEAEACCAAAAAAAAAIIA" +
  "AAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEs" +
  "KSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPlBL" +
  "AQItAy0AAAAAAAAAIQC9mrUAmAAAAJgAAAALAAAAAAAAAAAAAACAAQAAAABsX291dC0wLm5weVBLAQItAy0AAAAAAAAA" +
  "IQA+Zpa+oAAAAKAAAAALAAAAAAAAAAAAAACAAdUAAAB0b3Bfay0wLm5weVBLAQItAy0AAAAAAAAAIQDDF891ggAAAIIA" +
  "AAAFAAAAAAAAAAAAAACAAbIBAABoLm5weVBLBQYAAAAAAwADAKUAAABrAgAAAAA=";
const DEFLATED =
  "UEsDBC0AAAAIAAAAIQC9mrUA//////////8LABQAbF9vdXQtMC5ucHkBABAAmAAAAAAAAABZAAAAAAAAAJvsF+obEMnI" +
  "UMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1CmQDLgYGBnsGhob9" +
  "QNoBiIC4AYgXOAAAUEsDBC0AAAAIAAAAIQA+Zpa+//////////8LABQAdG9wX2stMC5ucHkBABAAoAAAAAAAAABQAAAA" +
  "AAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CkaaOgq1" +
  "CmQDLgYo+A8FMD4jlAYAUEsDBC0AAAAIAAAAIQDDF891//////////8FABQAaC5ucHkBABAAggAAAAAAAABGAAAAAAAA" +
  "AJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqSuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GoY6mjoKtQoUAC4G" +
  "OwBQSwECLQMtAAAACAAAACEAvZq1AFkAAACYAAAACwAAAAAAAAAAAAAAgAEAAAAAbF9vdXQtMC5ucHlQSwECLQMtAAAA" +
  "CAAAACEAPmaWvlAAAACgAAAACwAAAAAAAAAAAAAAgAGWAAAAdG9wX2stMC5ucHlQSwECLQMtAAAACAAAACEAwxfPdUYA" +
  "AACCAAAABQAAAAAAAAAAAAAAgAEjAQAAaC5ucHlQSwUGAAAAAAMAAwClAAAAoAEAAAAA";
const TEXT = `# three tensors
l_out-0 [2,3] f32
.5 -1 2e0   # first row
3 4 5
top_k-0 [2,2] i64
0 -1
0 1
h [1] f16
1.5
`;

const scratch = scratchFolder();
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
function read(bytes: Uint8Array): Promise<Dump> {
  const file = join(scratch, "dump");
  writeFileSync(file, bytes);
  return readEngineDump(file, BUILT_IN, () => {});
}
const plain = (dump: Dump): unknown =>
  [...dump].map(([name, { dtype, shape, data }]) => [name, dtype, shape, [...data]]);
const WANTED = [
  ["l_out-0", "F32", [2, 3], [0.5, -1, 2, 3, 4, 5]],
  ["top_k-0", "I64", [2, 2], [0, -1, 0, 1]],
  ["h", "F16", [1], [1.5]],
];

/** A .npy file that is made by hand. */
function npy(descr: string, shape: string, data: Uint8Array, order = "False"): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
  const text = new TextEncoder().encode(header);
  return new Uint8Array([
    0x93,
    ...new TextEncoder().encode("NUMPY"),
    1,
    0,
    text.length,
    0,
    ...text,
    ...data,
  ]);
}
const eight = new Uint8Array(new Float64Array([-2.25]).buffer);

describe("one dump in each format", () => {
  const formats: [string, Uint8Array][] = [
    ["npz, stored", bytesOf(STORED)],
    ["npz, deflated", bytesOf(DEFLATED)],
    ["text", new TextEncoder().encode(TEXT)],
  ];
  it.each(formats)("%s: the tensors that were written", async (_name, bytes) => {
    expect(plain(await read(bytes))).toEqual(WANTED);
  });
  it.each(formats)(
    "%s: cut off anywhere, an error in words or fewer tensors",
    async (_name, bytes) => {
      for (let n = 0; n < bytes.length; n++) {
        const cut = await read(bytes.subarray(0, n)).catch((error: unknown) => error);
        if (cut instanceof Map) {
          // Text has no end mark, so a cut in its last number or between tensors is not noticed.
          expect(_name).toBe("text");
          for (const [name, { shape, data }] of cut) {
            expect(data.length, name).toBe(shape.reduce((a: number, b: number) => a * b, 1));
          }
        } else
          expect(cut instanceof UserError || cut instanceof WeightsError, `${n}: ${cut}`).toBe(
            true,
          );
      }
    },
  );
  it.each(formats.slice(0, 2))(
    "%s: a turned bit is an error or changes no number",
    async (_name, bytes) => {
      for (let i = 0; i < bytes.length; i++) {
        const turned = Uint8Array.from(bytes, (byte, j) => (i === j ? byte ^ 0x10 : byte));
        const got = await read(turned).catch((error: unknown) => error);
        if (got instanceof Map) {
          const numbers = [...(got as Dump).values()].map(({ data }) => [...data]);
          expect(numbers, `byte ${i}`).toEqual(
            WANTED.map(([, , , data]) => data).slice(0, numbers.length),
          );
        } else
          expect(got instanceof UserError || got instanceof WeightsError, `${i}: ${got}`).toBe(
            true,
          );
      }
    },
  );
});

it("a folder of .npy files, and one .npy file, are read under their files' names", async () => {
  const folder = join(scratch, "arrays");
  mkdirSync(folder);
  writeFileSync(join(folder, "logits.npy"), npy("<f8", "(1, 1)", eight));
  const wanted = [["logits", "F64", [1, 1], [-2.25]]];
  const inFolder = await readEngineDump(folder, BUILT_IN, () => {});
  const alone = await readEngineDump(join(folder, "logits.npy"), BUILT_IN, () => {});
  expect(plain(inFolder)).toEqual(wanted);
  expect(plain(alone)).toEqual(wanted);
});

describe("what is refused, and how", () => {
  const wrongCrc = bytesOf(STORED);
  wrongCrc[wrongCrc.indexOf(0x3f, 128)] ^= 1; // the first number's top byte
  const refused: [string, Uint8Array, RegExp][] = [
    ["Fortran order", npy("<f8", "(1, 1)", eight, "True"), /expected C order, got Fortran order/],
    ["big-endian", npy(">f8", "(1,)", eight), /expected <f2, <f4, <f8, <i4 or <i8, got >f8/],
    ["complex", npy("<c8", "(1,)", eight), /got <c8/],
    ["a size that is not the shape's", npy("<f8", "(2,)", eight), /expected \d+ bytes, got \d+/],
    [
      "a wrong checksum",
      wrongCrc,
      /l_out-0\.npy: expected \d+ bytes with CRC \d+, got other bytes/,
    ],
    ["text: a word", new TextEncoder().encode("a [1] f32\nx"), /line 2: expected a number, got x/],
    ["text: too few", new TextEncoder().encode("a [2] f32\n1"), /a: expected 2 numbers, got 1/],
  ];
  it.each(refused)("%s", async (_name, bytes, sentence) => {
    await expect(read(bytes)).rejects.toThrow(sentence);
  });
});
