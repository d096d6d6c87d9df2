/**
 * Answers what some switches would change.
 * @module
 */

import { commonPrefix } from "../../../engine/generate/common-prefix.ts";
import { ArgumentError, type Model, Session } from "../../../engine/index.ts";
import type { ExampleFacts, WhatIf, WhatIfAsk } from "../messages.ts";
import { withTopk } from "./changed-ops.ts";
import type { Call } from "./desk.ts";
import { layersOf, stagesOf } from "./facts.ts";
import type { OpenText } from "./open-text.ts";
import { changedModel, switchesOf } from "./switches.ts";
import { tokenFacts } from "./token-facts.ts";
import {
  answersRight,
  type Breathe,
  compare,
  logProbsOf,
  type Question,
  writes,
} from "./what-if.ts";

/** What the right model makes of a text, which many questions about the text need. */
interface Known {
  readonly ids: readonly number[];
  readonly logP: readonly number[];
}

/** The text of the last question, for each model. */
const KNOWN = new WeakMap<Model, Known>();

/** @param text gives the model, and pages that may hold the text already */
export async function whatIf(
  text: OpenText,
  ask: WhatIfAsk,
  examples: readonly ExampleFacts[],
  { signal, onProgress }: Call,
): Promise<WhatIf> {
  const begun = performance.now();
  const { model, tokenizer } = text.speaking;
  const ids = ask.text === undefined && ask.ids === undefined ? text.ids : text.idsOf(ask);
  const changed = changedBy(model, ask);
  const breathe: Breathe = async (done) => {
    onProgress({ done, total: ids.length, unit: "tokens" });
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal.throwIfAborted();
  };
  const stages = stagesOf(layersOf(model)).map(({ name }) => name);
  const pair = {
    right: model,
    pool: text.pool,
    changed,
    stages,
    begins: beginsOf(model, ask, stages),
  };
  const logP = await knownLogP(model, ids, breathe);
  const read = await compare(pair, ids, breathe);
  try {
    const session = new Session(model, { pool: text.pool });
    let right: number[];
    try {
      right = await writes(session, ids, ask.count, tokenizer, signal);
    } finally {
      session.close();
    }
    const other = await writes(read.session, ids, ask.count, tokenizer, signal);
    const tokenAt = commonPrefix(right, other);
    const isSame = tokenAt === right.length && tokenAt === other.length;
    const recall = ask.recall ? await recallOf(text, read.session, examples, breathe) : undefined;
    return {
      stage: read.stage === undefined ? undefined : stages[read.stage],
      stageAt: read.stageAt,
      why: isSame && isTooShort(model, ask, ids.length) ? "short" : undefined,
      read: ids.length,
      right: tokenFacts(tokenizer, right),
      changed: tokenFacts(tokenizer, other),
      tokenAt: isSame ? undefined : tokenAt,
      meanLogP: mean(logP.map((x, i) => Math.abs(x - read.changedLogP[i]))),
      logP: mean(logP),
      changedLogP: mean(read.changedLogP),
      recall,
      milliseconds: performance.now() - begun,
    };
  } finally {
    read.session.close();
  }
}

/** @throws {ArgumentError} for a switch that there is not, or a number of rows that cannot be */
function changedBy(model: Model, { switches, k }: WhatIfAsk): Model {
  const changed = changedModel(model, switches);
  const known = switchesOf(model.config).map(({ id }) => id);
  if (!changed) {
    throw new ArgumentError(
      "switches",
      `expected some of ${known.join(", ")}, got ${switches.join(", ")}`,
    );
  }
  if (k === undefined) return changed;
  if (!(Number.isInteger(k) && k > 0)) {
    throw new ArgumentError("k", `expected a number of rows above 0, got ${k}`);
  }
  return withTopk(k)(changed);
}

/** The number of the first stage that the switches can change. */
function beginsOf(
  { config }: Model,
  { switches, k }: WhatIfAsk,
  stages: readonly string[],
): number {
  const begins = switchesOf(config).flatMap(({ id, begins: at }) =>
    switches.includes(id) ? at : [],
  );
  if (k !== undefined) begins.push(`top_k-${config.indexerTypes.indexOf("full")}`);
  return begins.length === 0 ? stages.length : Math.min(...begins.map((at) => stages.indexOf(at)));
}

/** Whether the text is so short that all rows are chosen, whatever an indexer says. */
function isTooShort({ config }: Model, { switches, k }: WhatIfAsk, length: number): boolean {
  const pressed = switchesOf(config).filter(({ id }) => switches.includes(id));
  return length <= (k ?? config.indexTopk) && pressed.every(({ needsLongText }) => needsLongText);
}

async function knownLogP(
  model: Model,
  ids: readonly number[],
  breathe: Breathe,
): Promise<readonly number[]> {
  const known = KNOWN.get(model);
  if (known && known.ids.length === ids.length && commonPrefix(known.ids, ids) === ids.length) {
    return known.logP;
  }
  const logP = await logProbsOf(model, ids, breathe);
  KNOWN.set(model, { ids, logP });
  return logP;
}

/** Asks both models the questions of the example that has some. */
async function recallOf(
  text: OpenText,
  changed: Session,
  examples: readonly ExampleFacts[],
  breathe: Breathe,
): Promise<WhatIf["recall"]> {
  const { model, tokenizer } = text.speaking;
  const example = examples.find(({ questions }) => questions !== undefined);
  if (!example?.questions) return undefined;
  const questions = example.questions.map(
    ({ question, answer }): Question => ({
      ids: text.idsOf({ text: example.text + question }),
      answer: [...tokenizer.encode(answer)],
    }),
  );
  const session = new Session(model, { pool: text.pool });
  try {
    return {
      right: await answersRight(session, questions, breathe),
      changed: await answersRight(changed, questions, breathe),
      of: questions.length,
    };
  } finally {
    session.close();
  }
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, x) => sum + x, 0) / Math.max(1, numbers.length);
