/**
 * A judgement as one HTML page.
 * @module
 */

import { escaped } from "../../library/escape.ts";
import type { GoldenTensor } from "../case/case.ts";
import type { EngineClass } from "../case/engine-class.ts";
import type { Diagnosis } from "../diagnose/diagnose.ts";
import { renderDiagnosis } from "../diagnose/diagnosis-text.ts";
import type { Dump } from "../dump/dump.ts";
import type { Explanation } from "../explain/explanation.ts";
import { divergenceText } from "../judge/check-text.ts";
import type { Judgement, StageResult } from "../judge/judge.ts";
import { colourOf, heatMap, inWords } from "./heat-map.ts";
import { page } from "./page.ts";
import { selectionMap } from "./selection-map.ts";

/** What a report is made of. */
export interface ReportInput {
  readonly caseName: string;
  readonly dumpName: string;
  readonly kind: EngineClass;
  readonly judgement: Judgement;
  /** Only when a stage is off. */
  readonly diagnosis: Diagnosis | undefined;
  /** Why the first stage that is off is so. */
  readonly explanation: Explanation | undefined;
  readonly dump: Dump;
  readonly wanted: ReadonlyMap<string, GoldenTensor>;
}

/** How many selections are drawn. */
const MAPS = 3;

const LEGEND = [
  ["#7fbf7b", "within its bound"],
  ["#b8dcae", "explained by rounding"],
  ["#edf5ea", "right in the rows that are left"],
  ["#fee391", "off, up to 10 times"],
  ["#fe9929", "up to 100 times"],
  ["#d95f0e", "up to 1000 times"],
  ["#7f0000", "far off"],
  ["#e4e4e4", "not in the dump"],
];

/** What explains a stage stands on the first screen. */
const STYLE = `
.why { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem }
.why dd { margin: 0; grid-column: 2 } .why strong { font-size: 1.1rem }`;

/** The whole page. */
export function renderHtml(input: ReportInput): string {
  const { caseName, dumpName, judgement, kind } = input;
  const title = `${dumpName} against ${caseName}`;
  const legend = LEGEND.map(([c, text]) => `<i style="background:${c}"></i>${text}`).join("");
  const body = `<p>Compared as an engine of class ${escaped(kind)}, in the order of the model.</p>
${verdict(judgement)}
${input.explanation ? why(input.explanation) : ""}
${judgement.stages.map(greedy).join("")}
${input.diagnosis ? `<h2>Diagnosis</h2><pre>${escaped(renderDiagnosis(input.diagnosis))}</pre>` : ""}
<h2>Stages by layer</h2>
<p>${legend}. The first stage that is off is framed; what comes after it may be wrong because of it.</p>
<div class="scroll">${heatMap(judgement)}</div>
${maps(input)}
<h2>All stages</h2>
<div class="scroll"><table><tr><th>stage</th><th>verdict</th><th>max rel</th><th>bound</th><th>NMSE</th><th>1 − cosine</th><th></th></tr>
${judgement.stages.map(row).join("\n")}
</table></div>`;
  return page(title, body, STYLE);
}

function verdict({ stages, firstOff, off: all, unknown }: Judgement): string {
  const off = stages.find(({ name }) => name === firstOff);
  const nCompared = stages.filter(({ verdict }) => verdict !== "missing").length;
  const strange = unknown.length > 0 ? ` ${unknown.length} tensors of the dump are no stage.` : "";
  if (!off) {
    const text = `All ${nCompared} stages of the dump are right, or explained by rounding.`;
    return `<p class="verdict ok">${text}${strange}</p>`;
  }
  const also = all.length > 1 ? ` Also off: ${escaped(all.slice(1).join(", "))}.` : "";
  const text = `<strong>${escaped(off.name)}</strong> is the first stage that is off: ${escaped(off.sentence ?? "")}.${also}`;
  return `<p class="verdict off">${text}${strange}</p>`;
}

/** What explains it, and what to do: this belongs on the first screen. */
function why({ relation, sentence, also, lookAt, printNext }: Explanation): string {
  const title = relation === "none" ? "Not explained" : "Why";
  const [cause, ...evidence] = sentence.split(": this explains ");
  const proof =
    evidence.length > 0 ? ` <small>This explains ${escaped(evidence.join(""))}.</small>` : "";
  const others =
    also.length > 0
      ? `<dt>or, which gives the same</dt>${also.map((other) => `<dd>${escaped(other)}</dd>`).join("")}`
      : "";
  return `<dl class="why"><dt>${title}</dt><dd><strong>${escaped(cause)}.</strong>${proof}</dd>${others}
<dt>Look at</dt><dd>${escaped(lookAt)}</dd><dt>Print next</dt><dd>${escaped(printNext)}</dd></dl>`;
}

/** Where greedy decoding first takes another token. */
function greedy({ name, logits }: StageResult): string {
  if (!logits?.divergence) return "";
  return `<p>${escaped(`${name}: ${divergenceText(logits.divergence)}.`)}</p>`;
}

/** The first selections that differ. */
function maps({ judgement, dump, wanted }: ReportInput): string {
  const drawn = judgement.stages
    .filter(({ selection }) => selection && selection.equal < selection.rows)
    .flatMap(({ name }) => {
      const [got, want] = [dump.get(name), wanted.get(name)];
      const map = got && want ? selectionMap(name, got, want) : undefined;
      return map === undefined ? [] : [map];
    })
    .slice(0, MAPS);
  if (drawn.length === 0) return "";
  const colours =
    '<i style="background:#bbbbbb"></i>both<i style="background:#d73027"></i>only the dump<i style="background:#2166ac"></i>only the model';
  return `<h2>Choices that differ</h2><p>A line for each query, a column for each position: ${colours}.</p>
${drawn.map((map) => `<div class="scroll">${map}</div>`).join("\n")}`;
}

function row(stage: StageResult): string {
  const { distance, bound } = stage;
  const numbers =
    distance && bound
      ? [distance.largest, bound.largest, distance.nmse, 1 - distance.cosine]
      : undefined;
  const texts = numbers?.map((x) => x.toExponential(1)) ?? ["", "", "", ""];
  const mark = `<i style="background:${colourOf(stage)};margin-left:0"></i>`;
  const cells = [mark + escaped(stage.name), stage.verdict, ...texts, escaped(inWords(stage))];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}
