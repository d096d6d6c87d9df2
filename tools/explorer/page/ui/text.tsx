/**
 * The text of the reader, with marks on its tokens. Of a long text only windows are shown: at the
 * query, at the row that is pointed at, and around the marked rows.
 * @module
 */
import type { JSX } from "preact";
import { windowsOf } from "../bins.ts";
import { words } from "../engine.ts";
import { chosenRow, chosenT } from "../state.ts";
import { num, say } from "./say.ts";
import { Scroll } from "./scroll.tsx";

/** How a token is marked. */
export type Mark = "chosen" | "borrowed" | "lost";

/** What the text shows. */
export interface TextProps {
  readonly t: number;
  readonly row?: number | undefined;
  readonly marks: ReadonlyMap<number, Mark>;
  /** How many of the marked rows get a window of their own; the first ones in `marks` do. */
  readonly windows?: number;
}

/** Marked rows that get a window, where nothing else is said. */
const WINDOWS = 24;

export function Text({ t, row, marks, windows = WINDOWS }: TextProps): JSX.Element {
  const length = words.value.length;
  const shown = windowsOf({ t, length, row, marked: [...marks.keys()].slice(0, windows) });
  let before = 0;
  return (
    <Scroll class="text scroll" label={say.value.theText}>
      {shown.map(({ from, to }) => {
        const gap = from - before;
        before = to;
        return (
          <>
            {gap > 0 && (
              <span class="gap">⋯ {say.value.tokensLeftOut(num.value.count(gap))} ⋯</span>
            )}
            {words.value.slice(from, to).map((_, i) => (
              <Token key={from + i} s={from + i} t={t} row={row} marks={marks} />
            ))}
          </>
        );
      })}
    </Scroll>
  );
}

interface TokenProps {
  readonly s: number;
  readonly t: number;
  readonly row?: number | undefined;
  readonly marks: ReadonlyMap<number, Mark>;
}

function Token({ s, t, row, marks }: TokenProps): JSX.Element {
  const mark = marks.get(s);
  const state = s === t ? "query" : s === row ? "row" : mark;
  return (
    <Word
      text={words.value[s]?.text ?? ""}
      state={state}
      isJoined={state === mark && mark !== undefined && s - 1 !== row && marks.get(s - 1) === mark}
      onClick={(event) => {
        if (event.detail === 2) chosenT.value = s;
        else if (s <= t) chosenRow.value = s;
      }}
    />
  );
}

/** A token as text. The box of a mark leaves out the blank before the word. */
export interface WordProps {
  readonly text: string;
  readonly state?: Mark | "query" | "row" | undefined;
  /** Whether the token before has the same mark, so that both are in one box. */
  readonly isJoined?: boolean;
  readonly onClick?: (event: MouseEvent) => void;
}

export function Word({ text, state, isJoined = false, onClick }: WordProps): JSX.Element {
  const blank = text.startsWith(" ") && text.length > 1 && !isJoined ? " " : "";
  return (
    <>
      {blank}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the strips do the same by keys. */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the strips do the same by keys. */}
      <span class={state ? `k ${state}` : "k"} onClick={onClick}>
        {visible(text.slice(blank.length))}
      </span>
    </>
  );
}

/** A token that stands alone: a blank would not be seen, either. */
export const visibleAlone = (text: string): string => visible(text).replace(/^ +$/, "␣");

/** Line ends and empty tokens would not be seen. */
export const visible = (text: string): string =>
  text === "" ? "·" : text.replaceAll("\n", "⏎\u200b");

/** The signs of the text, in words. */
export function Legend({
  marks,
}: {
  readonly marks: readonly (Mark | "query" | "row")[];
}): JSX.Element {
  return (
    <ul class="legend">
      {marks.map((mark) => (
        <li key={mark}>
          <span class="text">
            <span class={`k ${mark}`}>abc</span>
          </span>{" "}
          {say.value.marks[mark]}
        </li>
      ))}
    </ul>
  );
}
