/** Tests that texts in a crowd are those that each is alone, whatever happens around them. */
import { describe, expect, it } from "vitest";
import type { Job, JobEvent, JobId } from "../../../engine/batch/job.ts";
import { Scheduler } from "../../../engine/batch/scheduler.ts";
import { type Constraint, ConstraintError } from "../../../engine/generate/constraint.ts";
import { seededRandom } from "../../../engine/generate/random.ts";
import { newPagePool } from "../../../engine/kv/model-cache.ts";
import { PagePool } from "../../../engine/kv/page-pool.ts";
import type { Model } from "../../../engine/model/model.ts";
import type { Ops } from "../../../engine/ops/ops.ts";
import { ParityConstraint } from "../../support/parity-constraint.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { REFERENCES } from "../ops/backends.ts";
import { fastOps } from "../ops/wasm/wasm.ts";
import { alone, Listener, type Told } from "./alone.ts";

const MAX_CONTEXT = 60;

/** A pool with so many pages of so many rows. */
function poolOf({ ops, config }: Model, pageRows: number, maxPages: number): PagePool {
  const { layout } = newPagePool(ops, config, { pageRows });
  return new PagePool(ops.rowMemory(), layout, { maxPages });
}

/** Jobs of every kind; some begin alike. */
function jobsOf(n: number, seed: number): Job[] {
  const random = seededRandom(seed);
  const pick = <X>(...values: X[]): X => values[Math.floor(random() * values.length)];
  const beginnings = [1, 2, 3].map((k) => randomTokens(24, 32, k));
  return Array.from({ length: n }, (_, i) => {
    const own = randomTokens(1 + Math.floor(random() * 20), 32, seed * 100 + i);
    const begin = random() < 0.6 ? pick(...beginnings).slice(0, pick(8, 16, 24)) : [];
    return {
      ids: [...begin, ...own],
      maxTokens: pick(0, 1, 5, 12, 40),
      sampling: pick<Job["sampling"] & object>(
        {},
        { temperature: 1 },
        { temperature: 0.8, topP: 0.9, frequencyPenalty: 0.2 },
      ),
      seed: i,
      stopIds: pick([], [5, 6, 7]),
      minTokens: pick(0, 3),
      topLogProbs: pick(0, 2),
      promptLogProbs: random() < 0.2,
      n: pick(1, 1, 1, 3),
      draftSteps: pick(0, 0, 2),
      ...(random() < 0.3 && { constraint: new ParityConstraint(32) }),
    };
  });
}

/** Forks the constraint, which a scheduler closes. */
const copyOf = (job: Job): Job =>
  job.constraint ? { ...job, constraint: job.constraint.fork() } : job;

/** Runs jobs that arrive, pause and are given up at random, in steps of random sizes. */
function crowd(model: Model, pool: PagePool, jobs: readonly Job[], seed: number) {
  const random = seededRandom(seed);
  const scheduler = new Scheduler(model, pool, { maxContext: MAX_CONTEXT });
  const listener = new Listener();
  const ids = new Map<JobId, number>();
  const given = new Set<JobId>();
  const paused = new Set<JobId>();
  let next = 0;
  for (let step = 0; step < 3000; step++) {
    if (next < jobs.length && random() < 0.4) ids.set(scheduler.submit(copyOf(jobs[next])), next++);
    const open = [...ids.keys()].filter((id) => !given.has(id));
    const some = open[Math.floor(random() * open.length)];
    if (some !== undefined && random() < 0.02) {
      scheduler.cancel(some);
      given.add(some);
    }
    if (some !== undefined && random() < 0.1) {
      if (paused.delete(some)) scheduler.resume(some);
      else {
        scheduler.pause(some);
        paused.add(some);
      }
    }
    scheduler.size = {
      maxRows: 1 + Math.floor(random() * 6),
      stepRows: 1 + Math.floor(random() * 20),
    };
    const { events, nRows } = scheduler.step();
    listener.hear(events);
    for (const { job } of events)
      if (given.has(job)) throw new Error("a job that was given up speaks");
    if (nRows > 0 || next < jobs.length) continue;
    for (const id of paused) scheduler.resume(id);
    if (paused.size === 0) break;
    paused.clear();
  }
  return { scheduler, listener, ids, given };
}

const backends: [string, Ops][] = [
  ["reference", REFERENCES[0].ops],
  ["wasm", await fastOps()],
];

describe.each(backends)("jobs in a crowd (%s)", (_, ops) => {
  const model = tinyModel({}, ops);
  const jobs = jobsOf(24, 7);
  const want: Promise<Told[]> = (async () => {
    const told: Told[] = [];
    for (const job of jobs) told.push(await alone(model, job, MAX_CONTEXT));
    return told;
  })();

  it.each([
    [4, 400, "many pages"],
    [4, 34, "few pages, so that lines are put back"],
    [8, 18, "few pages of other sizes"],
  ])("are what each is alone: pages of %i rows, %i of them: %s", async (pageRows, maxPages) => {
    const expected = await want;
    let [preemptions, hits] = [0, 0];
    for (const seed of [1, 2, 3]) {
      const pool = poolOf(model, pageRows, maxPages);
      const { scheduler, listener, ids, given } = crowd(model, pool, jobs, seed);
      expect([...listener.errors]).toEqual([]);
      expect(ids.size).toBe(jobs.length);
      for (const [id, number] of ids) {
        if (given.has(id)) continue;
        expect([number, listener.told.get(id)]).toEqual([number, expected[number]]);
      }
      const { load } = scheduler;
      expect([load.running, load.waiting, load.pages]).toEqual([0, 0, 0]);
      expect(pool.nLive).toBe(load.keptPages);
      preemptions += load.preemptions;
      hits += load.prefixHits;
      scheduler.close();
      expect(pool.nLive).toBe(0);
    }
    expect(preemptions > 0).toBe(maxPages < 100);
    expect(hits).toBeGreaterThan(0);
  });

  it("are something else with an op that mixes two of them", async () => {
    const mixing: Ops = {
      ...ops,
      add: (a, b) => {
        const sum = ops.add(a, b);
        if (sum.shape[0] > 1) sum.data[0] += sum.data[sum.data.length - 1] * 2 ** -12;
        return sum;
      },
    };
    const expected = await want;
    const { listener, ids } = crowd({ ...model, ops: mixing }, poolOf(model, 4, 400), jobs, 1);
    const got = [...ids].map(([id, number]) => [number, listener.told.get(id)]);
    expect(got).not.toEqual([...ids.values()].map((number) => [number, expected[number]]));
  });
});

describe("a scheduler", () => {
  const model = tinyModel({}, REFERENCES[0].ops);
  const newScheduler = (maxPages = 400) =>
    new Scheduler(model, poolOf(model, 4, maxPages), { maxContext: MAX_CONTEXT });
  const prompt = randomTokens(21, 32, 3);

  /** Runs until nothing is left. @returns for each step, its events */
  function runAll(scheduler: Scheduler): JobEvent[][] {
    const steps: JobEvent[][] = [];
    for (;;) {
      const { events, nRows } = scheduler.step();
      if (nRows === 0 && events.length === 0) return steps;
      steps.push([...events]);
    }
  }

  it("gives the same reports for the same calls", () => {
    const run = () => {
      const scheduler = newScheduler(30);
      for (const job of jobsOf(12, 3)) scheduler.submit(job);
      return runAll(scheduler);
    };
    expect(run()).toEqual(run());
  });

  it("gives every running text a row within ⌈running / maxRows⌉ steps, beside long prompts too", () => {
    const scheduler = newScheduler();
    scheduler.size = { maxRows: 3, stepRows: 8 };
    const n = 10;
    for (let i = 0; i < n; i++) scheduler.submit({ ids: [1 + i], maxTokens: 25, seed: i });
    for (let i = 0; i < 3; i++) scheduler.submit({ ids: randomTokens(50, 32, i), maxTokens: 1 });
    const steps = runAll(scheduler);
    for (let job = 0; job < n; job++) {
      const at = steps.flatMap((events, step) =>
        events.some((event) => event.type === "token" && event.job === job) ? [step] : [],
      );
      expect(at).toHaveLength(25);
      const waits = at.slice(1).map((step, i) => step - at[i]);
      expect(Math.max(...waits)).toBeLessThanOrEqual(Math.ceil(n / 3));
    }
  });

  it("uses the pages of texts that ended, of running ones, and waits for one that is being read", () => {
    const scheduler = newScheduler();
    scheduler.size = { maxRows: 8, stepRows: 6 };
    const listener = new Listener();
    const first = scheduler.submit({ ids: prompt, maxTokens: 3 });
    const second = scheduler.submit({ ids: [...prompt, 4], maxTokens: 3 });
    const other = scheduler.submit({ ids: [31, ...prompt], maxTokens: 3 });
    const steps = runAll(scheduler);
    for (const events of steps) listener.hear(events);
    const third = scheduler.submit({ ids: [...prompt, 5, 6], maxTokens: 3 });
    const scored = scheduler.submit({ ids: prompt, maxTokens: 0, promptLogProbs: true });
    for (const events of runAll(scheduler)) listener.hear(events);
    const cached = [first, second, other, third, scored].map((id) => listener.cached.get(id));
    expect(cached).toEqual([0, 20, 0, 20, 0]);
    const { prefixQueries, prefixHits } = scheduler.load;
    expect([prefixQueries, prefixHits]).toEqual([21 + 22 + 22 + 23 + 21, 40]);
  });

  it("keeps one of the pages that hold the same tokens", () => {
    const scheduler = newScheduler();
    const short = { ids: [1, 2, 3], maxTokens: 6 }; // too short to find the page that its reply fills
    for (let i = 0; i < 5; i++) {
      scheduler.submit(short);
      if (i > 2) scheduler.submit(short);
      runAll(scheduler);
    }
    expect(scheduler.load).toMatchObject({ pages: 0, keptPages: 2 });
  });

  it("drops what was kept, the text that was used last at the end, when pages are short", () => {
    const scheduler = newScheduler(12);
    const texts = [1, 2, 3].map((seed) => randomTokens(17, 32, seed));
    const cachedOf = (ids: number[]) => {
      const listener = new Listener();
      const id = scheduler.submit({ ids, maxTokens: 1 });
      for (const events of runAll(scheduler)) listener.hear(events);
      return listener.cached.get(id);
    };
    expect(texts.slice(0, 2).map(cachedOf)).toEqual([0, 0]);
    expect(cachedOf(texts[0])).toBe(16);
    expect(cachedOf(texts[2])).toBe(0);
    expect(cachedOf(texts[0])).toBe(16);
    expect(cachedOf(texts[1])).toBeLessThan(16);
  });

  it("lets a text that is too large for the pages end, and refuses a prompt that is", () => {
    const scheduler = newScheduler(4);
    expect(() => scheduler.submit({ ids: prompt, maxTokens: 1 })).toThrow(
      "memory for 16 positions",
    );
    const id = scheduler.submit({ ids: [1, 2], maxTokens: 50, n: 1 });
    const listener = new Listener();
    for (const events of runAll(scheduler)) listener.hear(events);
    expect(listener.told.get(id)?.choices[0].reason).toBe("context");
    expect(listener.told.get(id)?.choices[0].tokens).toHaveLength(15); // the last of them was not run
  });

  it("fails a job whose constraint allows nothing, and no other", () => {
    const scheduler = newScheduler();
    const dead: Constraint = {
      allowed: () => {
        throw new ConstraintError("grammar", "nothing may come");
      },
      accept: () => {},
      undo: () => {},
      fork: () => dead,
      close: () => {},
    };
    const bad = scheduler.submit({ ids: [1, 2], maxTokens: 5, n: 2, constraint: dead });
    const good = scheduler.submit({ ids: [3], maxTokens: 5 });
    const listener = new Listener();
    for (const events of runAll(scheduler)) listener.hear(events);
    expect(String(listener.errors.get(bad))).toContain("nothing may come");
    expect(listener.told.get(good)?.choices[0].reason).toBe("length");
    expect(scheduler.load).toMatchObject({ running: 0, waiting: 0, pages: 0 });
  });

  it("fails a text that the model cannot run, and no other", () => {
    const failing: Ops = {
      ...model.ops,
      embed: (tokens, table) => {
        if (tokens.includes(13)) throw new RangeError("thirteen");
        return model.ops.embed(tokens, table);
      },
    };
    const scheduler = new Scheduler({ ...model, ops: failing }, poolOf(model, 4, 400), {
      maxContext: MAX_CONTEXT,
    });
    const ids = [[1, 2], [3, 13], [4]].map((text) => scheduler.submit({ ids: text, maxTokens: 1 }));
    const listener = new Listener();
    for (const events of runAll(scheduler)) listener.hear(events);
    expect([...listener.errors.keys()]).toEqual([ids[1]]);
    expect(listener.told.get(ids[2])?.choices[0].reason).toBe("length");
  });

  it("closes every constraint, also of jobs that are given up", () => {
    const before = ParityConstraint.nOpen;
    const scheduler = newScheduler();
    const job = { ids: [1, 2], maxTokens: 5, n: 3 };
    const ids = [1, 2, 3].map(() =>
      scheduler.submit({ ...job, constraint: new ParityConstraint(32) }),
    );
    scheduler.cancel(ids[0]);
    scheduler.step();
    scheduler.cancel(ids[1]);
    scheduler.end(ids[2], 1);
    runAll(scheduler);
    expect(ParityConstraint.nOpen).toBe(before);
    scheduler.close();
  });

  it("refuses options out of range", () => {
    const scheduler = newScheduler();
    const job = { ids: [1], maxTokens: 1 };
    expect(() => scheduler.submit({ ...job, ids: [] })).toThrow("one token at least");
    expect(() => scheduler.submit({ ...job, ids: [32] })).toThrow("expected an id of 0 … 31");
    expect(() => scheduler.submit({ ...job, n: 0 })).toThrow("n: expected");
    expect(() => scheduler.submit({ ...job, sampling: { topP: 2 } })).toThrow("topP");
  });
});
