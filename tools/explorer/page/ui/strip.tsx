/**
 * A number for each position of the text, as bars from left to right. One key press moves by one
 * position; of a long text each column shows its largest number.
 * @module
 */
import { scaleLinear } from "d3-scale";
import type { ComponentChildren, JSX } from "preact";
import { type Bins, binned, columnOf } from "../bins.ts";
import { chosenRow } from "../state.ts";

/** Columns of a strip at most: about as many as it has pixels. */
const COLUMNS = 640;

/** The height of the drawing, in units of its own. */
const HEIGHT = 100;

/** Room under the bars for the marks of the chosen positions. */
const RUG = 7;

/** Up to so many columns have gaps between their bars. */
const FEW = 240;

/** The width of a bar that leaves a gap. */
const GAPPED = 0.85;

/** How far PageUp and PageDown go where no position is marked. */
const PAGE = 64;

/** What a strip shows. */
export interface StripProps {
  readonly label: string;
  /** One number for each position. Those that are not finite are not drawn. */
  readonly values: ArrayLike<number>;
  /** Marked positions, ascending. */
  readonly marked: ArrayLike<number>;
  /** More marked positions, in the other colour. */
  readonly lost?: ArrayLike<number>;
  readonly threshold?: number | undefined;
  readonly row: number | undefined;
  /** The position in words, for screen readers. */
  readonly valueText: string;
  readonly isLow?: boolean;
  /** Labels that lie over the bars. */
  readonly children?: ComponentChildren;
}

export function Strip(props: StripProps): JSX.Element {
  const { values, marked, lost, threshold, row, label, valueText } = props;
  const bins = binned(values, COLUMNS);
  const y = heightOf(bins);
  const at = (s: number): number => columnOf(s, values.length, bins.count) + 0.5;
  return (
    <div
      class={props.isLow ? "strip low" : "strip"}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, values.length - 1)}
      aria-valuenow={row ?? 0}
      aria-valuetext={valueText}
      onKeyDown={(event) => step(event, row ?? 0, values.length, marked)}
      onPointerDown={(event) => point(event, bins, marked)}
      onPointerMove={(event) => event.pointerType === "mouse" && point(event, bins, marked)}
    >
      <svg
        viewBox={`0 0 ${bins.count} ${HEIGHT + RUG}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <path class="bars" d={barsOf(bins, y)} />
        {row !== undefined && row < values.length && (
          <path class="pointer" d={`M${at(row)} 0V${HEIGHT + RUG}`} />
        )}
        <path class="on" d={marksOf(marked, values, y, bins.count)} />
        {lost && <path class="lost" d={marksOf(lost, values, y, bins.count)} />}
        <path class="zero" d={`M0 ${y(0)}H${bins.count}`} />
        {threshold !== undefined && (
          <path class="threshold" d={`M0 ${y(threshold)}H${bins.count}`} />
        )}
      </svg>
      {props.children}
    </div>
  );
}

/** The height of a number: its place from the top. */
export function heightOf(bins: Bins): (value: number) => number {
  const finite = [...bins.most].filter(Number.isFinite);
  const y = scaleLinear()
    .domain([Math.min(0, ...finite), Math.max(1e-9, ...finite)])
    .range([HEIGHT, 2]);
  return (value) => Math.round(y(value) * 100) / 100;
}

function barsOf({ most, count }: Bins, y: (value: number) => number): string {
  const zero = y(0);
  const width = count > FEW ? 1 : GAPPED;
  let path = "";
  most.forEach((value, i) => {
    if (Number.isFinite(value)) path += `M${i} ${zero}V${y(value)}h${width}V${zero}z`;
  });
  return path;
}

function marksOf(
  marked: ArrayLike<number>,
  values: ArrayLike<number>,
  y: (value: number) => number,
  count: number,
): string {
  const zero = y(0);
  // One of many columns would hardly be seen.
  const width = count > FEW ? 2 : GAPPED;
  let path = "";
  for (let i = 0; i < marked.length; i++) {
    const s = marked[i];
    if (!(s >= 0 && s < values.length)) continue;
    const x = columnOf(s, values.length, count) + (GAPPED - width) / 2;
    const mark = `M${x} ${HEIGHT + 2}v${RUG - 2}h${width}v${2 - RUG}z`;
    path += `M${x} ${zero}V${y(values[s])}h${width}V${zero}z${mark}`;
  }
  return path;
}

/** Points at a marked position close to the pointer, or else at the highest bar under it. */
function point(event: PointerEvent, { count, at }: Bins, marked: ArrayLike<number>): void {
  if (!(event.currentTarget instanceof HTMLElement)) return;
  const { left, width } = event.currentTarget.getBoundingClientRect();
  const column = Math.floor(((event.clientX - left) / width) * count);
  const under = at[Math.max(0, Math.min(count - 1, column))];
  const isMarked = (i: number): boolean => i >= 0 && i < count && includes(marked, at[i]);
  const close = [column, column - 1, column + 1, column - 2, column + 2].find(isMarked);
  const row = close === undefined ? under : at[close];
  if (row >= 0) chosenRow.value = row;
}

function includes(sorted: ArrayLike<number>, s: number): boolean {
  for (let i = 0; i < sorted.length; i++) if (sorted[i] === s) return true;
  return false;
}

/** Moves by a key: one position, to an end, or to the next marked position. */
function step(event: KeyboardEvent, row: number, length: number, marked: ArrayLike<number>): void {
  const all = Array.from(marked).filter((s) => s >= 0);
  const moves: Readonly<Record<string, number | undefined>> = {
    ArrowLeft: row - 1,
    ArrowDown: row - 1,
    ArrowRight: row + 1,
    ArrowUp: row + 1,
    Home: 0,
    End: length - 1,
    PageUp: all.find((s) => s > row) ?? (all.length > 0 ? row : row + PAGE),
    PageDown: all.findLast((s) => s < row) ?? (all.length > 0 ? row : row - PAGE),
  };
  const to = Object.hasOwn(moves, event.key) ? moves[event.key] : undefined;
  if (to === undefined) return;
  event.preventDefault();
  chosenRow.value = Math.max(0, Math.min(length - 1, to));
}
