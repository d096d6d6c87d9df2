/**
 * Every case of the oracle against this engine, as the table of docs/sweep.md.
 *
 * A case is run twice. The float64 run shows how far the logits are from those of HF transformers in
 * float64, and whether all selections are equal. The float32 run shows whether every op is within its
 * bound of the f64 op on the same inputs, how large the error of the whole run is beside the error of
 * HF's own float32 run, and whether rounding explains every selection that differs.
 * @module
 */
import { join } from "node:path";
import { checkedOps, f32ReferenceBounds, type Ops, referenceOps } from "../../../engine/index.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { openCase, readCase, readDump } from "../case/case.ts";
import { routerBias } from "../case/router-bias.ts";
import { compareRun, type RunReport } from "./compare-run.ts";

/** What one case showed. */
export interface CaseResult {
  readonly name: string;
  readonly nTokens: number;
  readonly f64: RunReport;
  readonly f32: RunReport;
  /** Largest error of any f32 op, as a share of its bound. At most 1, or the run would have stopped. */
  readonly opErrorOverBound: number;
  /** Worst stage: rms error of our f32 over that of HF's f32, both against float64. */
  readonly errorOverHf: number;
}

/** Largest difference in float64 that still counts as equal, as a share of the largest logit. */
export const F64_LIMIT = 1e-9;

/** Our f32 error may be this much larger than HF's, stage by stage (rms). */
export const F32_RATIO_LIMIT = 1.5;

/** Numbers a stage must have before the ratio of two rms errors says anything. */
const MIN_SAMPLE = 64;

/** Runs one case in both precisions. */
export async function runCase(dir: string): Promise<CaseResult> {
  const info = await readCase(dir);
  const run = async (ops: Ops, oracle: Awaited<ReturnType<typeof readDump>>) => {
    const model = await openCase(dir, info, ops);
    const { mtpSteps } = info;
    const recorded = trace(model, { tokens: info.tokens, ...(mtpSteps && { mtpSteps }) });
    return { model, recorded, report: compareRun(recorded, oracle) };
  };
  const oracle64 = await readDump(join(dir, "f64.safetensors"));
  const oracle32 = await readDump(join(dir, "f32.safetensors"));
  const spec = await run(referenceOps("f64"), oracle64);

  let opErrorOverBound = 0;
  const checked = checkedOps(
    referenceOps("f32"),
    referenceOps("f64"),
    f32ReferenceBounds,
    (_op, error) => {
      opErrorOverBound = Math.max(opErrorOverBound, error);
    },
  );
  const fast = await run(checked, oracle64);
  const bias = (layer: number) => routerBias(spec.model.weights, layer);
  const f32 = compareRun(fast.recorded, oracle64, bias);
  const hf32 = compareRun(
    [...oracle32].map(([name, tensor]) => ({ name, ...tensor })),
    oracle64,
  );
  const hfError = new Map(hf32.stages.map((stage) => [stage.name, stage.rms]));
  const ratios = f32.stages
    .filter(({ size, rms }) => size >= MIN_SAMPLE && rms > 0)
    .map(({ name, rms }) => rms / (hfError.get(name) ?? 0));
  return {
    name: info.name,
    nTokens: info.tokens.length,
    f64: spec.report,
    f32,
    opErrorOverBound,
    errorOverHf: Math.max(0, ...ratios),
  };
}

/** What is wrong with a case, in words; empty when nothing is. */
export function complaints(result: CaseResult): string[] {
  const logits = result.f64.stages.find((stage) => stage.name === "logits");
  const list: string[] = [];
  if (!(logits && logits.largest <= F64_LIMIT)) list.push(`f64 logits off by ${logits?.largest}`);
  for (const stage of result.f64.stages) {
    if (!(stage.largest <= F64_LIMIT)) list.push(`f64 ${stage.name} off by ${stage.largest}`);
  }
  for (const s of result.f64.selections) {
    if (s.equal < s.rows) list.push(`f64 ${s.name}: ${s.rows - s.equal} rows differ`);
  }
  for (const s of result.f32.selections) {
    if (s.unexplained > 0) list.push(`f32 ${s.name}: ${s.unexplained} rows unexplained`);
  }
  if (!(result.errorOverHf <= F32_RATIO_LIMIT)) {
    list.push(`f32 error is ${result.errorOverHf.toFixed(2)} times that of HF's float32`);
  }
  for (const name of result.f64.missing) list.push(`${name}: not recorded`);
  return list;
}

/** The results as a Markdown table. */
function renderTable(results: readonly CaseResult[]): string {
  const worst = (report: RunReport): string =>
    Math.max(...report.stages.map((stage) => stage.largest)).toExponential(1);
  const logits = (report: RunReport): string =>
    (report.stages.find((stage) => stage.name === "logits")?.largest ?? Number.NaN).toExponential(
      1,
    );
  const total = (report: RunReport, key: "rows" | "equal" | "explained" | "unexplained"): number =>
    report.selections.reduce((sum, s) => sum + s[key], 0);
  const lines = results.map((r) => {
    const cells = [
      r.name,
      r.nTokens,
      logits(r.f64),
      worst(r.f64),
      `${total(r.f64, "equal")} / ${total(r.f64, "rows")}`,
      logits(r.f32),
      r.opErrorOverBound.toFixed(2),
      r.errorOverHf.toFixed(2),
      `${total(r.f32, "equal")} / ${total(r.f32, "rows")}`,
      total(r.f32, "explained"),
      total(r.f32, "unexplained"),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const heads = [
    "case",
    "tokens",
    "f64 logits",
    "f64 worst stage",
    "f64 equal selections",
    "f32 logits",
    "f32 op error / bound",
    "f32 error / HF's",
    "f32 equal selections",
    "explained",
    "unexplained",
  ];
  return [
    `| ${heads.join(" | ")} |`,
    `|---|${"---:|".repeat(heads.length - 1)}`,
    ...lines,
    "",
  ].join("\n");
}

const PREFACE = `# This engine against HF transformers, all cases

Written by \`npm run sweep\`; tools/golden/oracle/README.md tells how the cases are made and what each is
for. Differences are shares of the largest magnitude of the stage. "Selections" are rows of top-k
positions and of routed experts, over all layers. "f32 op error / bound": the largest error of any
single op against the same op in float64 on the same inputs, as a share of its bound
(engine/ops/bounds.ts). "f32 error / HF's": the worst stage's rms error against float64, over the
error of HF's own float32 run.

`;

/** The whole page: what the table shows, and the table. */
export const sweepPage = (results: readonly CaseResult[]): string => PREFACE + renderTable(results);
