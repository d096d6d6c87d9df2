/**
 * Prints an inspection for people.
 * @module
 */
import type { Aside } from "../../engine/base/aside.ts";
import type { Quantization } from "../../engine/config/quantization.ts";
import { oneLine } from "../library/one-line.ts";
import type { Inspection } from "./inspect.ts";
import type { MissingFiles, PartialCheckpoint } from "./partial.ts";

/** How many layers one line of the schedule shows. */
const PER_LINE = 32;

/** An {@link Inspection} as text of at most 80 columns. */
export function renderInspection(inspection: Inspection): string {
  const { parameters: p, layers, cacheBytesPerToken: cache, files, chatTemplate } = inspection;
  const cacheRows = Object.entries(cache).flatMap(([format, { latent, index, indexIfAllFull }]) => [
    row(
      `${format}: latent + index = both`,
      `${number(latent)} + ${number(index)} = ${number(latent + index)}`,
    ),
    row("  if no layer shared", number(latent + indexIfAllFull)),
  ]);
  const sections = [
    "parameters",
    row("all that is stored", number(p.stored)),
    row("main model", number(p.main)),
    row("  without embedding and head", number(p.mainWithoutEmbedAndHead)),
    row("MTP layer", number(p.mtp)),
    row("active for one token", number(p.active)),
    row("  with head", number(p.activeWithHead)),
    row("  with head and embedding", number(p.activeWithEmbedAndHead)),
    row(
      "one attention / indexer / expert",
      [p.attention, p.indexer, p.expert].map(number).join(" / "),
    ),
    "",
    "layers",
    ...Object.entries(layers).map(([kind, n]) => row(kind, number(n))),
    "",
    "schedule  F full indexer, s shared · d dense, m experts",
    ...drawSchedule(inspection),
    "",
    "cache bytes per token of context",
    ...cacheRows,
  ];
  if (chatTemplate !== undefined) sections.push("", `chat template: ${chatTemplate}`);
  if (files !== undefined) {
    sections.push(
      "",
      "files",
      row("tensors", `${number(files.tensors)}, ${number(files.scales)} of them fp8 scales`),
      row("bytes of tensors", number(files.bytes)),
      ...Object.entries(files.dtypes).map(([dtype, count]) =>
        row(`  ${dtype}`, `${number(count.elements)} in ${number(count.tensors)} tensors`),
      ),
    );
  }
  if (inspection.partial) sections.push(...drawPartial(inspection.partial, inspection.schedule));
  if (inspection.quantization) sections.push(...drawQuantization(inspection.quantization));
  if (inspection.noMtp) sections.push("", `no MTP layer: ${inspection.noMtp}`);
  sections.push(...drawAsides("left aside, since it cannot change a result", inspection.leftAside));
  sections.push(...drawAsides("what would stop a run", inspection.stops));
  return `${sections.join("\n")}\n`;
}

/** Most missing files that are named; more are counted. */
const MOST_NAMED = 4;

function drawPartial(partial: PartialCheckpoint, { length: nLayers }: string): string[] {
  const { layers, logits, forLogits, forNextLayer, forAll } = partial;
  const some = `layers 0 to ${layers - 1} of ${nLayers} can run`;
  const can = layers === 0 ? "no layer can run" : layers === 1 ? "layer 0 can run" : some;
  const missing = (what: string, { files, bytes }: MissingFiles): string[] => {
    if (files.length === 0) return [];
    const size = bytes === undefined ? "" : `, ${number(bytes)} bytes`;
    const count = files.length === 1 ? "1 file" : `${files.length} files`;
    const names = files.length > MOST_NAMED ? [] : files.map((file) => `    ${file}`);
    return [row(what, `${count}${size}`), ...names];
  };
  return [
    "",
    `files are missing: ${can}${layers > 0 ? `, ${logits ? "with" : "without"} logits` : ""}; to get`,
    ...missing("for logits", forLogits),
    ...missing(`for layer ${layers}`, forNextLayer),
    ...missing("for the whole model", forAll),
  ];
}

function drawQuantization(quantization: Quantization): string[] {
  const { name, canRun, activations, bitsPerWeight } = quantization;
  const bits = bitsPerWeight === undefined ? "" : `, ${bitsPerWeight} bits each with scales`;
  const mode = activations === undefined ? "" : `, multiplied with activations in ${activations}`;
  return [
    "",
    `weights quantised as ${name}${bits}${mode}${canRun ? "" : "; they cannot run here"}`,
  ];
}

function drawAsides(title: string, asides: readonly Aside[]): string[] {
  if (asides.length === 0) return [];
  return ["", title, ...asides.map(({ what, why }) => oneLine(`  ${what}: ${why}`))];
}

/** Draws the schedule: two lines of letters for each {@link PER_LINE} layers. */
function drawSchedule({ schedule, mlpSchedule, mtp }: Inspection): string[] {
  const lines: string[] = [];
  for (let i = 0; i < schedule.length; i += PER_LINE) {
    const part = (letters: string): string => [...letters.slice(i, i + PER_LINE)].join(" ");
    const last = i + PER_LINE >= schedule.length && mtp;
    lines.push(`${String(i).padStart(5)}  ${part(schedule)}${last ? " | F  MTP" : ""}`);
    lines.push(`${" ".repeat(7)}${part(mlpSchedule)}${last ? " | m" : ""}`);
  }
  return lines;
}

function row(label: string, value: string): string {
  return `  ${label.padEnd(34)}${value}`;
}

/** `753,329,940,480`, the same in every locale. */
function number(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}
