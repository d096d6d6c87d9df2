/**
 * What an expert is visited for: the tokens of the text that come to it.
 * @module
 */
import type { ExpertsOfText } from "../messages.ts";
import type { Word } from "./engine.ts";
import { type NumberTable, tableOf } from "./tables.ts";

/** How often tokens of one kind visit an expert. */
export interface Visits {
  readonly text: string;
  readonly visits: number;
  readonly of: number;
}

/** The kinds of tokens that add most to what an expert's choice says about the token. */
export function firesOn(
  { chosen, perToken }: ExpertsOfText,
  words: readonly Word[],
  layer: number,
  expert: number,
): { readonly kinds: Visits[]; readonly positions: number[] } {
  const list = chosen[layer];
  const kinds = new Map<string, { visits: number; of: number }>();
  const positions: number[] = [];
  if (!list) return { kinds: [], positions };
  for (let s = 0; s * perToken < list.length && s < words.length; s++) {
    const isHere = list.subarray(s * perToken, (s + 1) * perToken).includes(expert);
    if (isHere) positions.push(s);
    const kind = kinds.get(words[s].text) ?? { visits: 0, of: 0 };
    kinds.set(words[s].text, { visits: kind.visits + (isHere ? 1 : 0), of: kind.of + 1 });
  }
  const share = positions.length / Math.max(1, list.length / perToken);
  const says = ({ visits, of }: { visits: number; of: number }): number =>
    visits === 0 ? 0 : visits * Math.log(visits / of / share);
  return {
    kinds: [...kinds]
      .map(([text, kind]) => ({ text, ...kind }))
      .sort((a, b) => says(b) - says(a))
      .filter((kind) => says(kind) > 0),
    positions,
  };
}

/** The table of {@link firesOn}. */
export const visitsTable = (kinds: readonly Visits[], head: readonly string[]): NumberTable =>
  tableOf(
    head,
    kinds.map(({ text, visits, of }) => [JSON.stringify(text), visits, of]),
  );
