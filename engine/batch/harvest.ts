/**
 * What a step brings its lines: tokens, ends, and new choices of a prompt that was read.
 *
 * Next: ../kv/crowd.ts, for how a step tells texts apart; ../kv/page-keeper.ts
 * @module
 */
import { noTaps } from "../base/tap.ts";
import type { Floats, Tensor } from "../base/tensor.ts";
import { type FinishReason, report } from "../generate/generate.ts";
import { logProbs, topIds } from "../generate/sampler.ts";
import { type Choice, type Guess, guess, settle } from "../generate/speculate.ts";
import { head, type Model } from "../model/model.ts";
import type { JobEvent } from "./job.ts";
import type { Line, Task } from "./line.ts";
import type { RowShare } from "./row-shares.ts";
import type { TracedPart, TracedRows } from "./row-trace.ts";

/** At most so many rows have logits at a time: each row has those of the whole vocabulary. */
const LOGIT_ROWS = 64;

/** A line, and the tokens that it runs in a step. */
export interface Sown {
  readonly line: Line;
  /** The next tokens of the text, and guesses after them. */
  readonly tokens: readonly number[];
  readonly guesses: readonly Guess[];
}

/** What came of a line in a step. */
export interface Outcome {
  readonly events: readonly JobEvent[];
  /** The lines that are at their end. */
  readonly over: readonly Line[];
  /** Why the job cannot go on, if it cannot. */
  readonly error?: unknown;
}

/** The tokens that a line runs with its share of rows. */
export function sow({ line, nRows }: RowShare, maxContext: number): Sown {
  const { chooser, timeline, draft, isDecoding } = line;
  const { text } = chooser;
  const from = timeline?.length ?? 0;
  const tokens = text.slice(from, from + nRows);
  const { draftSteps = 0 } = line.task.job;
  const steps = isDecoding && draft ? Math.min(draftSteps, maxContext - text.length) : 0;
  const guesses = steps > 0 && draft ? guess(draft, chooser, steps) : [];
  return { line, tokens: [...tokens, ...guesses.map(({ id }) => id)], guesses };
}

/** The rows of a line in a step, and what is to be told of them. */
export function tracedPart({ line, tokens }: Sown): TracedPart {
  return { nRows: tokens.length, wish: line.task.job.trace };
}

/** Tells what the layers chose for the rows of a line, which were just run. */
export function traceEvent({ line, tokens }: Sown, rows: TracedRows): JobEvent {
  const { task, choice, timeline } = line;
  const start = (timeline?.length ?? 0) - tokens.length;
  return { type: "trace", job: task.id, choice, start, rows };
}

/**
 * Turns the rows of a step into what happens to its lines.
 *
 * @param hidden the rows of the lines, one line after the other
 */
export function harvest(
  model: Model,
  maxContext: number,
  sown: readonly Sown[],
  hidden: Tensor<["T", "hidden"]>,
): { readonly task: Task; readonly outcome: Outcome }[] {
  const wanted = wantedRows(sown);
  const logits = logitsOf(model, hidden, [...wanted.values()].flat());
  let from = 0;
  return sown.map((part) => {
    const { line, tokens } = part;
    const first = from;
    from += tokens.length;
    const rows = (wanted.get(part) ?? []).map((row) => logits.get(row) as Floats);
    const events: JobEvent[] = [];
    try {
      const mine = model.ops.slice(hidden, first, from);
      line.observe((line.timeline?.length ?? 0) - tokens.length, tokens, mine);
      const over = goOn(part, rows, maxContext, events);
      return { task: line.task, outcome: { events, over } };
    } catch (error) {
      return { task: line.task, outcome: { events, over: [], error } };
    }
  });
}

/** The rows of the step whose logits each line needs. */
function wantedRows(sown: readonly Sown[]): Map<Sown, number[]> {
  const wanted = new Map<Sown, number[]>();
  let end = 0;
  for (const part of sown) {
    const { line, tokens, guesses } = part;
    end += tokens.length;
    const isRead = line.nMissing === -guesses.length;
    const isScored = line.task.job.promptLogProbs && line.chooser.nChosen === 0;
    const n = isScored ? tokens.length : isRead ? 1 + guesses.length : 0;
    const rows = Array.from({ length: n }, (_, i) => end - n + i);
    wanted.set(part, rows);
  }
  return wanted;
}

/** Logits of some rows. Neighbours go through the head together. */
function logitsOf(
  model: Model,
  hidden: Tensor<["T", "hidden"]>,
  wanted: readonly number[],
): Map<number, Floats> {
  const { ops, config } = model;
  const { vocabSize } = config;
  const rows = new Map<number, Floats>();
  for (let i = 0; i < wanted.length; ) {
    const first = wanted[i];
    let n = 1;
    while (n < LOGIT_ROWS && wanted[i + n] === first + n) n++;
    const mark = ops.mark();
    const values = ops.read(head(model, ops.slice(hidden, first, first + n), noTaps));
    ops.release(mark);
    for (let k = 0; k < n; k++) {
      rows.set(first + k, values.subarray(k * vocabSize, (k + 1) * vocabSize));
    }
    i += n;
  }
  return rows;
}

/** A line goes on with its rows. @returns the lines that are at their end */
function goOn(
  { line, tokens, guesses }: Sown,
  rows: readonly Floats[],
  maxContext: number,
  events: JobEvent[],
): Line[] {
  const { task, chooser } = line;
  const { job, id } = task;
  const done = line.timeline?.length ?? 0;
  if (chooser.nChosen > 0) {
    if (rows.length === 0) return []; // it reads its text again
    const choices = settle(chooser, guesses, rows);
    line.truncate(done - guesses.length + choices.length - 1);
    return tell(line, choices, maxContext, events) ? [line] : [];
  }
  if (job.promptLogProbs) score(task, done - tokens.length, rows);
  events.push({ type: "prefill", job: id, done, total: job.ids.length });
  if (done < job.ids.length) return [];
  if (job.promptLogProbs) events.push({ type: "prompt", job: id, tokens: task.scored });
  const { n = 1, maxTokens } = job;
  if (maxTokens === 0) {
    for (let choice = 0; choice < n; choice++) {
      events.push({ type: "end", job: id, choice, reason: "length" });
    }
    return [line];
  }
  // The prompt was read. Every choice begins with the same logits.
  for (let choice = 1; choice < n; choice++) task.lines.push(line.sibling(choice));
  const logits = rows[rows.length - 1];
  return [...task.lines].filter((each) => {
    const chosen = { id: each.chooser.choose(logits), logits, drafted: false };
    return tell(each, [chosen], maxContext, events);
  });
}

/** Tells the choices of one line, up to its end. @returns whether it is at its end */
function tell(
  { task, choice, chooser }: Line,
  choices: readonly Choice[],
  maxContext: number,
  events: JobEvent[],
): boolean {
  const { job, id } = task;
  const { stopIds = [], topLogProbs = 0, maxTokens } = job;
  const end = (reason: FinishReason): true => {
    events.push({ type: "end", job: id, choice, reason });
    return true;
  };
  let n = chooser.nChosen - choices.length;
  for (const chosen of choices) {
    const isStop = stopIds.includes(chosen.id);
    events.push({ type: "token", job: id, choice, token: report(chosen, topLogProbs), isStop });
    n++;
    if (isStop) return end("stop");
    if (n === maxTokens) return end("length");
  }
  return chooser.text.length > maxContext && end("context");
}

/** Scores the prompt's tokens after the rows from position `from` on. */
function score({ job, scored }: Task, from: number, rows: readonly Floats[]): void {
  const { ids, topLogProbs = 0 } = job;
  rows.forEach((logits, i) => {
    const id = ids[from + i + 1];
    // A prompt that was put back is read again, and was scored up to some place.
    if (id === undefined || from + i < scored.length) return;
    const likeliest = topIds(logits, topLogProbs);
    const [logProb, ...others] = logProbs(logits, [id, ...likeliest]);
    const top = likeliest.map((topId, k) => ({ id: topId, logProb: others[k] }));
    scored.push({ id, logProb, top });
  });
}
