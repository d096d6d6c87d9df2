/** Tests that what is told of the rows of a text in a crowd is what its layers choose when it is alone. */
import { describe, expect, it } from "vitest";
import { newTap, noTap, type Taps } from "../../../engine/base/tap.ts";
import type { Job, JobEvent } from "../../../engine/batch/job.ts";
import { traceShape } from "../../../engine/batch/row-trace.ts";
import { Scheduler } from "../../../engine/batch/scheduler.ts";
import { Session } from "../../../engine/generate/session.ts";
import { newPagePool } from "../../../engine/kv/model-cache.ts";
import { PagePool } from "../../../engine/kv/page-pool.ts";
import type { Model } from "../../../engine/model/model.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { REFERENCES } from "../ops/backends.ts";
import { fastOps } from "../ops/wasm/wasm.ts";

/** What each layer chose for each row: `[row][layer]`, each as a text. */
type Choices = { readonly experts: string[][]; readonly rows: string[][] };

/** Runs a text alone, and looks on. */
function alone(model: Model, tokens: readonly number[]): Choices {
  const { sparseLayers, fullLayers, indexTopk } = traceShape(model.config);
  const seen = new Map<string, Int32Array>();
  const taps: Taps = {
    model: noTap,
    layer: (index) =>
      newTap((stage, { data }) => seen.set(`${stage}-${index}`, data.slice() as Int32Array)),
  };
  const session = new Session(model, { maxContext: 60, taps });
  session.append(tokens);
  session.close();
  const rowsOf = (stage: string, layers: readonly number[], least: number) =>
    tokens.map((_, row) =>
      layers.map((layer) => {
        const data = seen.get(`${stage}-${layer}`) ?? new Int32Array();
        const width = data.length / tokens.length;
        const padding = new Array(Math.max(0, least - width)).fill(-1);
        return [...data.subarray(row * width, (row + 1) * width), ...padding].join();
      }),
    );
  return {
    experts: rowsOf("ffn_moe_topk", sparseLayers, 0),
    rows: rowsOf("top_k", fullLayers, indexTopk),
  };
}

/** Puts together what a scheduler tells of one choice; what is told later counts. */
function told(
  model: Model,
  events: readonly JobEvent[],
  job: number,
  choice: number,
  nPrompt: number,
): Choices {
  const { sparseLayers, fullLayers, nActive, indexTopk } = traceShape(model.config);
  const choices: Choices = { experts: [], rows: [] };
  for (const event of events) {
    if (event.type !== "trace" || event.job !== job) continue;
    const { start, rows } = event;
    for (let i = 0; i < rows.nRows; i++) {
      if (event.choice !== choice && !(event.choice === 0 && start + i < nPrompt)) continue;
      const cut = (all: ArrayLike<number> | undefined, nLayers: number, n: number) =>
        Array.from({ length: all ? nLayers : 0 }, (_, layer) =>
          Array.from(all ?? [])
            .slice((i * nLayers + layer) * n, (i * nLayers + layer + 1) * n)
            .join(),
        );
      choices.experts[start + i] = cut(rows.experts, sparseLayers.length, nActive);
      choices.rows[start + i] = cut(rows.selections, fullLayers.length, indexTopk);
    }
  }
  return choices;
}

function run(model: Model, maxPages: number, jobs: readonly Job[]) {
  const { layout } = newPagePool(model.ops, model.config, { pageRows: 4 });
  const pool = new PagePool(model.ops.rowMemory(), layout, { maxPages });
  const scheduler = new Scheduler(model, pool, { maxContext: 60, stepRows: 9 });
  for (const job of jobs) scheduler.submit(job);
  const events: JobEvent[] = [];
  for (;;) {
    const report = scheduler.step();
    events.push(...report.events);
    if (report.nRows === 0 && report.events.length === 0) break;
  }
  const { preemptions } = scheduler.load;
  scheduler.close();
  return { events, preemptions };
}

const backends: [string, Model][] = [
  ["reference", tinyModel({}, REFERENCES[0].ops)],
  ["wasm", tinyModel({}, await fastOps())],
];

describe.each(backends)("what the layers chose (%s)", (_, model) => {
  const begin = randomTokens(12, 32, 9);
  const wish = { experts: true, selections: true };
  const jobs: Job[] = [
    { ids: begin, maxTokens: 6 },
    { ids: [...begin, 4, 7], maxTokens: 20, trace: wish, n: 2, sampling: { temperature: 1 } },
    { ids: [...begin, 4], maxTokens: 20, trace: { experts: true }, seed: 3 },
    { ids: [...begin, 6, 5], maxTokens: 15, trace: wish, draftSteps: 2 },
    { ids: [...begin, 8], maxTokens: 9 },
    { ids: [9], maxTokens: 0, trace: { selections: true } },
  ];

  it.each([
    [400, false],
    [17, true],
  ])("is told for the rows of those that asked, with %i pages", (maxPages, isTight) => {
    const { events, preemptions } = run(model, maxPages, jobs);
    expect(preemptions > 0).toBe(isTight);
    const asked = new Set(events.flatMap((event) => (event.type === "trace" ? [event.job] : [])));
    expect([...asked].sort()).toEqual([1, 2, 3, 5]);
    for (const [job, choice] of [
      [1, 0],
      [1, 1],
      [2, 0],
      [3, 0],
      [5, 0],
    ]) {
      const { ids, trace } = jobs[job];
      const chosen = events.flatMap((event) =>
        event.type === "token" && event.job === job && event.choice === choice
          ? [event.token.id]
          : [],
      );
      const text = [...ids, ...chosen].slice(0, Math.max(1, ids.length + chosen.length - 1));
      const want = alone(model, text);
      const got = told(model, events, job, choice, ids.length);
      const cut = (rows: string[][]) => rows.slice(0, text.length);
      expect(cut(got.experts)).toEqual(trace?.experts ? want.experts : text.map(() => []));
      expect(cut(got.rows)).toEqual(trace?.selections ? want.rows : text.map(() => []));
    }
  });

  it("is another thing for another text", () => {
    const [a, b] = [1, 2].map((id) => alone(model, [...begin, id, id]));
    expect(a.experts.slice(0, 12)).toEqual(b.experts.slice(0, 12));
    expect([a.experts[12], a.rows[13]]).not.toEqual([b.experts[12], b.rows[13]]);
  });

  it("comes before the token that it leads to", () => {
    const { events } = run(model, 400, jobs.slice(2, 3));
    let [nRows, nTokens] = [0, 0];
    for (const event of events) {
      if (event.type === "trace") nRows = event.start + event.rows.nRows;
      if (event.type === "token") expect(nRows).toBe(13 + nTokens++);
    }
    expect(nTokens).toBe(20);
  });
});
