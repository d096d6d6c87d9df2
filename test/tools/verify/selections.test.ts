/** Tests what selections show, from bytes as servers write them, also cut and of another shape. */
import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { SELECTIONS } from "../../../tools/verify/selections.ts";
import { toldRows } from "../../../tools/verify/told-numbers.ts";
import { faultsOf, REFERENCE, verified } from "./faulty-server.ts";

const N_TOKENS = 96;
const N_LAYERS = 4;
const TOPK = 64;
const N_ACTIVE = 6;

type Choose = (token: number, layer: number, k: number) => number;

function numbers(width: number, choose: Choose): Int32Array {
  return Int32Array.from({ length: N_TOKENS * N_LAYERS * width }, (_, i) =>
    choose(Math.floor(i / width / N_LAYERS), Math.floor(i / width) % N_LAYERS, i % width),
  );
}

/** Layers 0 and 2 choose, 1 and 3 take over; a token chooses all rows while there are at most 64. */
const rightRow: Choose = (token, layer, k) => {
  if (token < TOPK) return k <= token ? k : -1;
  return (k + (layer < 2 ? 0 : 7)) % (token + 1);
};

/** Layer 0 has no experts. */
const rightExpert: Choose = (token, layer, k) => (layer === 0 ? 0 : (token + 3 * k) % 22);

/** NumPy's format, with numbers of another order where that is asked for. */
function npy(data: Int32Array, width: number, descr = "<i4"): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${N_TOKENS}, ${N_LAYERS}, ${width}), }`;
  const header = `${text.padEnd(128 - 10 - 1)}\n`;
  const head = Buffer.from(
    `\x93NUMPY\x01\x00${String.fromCharCode(header.length, 0)}${header}`,
    "latin1",
  );
  return Buffer.concat([head, Buffer.from(data.buffer)]);
}

const base64 = (bytes: Uint8Array | Int32Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

/** Verifies a server that tells these choices. */
function told(row: Choose, expert: Choose = rightExpert, isNpy = false) {
  const written = (width: number, choose: Choose) => {
    const data = numbers(width, choose);
    return base64(isNpy ? npy(data, width) : data);
  };
  const meta = { indexer_topk: written(TOPK, row), routed_experts: written(N_ACTIVE, expert) };
  const choice = isNpy ? meta : { meta_info: meta };
  return verified({}, [SELECTIONS], {
    model: "m",
    send: async () => Response.json({ choices: [choice] }),
  });
}

describe("selections", () => {
  it.each([false, true])("of a right server pass; as one of NumPy's files: %s", async (isNpy) => {
    const { verdict, gates } = await told(rightRow, rightExpert, isNpy);
    expect([verdict, faultsOf(await told(rightRow))]).toEqual(["pass", []]);
    expect(gates[0].checks[1].evidence).toBe("layers 0, 2 choose, the others take over");
  });

  it.each<[string, Choose, RegExp]>([
    [
      "half of the rows",
      (t, l, k) => (k < 32 ? rightRow(t, l, k) : -1),
      /fewer rows are chosen than index_topk/,
    ],
    [
      "a row of the future",
      (t, l, k) => (t === 70 && k === 0 ? 71 : rightRow(t, l, k)),
      /come after it/,
    ],
    ["a row twice", (t, l, k) => rightRow(t, l, t > 70 && k === 1 ? 0 : k), /chosen twice/],
    ["addresses of a cache", (t, l, k) => rightRow(t, l, k) - 900, /no positions/],
    [
      "each layer for itself (G05)",
      (t, l, k) => (t < TOPK ? rightRow(t, l, k) : (k + 3 * l) % (t + 1)),
      /chooses rows of its own/,
    ],
    [
      "one selection for all (G04)",
      (t, _, k) => rightRow(t, 0, k),
      /takes the selection of another/,
    ],
  ])("with %s", async (_, row, sentence) => {
    expect(faultsOf(await told(row)).join()).toMatch(sentence);
  });

  it.each<[string, Choose, string]>([
    [
      "an expert that is not there",
      (t, l, k) => (t === 3 && l === 1 && k === 0 ? 22 : rightExpert(t, l, k)),
      "there is no such expert",
    ],
    ["an expert twice", (t, l) => rightExpert(t, l, 0), "an expert is chosen twice"],
  ])("with %s", async (_, expert, fault) => {
    expect(faultsOf(await told(rightRow, expert))).toEqual([fault]);
  });

  it("with another index_topk name it", async () => {
    const wide = Int32Array.from({ length: N_TOKENS * N_LAYERS * 128 }, (_, i) => {
      const token = Math.floor(i / 128 / N_LAYERS);
      return i % 128 <= token ? i % 128 : -1;
    });
    const outcome = await verified({}, [SELECTIONS], {
      model: "m",
      send: async () => Response.json({ choices: [{ sgl_ext: { indexer_topk: base64(wide) } }] }),
    });
    expect(faultsOf(outcome)).toEqual(["the server chooses 128 rows, index_topk is 64"]);
  });

  it("that a server does not tell are not known", async () => {
    const outcome = await verified({}, [SELECTIONS], {
      model: "m",
      send: async () => Response.json({ choices: [{ text: "" }] }),
    });
    expect([outcome.verdict, faultsOf(outcome)]).toEqual(["unknown", []]);
    const reference = { ...REFERENCE, shape: undefined };
    expect((await verified({}, [SELECTIONS], { reference })).verdict).toBe("unknown");
  });
});

describe("told numbers", () => {
  const data = numbers(TOPK, rightRow);
  it.each<[string, unknown, RegExp]>([
    ["cut", base64(data).slice(0, 400), /expected int32 of \[96, layers, 64\]/],
    ["big-endian", base64(npy(data, TOPK, ">i4")), /expected .*<i4/],
    ["of another shape", base64(npy(data, N_ACTIVE)), /cut off|bytes|shape/],
    ["lists", [[1]], /form that is not known/],
  ])("%s are refused in words", (_, value, sentence) => {
    expect(toldRows(value, TOPK, N_TOKENS)).toMatch(sentence);
  });
});
