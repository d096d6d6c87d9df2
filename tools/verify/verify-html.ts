/**
 * The outcome of a verification as one HTML page. Its top says to anybody what was found; below it stands all
 * that an engineer needs to find the cause, and to judge the evidence again.
 *
 * Next: verify-junit.ts
 * @module
 */
import { page } from "../golden/report/page.ts";
import { escaped } from "../library/escape.ts";
import { oneLine } from "../library/one-line.ts";
import type { Price } from "../remote/budget.ts";
import type { Check, Gate, Verdict } from "./gate.ts";
import { costText, sentenceOf, UNPROVEN, WORDS } from "./report.ts";
import type { GateResult, Outcome } from "./verify.ts";

/** Where a report comes from. */
export interface ReportOrigin {
  readonly version: string;
  /** When it was made, as ISO 8601 has it. */
  readonly date: string;
  readonly price?: Price | undefined;
  /** The recording, where there is one, and the hash of its last line. */
  readonly traffic?: { readonly file: string; readonly hash: string } | undefined;
  /** The hash of what was written down before the run. */
  readonly manifest?: string | undefined;
}

const STYLE = `
.wait { background: #f4f2ea; border-color: #a08c4a } .verdict strong { font-size: 1.15rem }
table { font: 14px/1.45 system-ui, sans-serif; width: 100% } td, th { padding: .35rem .9rem .35rem 0; vertical-align: top; border-bottom: 1px solid #e6e6e6 }
.badge { display: inline-block; min-width: 6.2em; text-align: center; border-radius: .3em; padding: 0 .4em; color: #fff; font-size: 13px; white-space: nowrap }
.pass { background: #3b7a1a } .fail { background: #b30000 } .unknown { background: #6d6340 } .extra { background: #767676 }
.fault { color: #8a0000; font-weight: 600 } .quiet { color: #595959 } code { overflow-wrap: anywhere }
td:first-child { width: 7.5em } .numbers td:first-child { width: 9em }
@media print { body { margin: 0; max-width: none } }`;

/** What a verdict means, and how the top of the page looks. */
const MEANING: Readonly<Record<Verdict, { title: string; look: string }>> = {
  pass: { title: "Faithful, as far as it was looked at", look: "ok" },
  fail: { title: "Not faithful", look: "off" },
  unknown: { title: "It cannot be told", look: "wait" },
};

/** Where an engineer looks first, by gate. */
const ADVICE: Readonly<Record<Gate["name"], string>> = {
  protocol:
    "Compare the chat template, the tokenizer and the handling of [gMASK]<sop> with the released files. Look for a prompt that a gateway puts in, and for settings of thinking that it does not hand on.",
  replies:
    "Look at the parsers of reasoning and of tool calls (vLLM and SGLang: glm45 and glm47), and at what a gateway makes of streams.",
  sampling:
    "Look at what a gateway hands on, at default parameters that win over those of a request, and at speculative decoding.",
  numbers:
    "From the start: look at the number formats of weights and caches, at rope_theta, and whether these are the right weights. From index_topk on: look at sparse attention, its indexer, and which layers share selections. After a neighbour: look at the prefix cache.",
  long: "Look at the longest context that is served, at what cuts prompts, and whether sparse attention falls back to the latest rows.",
  samples:
    "Something is another than at the recorded endpoint. The other gates say what, as far as they can.",
  selections:
    "Compare index_topk and the schedule of full and shared layers with the config.json of the release.",
};

/** The whole page. */
export function outcomeHtml(outcome: Outcome, origin: ReportOrigin): string {
  const { url, model, reference, verdict, gates, stopped } = outcome;
  const { title, look } = MEANING[verdict];
  const short = gates.map(({ gate }) => gate.name).join(", ");
  const body = `<p class="quiet">${escaped(oneLine(`${model === undefined ? "Compared" : `Model ${model}, compared`} with ${reference}, on ${origin.date}. Gates: ${short}.`))}</p>
<p class="verdict ${look}"><strong>${title}.</strong> ${countText(gates)}<br>${escaped(capital(sentenceOf(outcome)))}.${stopped ? `<br>It ended early: ${escaped(oneLine(stopped.message))}` : ""}</p>
${summary(gates, origin)}
${gates.map(section).join("\n")}
<h2>What a pass does not show</h2>
<ul>${UNPROVEN.map((one) => `<li>${escaped(one)}</li>`).join("")}${gates.map(({ gate }) => `<li>${gate.name}: ${escaped(gate.hides)}</li>`).join("")}</ul>
<h2>Evidence</h2>
${evidence(outcome, origin)}`;
  return page(`Is ${oneLine(url)} serving the model as it is?`, body, STYLE);
}

/** `2 of 4 gates passed, 1 failed` */
function countText(gates: readonly GateResult[]): string {
  const n = (wanted: Verdict) => gates.filter(({ verdict }) => verdict === wanted).length;
  const failed = n("fail") > 0 ? `, ${n("fail")} failed` : "";
  return `${n("pass")} of ${gates.length} gates passed${failed}.`;
}

function summary(gates: readonly GateResult[], { price }: ReportOrigin): string {
  const rows = gates.map(({ gate, verdict, checks, cost }) => {
    const bad = checks.find((check) => check.verdict === "fail");
    const open = checks.find((check) => check.verdict === "unknown" && !check.isExtra);
    const found = bad
      ? (bad.fault ?? bad.evidence)
      : verdict === "pass"
        ? `it shows ${gate.shows}`
        : open?.evidence;
    return `<tr><td>${badge(verdict)}</td><td><b>${gate.name}</b></td><td>${escaped(oneLine(found ?? ""))}</td><td class="quiet">${escaped(costText(cost, price))}</td></tr>`;
  });
  return `<div class="scroll"><table><tr><th>verdict</th><th>gate</th><th>found</th><th>cost</th></tr>
${rows.join("\n")}</table></div>`;
}

function section({ gate, verdict, checks }: GateResult): string {
  const advice =
    verdict === "fail" ? `<p><b>Where to look:</b> ${escaped(ADVICE[gate.name])}</p>` : "";
  return `<h2>${capital(gate.name)} ${badge(verdict)}</h2>
<p class="quiet">A pass shows ${escaped(gate.shows)}; it does not show ${escaped(gate.hides)}.</p>
${advice}<div class="scroll"><table class="checks"><tr><th>verdict</th><th>check</th><th>seen</th></tr>
${checks.map(row).join("\n")}</table></div>`;
}

function row({ name, verdict, evidence, fault, isExtra = false }: Check): string {
  const isQuiet = isExtra && verdict === "unknown";
  const mark = isQuiet ? '<span class="badge extra">not needed</span>' : badge(verdict);
  const why =
    fault === undefined ? "" : `<br><span class="fault">${escaped(oneLine(fault))}</span>`;
  return `<tr><td>${mark}</td><td>${escaped(oneLine(name))}</td><td>${escaped(oneLine(evidence))}${why}</td></tr>`;
}

function badge(verdict: Verdict): string {
  return `<span class="badge ${verdict}">${WORDS[verdict]}</span>`;
}

function evidence({ spent, seed, url }: Outcome, origin: ReportOrigin): string {
  const { version, traffic, manifest, price } = origin;
  const rows: [string, string][] = [
    ["made by", `glm52.ts ${version}`],
    ["cost", costText(spent, price)],
    ["seed", `${seed}: another one asks for other texts`],
  ];
  if (manifest !== undefined) rows.push(["written before", `manifest.json, SHA-256 ${manifest}`]);
  if (traffic) {
    rows.push(["all traffic", `${traffic.file}, hash of its last line ${traffic.hash}`]);
    rows.push(["judge it again", `glm52 verify ${url} --replay ${traffic.file} --seed ${seed}`]);
  } else rows.push(["all traffic", "not kept; --evidence or --record keeps it"]);
  const lines = rows.map(
    ([name, value]) => `<tr><td>${name}</td><td><code>${escaped(oneLine(value))}</code></td></tr>`,
  );
  return `<table class="numbers">${lines.join("\n")}</table>`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
