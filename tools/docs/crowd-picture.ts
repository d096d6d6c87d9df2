/**
 * Draws how texts share the steps of a scheduler: docs/many-texts.svg. The schedule is a real one.
 * @module
 */
import { type Model, newPagePool, PagePool, type RowsOf, Scheduler } from "../../engine/index.ts";
import { COLOUR, heading, line, rect, svg, text, WIDTH } from "./understand/svg.ts";

/** Colours of the texts. */
const COLOURS = [COLOUR.blue, COLOUR.orange, COLOUR.green, "#cc79a7", "#e69f00", "#56b4e9"];

const [LEFT, RIGHT, TOP, FLOOR] = [60, WIDTH - 30, 96, 330];

/** Positions of a page. */
const PAGE_ROWS = 16;

/** What happens in the picture. */
interface Scene {
  readonly steps: readonly (readonly RowsOf[])[];
  /** In which step each text came, and how many tokens of its prompt were there. */
  readonly begun: readonly { readonly step: number; readonly cached: number }[];
}

/** Runs the texts: short ones, a long one, and two that begin as the long one does. */
export function scene(model: Model): Scene {
  const { layout } = newPagePool(model.ops, model.config, { pageRows: PAGE_ROWS });
  const pool = new PagePool(model.ops.rowMemory(), layout, { maxPages: 60 });
  const scheduler = new Scheduler(model, pool, { maxContext: 512, maxRows: 64, stepRows: 24 });
  const tokens = (n: number, which: number) =>
    Array.from({ length: n }, (_, i) => 300 + ((i * i * 7 + i * 31 + which * 97) % 1500));
  const long = tokens(200, 2);
  const arrivals = new Map([
    [0, { ids: tokens(14, 0), maxTokens: 30 }],
    [2, { ids: tokens(20, 1), maxTokens: 22 }],
    [4, { ids: long, maxTokens: 12 }],
    [6, { ids: [...long, 301, 302], maxTokens: 14 }],
    [8, { ids: tokens(8, 4), maxTokens: 20 }],
    [24, { ids: [...long, 303], maxTokens: 6 }],
  ]);
  const steps: (readonly RowsOf[])[] = [];
  const begun: { step: number; cached: number }[] = [];
  for (let step = 0; step < 31; step++) {
    const job = arrivals.get(step);
    if (job) scheduler.submit(job);
    const { rows, events } = scheduler.step();
    for (const event of events) {
      if (event.type === "admitted") begun[event.job] = { step, cached: event.cachedTokens };
    }
    steps.push(rows);
  }
  scheduler.close();
  return { steps, begun };
}

/** docs/many-texts.svg */
export function crowdPicture({ steps, begun }: Scene): string {
  const most = Math.max(...steps.map((rows) => rows.reduce((n, { nRows }) => n + nRows, 0)));
  const width = (RIGHT - LEFT) / steps.length;
  const height = (FLOOR - TOP) / most;
  const parts = steps.flatMap((rows, step) => {
    let y = FLOOR;
    return rows.map(({ job, nRows, isReading }) => {
      y -= nRows * height;
      const x = LEFT + step * width;
      const opacity = isReading ? 'fill-opacity="0.35"' : "";
      return rect(x + 1, y + 0.5, width - 2, nRows * height - 1, COLOURS[job], opacity);
    });
  });
  return svg(440, "How six texts share the steps of the scheduler", [
    heading(20, 30, "six texts share the steps"),
    text(
      20,
      50,
      "dark: the newest token of a text that is being written; pale: tokens of a prompt that is read",
    ),
    text(20, 68, "each step has 24 rows; prompts share what the texts leave"),
    text(LEFT - 8, TOP + 10, String(most), { anchor: "end", size: 11 }),
    text(LEFT - 8, TOP + 24, "rows", { anchor: "end", size: 11 }),
    line([LEFT, FLOOR], [RIGHT, FLOOR], COLOUR.soft),
    ...parts,
    text(LEFT, FLOOR + 16, "step 0", { size: 11 }),
    text(RIGHT, FLOOR + 16, `step ${steps.length - 1}`, { size: 11, anchor: "end" }),
    ...begun.flatMap(({ step, cached }, job) => {
      const [column, row] = [job % 2, Math.floor(job / 2)];
      const [x, y] = [LEFT + column * 400, FLOOR + 44 + row * 22];
      const kept = cached > 0 ? `, ${cached} tokens were there` : "";
      return [
        rect(x, y - 10, 12, 12, COLOURS[job]),
        text(x + 18, y, `text ${job + 1}, from step ${step} on${kept}`, { size: 12 }),
      ];
    }),
  ]);
}
