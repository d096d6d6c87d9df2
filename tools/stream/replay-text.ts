/**
 * Prints a replay for people.
 * @module
 */
import { bytes } from "../inspect/units.ts";
import { type Counts, hitShare, type Replay, type ReplayedCache } from "./replay.ts";

/** How many columns a number of slots takes. */
const COLUMN = 7;

/** Columns for the name of a cache. */
const NAME = 24;

/** Most budgets side by side, so that a line fits 80 columns. */
const BUDGETS = 8;

/** A {@link Replay} as text. The visits are those after the prompt, where there are any. */
export function renderReplay(result: Replay): string {
  const { model, tokens, layers, nExperts, nActive, statistics, caches } = result;
  const slots = [...new Set(caches.map((cache) => cache.slots))];
  const prompt = tokens.prefill > 0 ? `, ${tokens.prefill} of them of the prompt` : "";
  const popular = Math.ceil(nExperts / 8);
  const lines = [
    `${model}: ${tokens.prefill + tokens.decode} tokens${prompt}, ${layers} layers, ${nActive} of ${nExperts} experts`,
    `  in common with the token before: ${statistics.sameAsLast.toFixed(2)} of ${nActive}`,
    `  popularity: the top ${popular} of ${nExperts} have ${percent(statistics.popular)} % of the visits, Gini ${statistics.gini.toFixed(2)}`,
    `  visited at all: ${statistics.distinct.toFixed(1)} of ${nExperts}`,
  ];
  for (let i = 0; i < slots.length; i += BUDGETS) {
    lines.push("", ...table(result, slots.slice(i, i + BUDGETS)));
  }
  return `${lines.join("\n")}\n`;
}

function table(
  { caches, layers, expertBytes, tokens }: Replay,
  slots: readonly number[],
): string[] {
  const names = [...new Set(caches.map(nameOf))];
  const which = tokens.decode > 0 && tokens.prefill > 0 ? ", after the prompt" : "";
  return [
    `hits in percent${which}`,
    row("slots for each layer", slots.map(String)),
    ...(expertBytes === undefined
      ? []
      : [
          row(
            "memory",
            slots.map((n) => bytes(n * layers * expertBytes).replace(/\.\d+ /, " ")),
          ),
        ]),
    ...names.map((name) => {
      const own = caches.filter((cache) => nameOf(cache) === name);
      const shares = slots.map((n) => own.find((cache) => cache.slots === n));
      return row(
        name,
        shares.map((cache) => (cache ? percent(hitShare(shown(cache))) : "")),
      );
    }),
  ];
}

/** The visits that a person asks about: of generated tokens, or of the prompt where there are no others. */
export const shown = ({ prefill, decode }: ReplayedCache): Counts =>
  decode.visits > 0 ? decode : prefill;

/** The name of a cache without its size: `lru, one for all`. */
export const nameOf = ({ policy, scope }: ReplayedCache): string =>
  scope === "layer" ? policy : `${policy}, one for all`;

const row = (name: string, cells: readonly string[]): string =>
  `  ${name.padEnd(NAME - 2)}${cells.map((cell) => cell.padStart(COLUMN)).join("")}`.trimEnd();

const percent = (share: number): string => (Number.isNaN(share) ? "-" : (100 * share).toFixed(1));
