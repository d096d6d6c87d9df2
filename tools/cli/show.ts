/**
 * `--show`: a line for each token that is generated, with what the model did to choose it.
 *
 * ```
 *   " garden"        0.83 ████████   " yard" 0.06, " park" 0.02
 *   " garden"        " rabbit" 12 back, " door" 3658 back, …
 *   " garden"        1: 3 7 9 12 15 20   2: 0 4 5 8 11 19   …
 * ```
 * @module
 */
import type { GeneratedToken } from "../../engine/index.ts";
import { oneLine } from "../library/one-line.ts";
import type { Watch } from "../library/watch.ts";
import type { TextOut } from "./text-out.ts";
import { widthOf } from "./word-wrap.ts";

/** What can be shown. */
export const SHOWN = ["probs", "choices", "experts"] as const;

/** {@inheritDoc SHOWN} */
export type Shown = (typeof SHOWN)[number];

/** Tokens that are named beside the chosen one. */
export const SHOWN_ALTERNATIVES = 3;
/** Positions that are named. */
const SHOWN_POSITIONS = 8;
/** Columns of the token. */
const TOKEN_COLUMNS = 16;
/** Characters of the bar for a probability of 1. */
const BAR = 10;

/** What a line is made of. */
export interface ShowOptions {
  readonly what: Shown;
  readonly watch: Watch;
  /** The text of one token. */
  readonly textOf: (id: number) => string;
  /** The token at each position, the new one's not included. */
  readonly tokens: () => readonly number[];
}

/** Makes a function that writes the line of a token. */
export function showWriter(
  out: TextOut,
  { what, watch, textOf, tokens }: ShowOptions,
): (token: GeneratedToken) => void {
  const named = (id: number): string => oneLine(JSON.stringify(textOf(id)), 60);
  return (token) => {
    const name = named(token.id);
    out.write(name + " ".repeat(Math.max(1, TOKEN_COLUMNS - width(name))));
    const p = Math.exp(token.logProb);
    if (what === "probs") {
      coloured(out, surenessColour(p), `${p.toFixed(2)} ${bar(p)} `);
      const others = token.top.filter(({ id }) => id !== token.id).slice(0, SHOWN_ALTERNATIVES - 1);
      out.write(others.map((o) => `${named(o.id)} ${Math.exp(o.logProb).toFixed(2)}`).join(", "));
    } else if (what === "choices") {
      const all = tokens();
      const { choices } = watch.seen();
      const words = choices
        .slice(0, SHOWN_POSITIONS)
        .map(({ position }) => `${named(all[position])} ${all.length - 1 - position} back`);
      coloured(out, 6, words.join(", "));
      if (choices.length > SHOWN_POSITIONS) out.write(`, … of ${choices.length}`);
    } else {
      for (const [layer, experts] of watch.seen().experts) {
        out.write(`${layer}:`);
        for (const expert of experts) coloured(out, 1 + (expert % 6), ` ${expert}`);
        out.write("  ");
      }
    }
    out.write("\n");
  };
}

/** Green where the model was sure, yellow, red where it was not. */
function surenessColour(p: number): number {
  return p > 0.6 ? 2 : p > 0.2 ? 3 : 1;
}

function bar(p: number): string {
  const n = Math.round(BAR * p);
  return "█".repeat(n) + " ".repeat(BAR - n);
}

/** @param colour one of the eight of a terminal */
function coloured(out: TextOut, colour: number, text: string): void {
  if (out.hasStyles) out.control(`\x1b[3${colour}m`);
  out.write(text);
  if (out.hasStyles) out.control("\x1b[39m");
}

function width(text: string): number {
  return Array.from(text, widthOf).reduce((sum, columns) => sum + columns, 0);
}
