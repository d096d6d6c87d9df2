/**
 * The frame of a figure: its drawing, a caption, where its numbers come from, and the numbers
 * themselves, as a table and for the clipboard.
 * @module
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import type { View } from "../data.ts";
import { trace } from "../engine.ts";
import { cellText, type NumberTable, tabSeparated } from "../tables.ts";
import { num, say } from "./say.ts";
import { Scroll } from "./scroll.tsx";
import { whyNone } from "./why-none.ts";

/** Rows of a table that are shown at first, and that each press adds. */
const ROWS_AT_ONCE = 20;

/** A figure with the numbers that it draws. */
export interface FigureProps {
  /** Stands in the page as `data-figure`. */
  readonly name: string;
  /** What the figure shows, for those who do not see it. */
  readonly label: string;
  /** The view that it draws; without one, its numbers are those of the text. */
  readonly view?: View<unknown>;
  /** Made when the reader wants to see it. */
  readonly table?: (() => NumberTable) | undefined;
  readonly caption?: ComponentChildren;
  readonly children?: ComponentChildren;
}

export function Figure({ name, label, view, table, caption, children }: FigureProps): JSX.Element {
  const isOpen = useSignal(false);
  const missing = view && !view.answer ? <Missing view={view} /> : undefined;
  return (
    <figure
      class={view?.waits && view.answer ? "card waits" : "card"}
      data-figure={name}
      aria-label={label}
    >
      {missing ?? children}
      {!missing && caption !== undefined && <figcaption aria-live="polite">{caption}</figcaption>}
      <div class="tools">
        {!missing && table && (
          <>
            <button
              type="button"
              class="plain"
              aria-expanded={isOpen.value}
              onClick={() => {
                isOpen.value = !isOpen.value;
              }}
            >
              {isOpen.value ? say.value.hideTable : say.value.asTable}
            </button>
            <Copy table={table} />
          </>
        )}
        {view?.origin && <Badge origin={view.origin} />}
      </div>
      {!missing && table && isOpen.value && <Numbers table={table()} label={label} />}
    </figure>
  );
}

function Missing({ view }: { readonly view: View<unknown> }): JSX.Element {
  const { failed } = view;
  if (failed !== undefined) return <p class="note">{failed}</p>;
  return <p class={trace.value ? "quiet" : "quiet waiting"}>{whyNone()}</p>;
}

function Badge({ origin }: { readonly origin: "recorded" | "live" | "file" }): JSX.Element {
  const text = origin === "file" ? say.value.fromFile(trace.value?.name ?? "") : say.value[origin];
  return (
    <span class={`badge ${origin}`} title={say.value.originHelp[origin]}>
      {text}
    </span>
  );
}

function Copy({ table }: { readonly table: () => NumberTable }): JSX.Element {
  const state = useSignal<"no" | "done" | "refused">("no");
  const copy = (): void => {
    navigator.clipboard.writeText(tabSeparated(table())).then(
      () => {
        state.value = "done";
      },
      () => {
        state.value = "refused";
      },
    );
  };
  const text = { no: say.value.copy, done: say.value.copied, refused: say.value.copyRefused };
  return (
    <button type="button" class="plain" onClick={copy}>
      {text[state.value]}
    </button>
  );
}

function Numbers({
  table,
  label,
}: {
  readonly table: NumberTable;
  readonly label: string;
}): JSX.Element {
  const shown = useSignal(ROWS_AT_ONCE);
  const count = Math.min(shown.value, table.count);
  return (
    <Scroll class="numbers" label={say.value.tableOf(label)}>
      <table>
        <thead>
          <tr>
            {table.head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: count }, (_, i) => (
            <tr key={i}>
              {table.row(i).map((cell, j) => (
                <td key={table.head[j]} class={typeof cell === "number" ? "n" : undefined}>
                  {cellText(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {count < table.count && (
        <p class="tools">
          <span>{say.value.rowsShown(num.value.count(count), num.value.count(table.count))}</span>
          <button
            type="button"
            class="plain"
            onClick={() => {
              shown.value += ROWS_AT_ONCE;
            }}
          >
            {say.value.moreRows}
          </button>
          <button
            type="button"
            class="plain"
            onClick={() => {
              shown.value = table.count;
            }}
          >
            {say.value.allRows}
          </button>
        </p>
      )}
    </Scroll>
  );
}
