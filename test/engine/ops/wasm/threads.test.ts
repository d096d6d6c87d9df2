/** Tests of the threads of the wasm backend. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { AdaptiveCount } from "../../../../engine/ops/wasm/adaptive-count.ts";
import { WasmThreadError, wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { type Machine, startMachine } from "../../../../engine/ops/wasm/machine.ts";
import { share, type Threads } from "../../../../engine/ops/wasm/team.ts";
import { openCase, readCase } from "../../../../tools/golden/case/case.ts";
import { nodeThreads } from "../../../../tools/node/threads.ts";
import { firstOtherBits } from "../../../support/compare.ts";
import { runAll } from "../../../support/run.ts";
import { kernelBytes } from "./wasm.ts";

const MEMORY_BYTES = 2 ** 26;

/** Threads that share even the smallest piece of work, always all of them. */
function eager(count: number, others: Partial<Threads> = {}): Threads {
  return { ...nodeThreads(count), shareFrom: 0, isAdaptive: false, ...others };
}

function machineWith(threads: Threads): Promise<Machine> {
  return startMachine(kernelBytes(), { memoryBytes: MEMORY_BYTES, threads });
}

describe("share", () => {
  it("cuts any number of things into neighbouring parts, between units", () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 1, max: 9 }),
        (n, unit, parts) => {
          const cuts = Array.from({ length: parts }, (_, part) => share(n, unit, part, parts));
          expect(cuts[0][0]).toBe(0);
          expect(cuts[parts - 1][1]).toBe(n);
          for (let p = 1; p < parts; p++) expect(cuts[p][0]).toBe(cuts[p - 1][1]);
          for (const [from] of cuts) expect(from === n || from % unit === 0).toBe(true);
          const sizes = cuts.map(([from, to]) => Math.ceil((to - from) / unit));
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe.each([
  ["tiny-all", 1],
  ["fp8-blocks", 1],
  ["groups2-bias", 1],
  ["long-520", 9],
])("the bits of the whole model, %s", (name, few) => {
  it(`are those of one thread with 2, 3 and 4, in chunks of ${few} and 64 tokens`, async () => {
    const run = async (chunk: number, threads?: Threads) => {
      const dir = join(import.meta.dirname, "../../../../golden/cases", name);
      const info = await readCase(dir);
      const ops = await wasmOps(kernelBytes(), {
        memoryBytes: MEMORY_BYTES,
        ...(threads && { threads }),
      });
      const model = await openCase(dir, info, ops);
      const { mtpSteps } = info;
      const tokens = info.tokens.slice(0, 80);
      const all = runAll(model, tokens, { chunk, ...(mtpSteps && { mtpSteps }) });
      await ops.close();
      return all;
    };
    const want = await run(64);
    for (const [count, chunk] of [
      [2, 64],
      [3, 64],
      [4, 64],
      [3, few],
    ]) {
      expect(firstOtherBits(await run(chunk, eager(count)), want)).toBeUndefined();
    }
  });
});

describe("a team", () => {
  it("has each part done by another thread, and all of it before it goes on", async () => {
    const { team, arena } = await machineWith(eager(4));
    const floats = arena.floats(arena.stay(256), 64);
    for (let round = 1; round <= 300; round++) {
      const parts: number[] = [];
      team.run(1, (kernels, part, n) => {
        parts.push(part);
        expect(n).toBe(4);
        const mine = floats.byteOffset + 64 * part;
        arena.floats(mine, 1)[0] = round;
        kernels.add(mine + 4, mine, mine, 1);
      });
      expect(parts).toEqual([1, 2, 3, 0]);
      for (let part = 0; part < 4; part++) expect(floats[16 * part + 1]).toBe(2 * round);
    }
    await team.close();
  });
});

describe("the number of threads that is used", () => {
  /** A team whose last thread is late between two times: it makes the others wait five times their work. */
  function played(most: number, { from, until }: { from: number; until: number }): number[][] {
    const adaptive = new AdaptiveCount(most);
    const seen: number[][] = [];
    for (let now = 0; now < 20_000; ) {
      const count = adaptive.at(now);
      seen.push([now, count]);
      const isLate = count === most && now >= from && now < until;
      const [worked, waited] = count === 1 ? [1, 0] : [1, isLate ? 5 : 0.2];
      now += worked + waited;
      if (count > 1) adaptive.took(worked, waited, now);
    }
    return seen;
  }
  /** The share of the moments of a span at which so many threads are used. */
  const share = (seen: number[][], from: number, until: number, count: number) => {
    const span = seen.filter(([now]) => now >= from && now < until);
    return span.filter(([, used]) => used === count).length / span.length;
  };

  it.each([2, 3, 8])("of %i is all while all are on time", (most) => {
    const seen = played(most, { from: 0, until: 0 });
    expect(share(seen, 0, 20_000, most)).toBe(1);
  });

  it.each([2, 3, 8])(
    "of %i leaves the late one out soon, and takes it back when it is on time",
    (most) => {
      const seen = played(most, { from: 1000, until: 10_000 });
      expect(share(seen, 0, 1000, most)).toBe(1);
      expect(share(seen, 1050, 10_000, most - 1)).toBeGreaterThan(0.95);
      expect(share(seen, 14_000, 20_000, most)).toBe(1);
    },
  );

  it("does not change for one late moment among many", () => {
    const adaptive = new AdaptiveCount(2);
    for (let now = 0; now < 1000; now += 10) adaptive.took(now % 100 === 0 ? 1 : 9, 4, now);
    expect(adaptive.at(1000)).toBe(2);
  });

  it("may change between two works of a team, whose results are the same", async () => {
    const { team, arena } = await machineWith(eager(3, { isAdaptive: true }));
    const floats = arena.floats(arena.stay(64), 16);
    const used = new Set<number>();
    let time = 0;
    // Each look at the clock takes longer than the one before, so that the wait seems longer than the work.
    const now = vi.spyOn(performance, "now").mockImplementation(() => {
      time += 20 + (time % 7 === 0 ? 1 : 0);
      return time;
    });
    try {
      for (let round = 1; round <= 200; round++) {
        floats.fill(round);
        team.run(1, (kernels, part, n) => {
          used.add(n);
          for (let i = part; i < 4; i += n) {
            const at = floats.byteOffset + 16 * i;
            kernels.add(at, at, at, 4);
          }
        });
        expect([...floats]).toEqual(new Array(16).fill(2 * round));
      }
    } finally {
      now.mockRestore();
      await team.close();
    }
    expect(used).toContain(2);
  });
});

describe("a thread in trouble", () => {
  const BEYOND = MEMORY_BYTES - 4;
  const DEAF = { ended: () => Promise.resolve(), terminate: () => {} };

  it("that traps is an error that names it and its kernel, and the last one", async () => {
    const { team } = await machineWith(eager(3));
    const trap = () =>
      team.run(1, (kernels, part) => {
        if (part === 2) kernels.add(BEYOND, BEYOND, BEYOND, 64);
      });
    expect(trap).toThrow(new WasmThreadError("wasm threads", "thread 2 of 3 failed in kernel add"));
    expect(() => team.run(1, () => {})).toThrow(WasmThreadError);
  });

  it("that never answers is an error, not a hang", async () => {
    const silent = eager(2, { start: async () => DEAF, patienceMs: 50 });
    const { team } = await machineWith(silent);
    expect(() => team.run(1, () => {})).toThrow(/no answer for \d+ ms/);
  });

  it("that is slow is waited for, even when the clock says that hours have passed", async () => {
    const { team, arena } = await machineWith(eager(2));
    const n = 2 ** 20;
    const y = arena.stay(4 * n);
    let time = 0;
    const now = vi.spyOn(performance, "now").mockImplementation(() => {
      time += 3_600_000; // as after a suspension, or when somebody sets the clock
      return time;
    });
    try {
      team.run(1, (kernels, part) => {
        for (let i = 0; part === 1 && i < 100; i++) kernels.add(y, y, y, n);
      });
      expect(now.mock.calls.length).toBeGreaterThan(3); // it did have to wait
    } finally {
      now.mockRestore();
      await team.close();
    }
  });

  it("that cannot start is told when the ops are made", async () => {
    const broken = eager(2, { start: () => Promise.reject(new Error("no threads here")) });
    await expect(wasmOps(kernelBytes(), { threads: broken })).rejects.toThrow("no threads here");
  });

  it("does not hide the error of this thread, and the others go on after it", async () => {
    const { team, arena } = await machineWith(eager(2));
    const mark = arena.mark();
    const fail = () =>
      team.run(1, (_kernels, part) => {
        if (part === 0) throw new RangeError("mine");
      });
    expect(fail).toThrow("mine");
    expect(arena.mark()).toBe(mark);
    const y = arena.stay(64);
    team.run(1, (kernels, part) => kernels.add(y + 32 * part, y, y, 4));
    await team.close();
    expect(() => team.run(1, () => {})).toThrow("closed");
  });
});
