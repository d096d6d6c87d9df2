/**
 * Generates text after a prompt, as the options say. `glm52 run` and `glm52 session save` do this.
 * @module
 */
import type { Constraint } from "../../engine/index.ts";
import type { TextResult } from "../library/generate-text.ts";
import type { Glm } from "../library/glm.ts";
import type { TextSession } from "../library/text-session.ts";
import { type Watch, watch } from "../library/watch.ts";
import { checkWritable } from "../node/output.ts";
import { UserError } from "../node/user-error.ts";
import type { RouteRecorder } from "../stream/route-recorder.ts";
import { constraintFor, type FormOptions, formOf } from "./form-option.ts";
import type { GenerationOptions } from "./generation-options.ts";
import { interruptible } from "./interrupt.ts";
import { choiceOf, openSpeaker, timelineOf } from "./open-speaker.ts";
import { type Progress, progressLine } from "./progress.ts";
import { readPrompt } from "./prompt.ts";
import { routeRecorder, writeRoutes } from "./route-trace-option.ts";
import { resultJson, savedLine, summaryLine } from "./run-output.ts";
import { defaultSeed } from "./seed.ts";
import { keeperOf, type SessionChoice } from "./session-option.ts";
import { SHOWN_ALTERNATIVES, type Shown, showWriter } from "./show.ts";
import { streamedLine } from "./stream-option.ts";
import type { Terminal } from "./terminal.ts";
import { sayDimly } from "./text-out.ts";
import { wordWriter } from "./word-wrap.ts";

/** The options of `glm52 run`; commands/run.ts says what each one is for. */
export interface RunOptions extends GenerationOptions, SessionChoice, FormOptions {
  readonly stop?: readonly string[];
  readonly tokens?: readonly number[];
  readonly bos?: string;
  readonly echo?: boolean;
  readonly logprobs?: number;
  readonly json?: boolean;
  readonly show?: Shown;
  readonly routeTrace?: string;
}

/** Opens the model, generates, prints, and closes everything. Returns the exit code. */
export async function runText(
  text: string | undefined,
  options: RunOptions,
  terminal: Terminal,
): Promise<number> {
  const { stdout, stderr } = terminal;
  const { routeTrace } = options;
  if (routeTrace !== undefined)
    await checkWritable(routeTrace, options.model ? [options.model] : []);
  const form = await formOf(options);
  const glm = await openSpeaker(options, stderr);
  try {
    if (!glm.tokenizer && options.stop) {
      throw new UserError("--stop", "this model has no tokenizer.json, so there is no text");
    }
    const prefilling = progressLine(stderr, "reading the prompt", "tok");
    const watching = options.show === undefined ? undefined : watch(glm.model.config);
    const routes = routeTrace === undefined ? undefined : routeRecorder(glm);
    const taps = watching?.taps ?? routes;
    const timeline = {
      ...(await timelineOf(options)),
      onPrefill: prefilling.update,
      ...(taps && { taps }),
    };
    const keeper = await keeperOf(glm, "text", options, timeline, stderr);
    const isForPerson = stdout.isTerminal && !options.json;
    const seed = options.seed ?? defaultSeed(isForPerson);
    const session = glm.session(timeline, keeper, seed);
    try {
      const said = isForPerson && options.seed === undefined ? `seed ${seed}` : undefined;
      return await continueText(
        text,
        { ...options, seed, said, watching, routes, constraint: form && constraintFor(form, glm) },
        terminal,
        glm,
        session,
        prefilling,
      );
    } finally {
      prefilling.end();
      session.close();
    }
  } finally {
    await glm.close();
  }
}

/** The options, and what follows from them. */
interface Resolved extends RunOptions {
  readonly seed: number;
  /** What the line of speeds says besides. */
  readonly said: string | undefined;
  readonly watching: Watch | undefined;
  readonly routes: RouteRecorder | undefined;
  readonly constraint: Constraint | undefined;
}

/**
 * Adds the prompt to the text of the session, which is empty or was saved, and generates after it.
 * Returns the exit code.
 */
async function continueText(
  text: string | undefined,
  options: Resolved,
  terminal: Terminal,
  glm: Glm,
  session: TextSession,
  prefilling: Progress,
): Promise<number> {
  const { stdin, stdout, stderr } = terminal;
  const { tokens, logprobs, json, echo, draft, stop, seed, show, watching } = options;
  const { routes, routeTrace } = options;
  const bos = options.bos ?? (session.tokens.length > 0 ? "none" : undefined);
  const prompt = await readPrompt({ text, tokens, bos }, glm, stdin);
  const say = json ? () => {} : wordWriter(stdout);
  const showLine =
    show &&
    watching &&
    showWriter(stdout, {
      what: show,
      watch: watching,
      textOf: (id) => glm.decode([id]),
      tokens: () => session.engine.tokens,
    });
  return interruptible(terminal, async (interrupt) => {
    const pieces = session.generate(prompt.ids, {
      ...choiceOf(options, seed),
      topLogProbs: show === "probs" ? SHOWN_ALTERNATIVES : (logprobs ?? 0),
      signal: AbortSignal.any([interrupt, stdout.closed]),
      ...(stop && { stop }),
      constraint: options.constraint,
    });
    let isFirst = true;
    for (let step = await pieces.next(); ; step = await pieces.next()) {
      if (isFirst) {
        prefilling.end();
        if (echo) say(prompt.text());
        else if (!json) sayDimly(stdout, () => say(endOf(prompt.text())));
        if (showLine && stdout.isTerminal) stdout.write("\n");
      }
      isFirst = false;
      if (step.done) return finish(step.value);
      if (showLine) step.value.tokens.forEach(showLine);
      else if (step.value.text !== "") say(step.value.text);
    }
  });

  async function finish(result: TextResult): Promise<number> {
    if (stdout.closed.aborted) return 0; // nobody reads any more, as with `| head`; what is there is saved
    if (json) {
      const hasText = glm.tokenizer !== undefined;
      stdout.write(resultJson(result, { logProbs: logprobs !== undefined, hasText }));
    } else if (!showLine && !result.text.endsWith("\n")) {
      (stdout.isTerminal ? stdout : stderr).write("\n"); // the speeds begin a line, and a pipe gets the text alone
    }
    const isSaved = options.session !== undefined && options.maxTokens === 0;
    stderr.write(
      isSaved ? savedLine(result, options.session) : summaryLine(result, draft, options.said),
    );
    const streamed = glm.streamed?.();
    if (streamed) stderr.write(streamedLine(streamed));
    if (routes && routeTrace !== undefined) {
      const text = { tokens: session.engine.tokens, promptLength: result.promptIds.length };
      await writeRoutes(routeTrace, routes, glm, text, stderr);
    }
    return result.finishReason === "aborted" ? 130 : 0;
  }
}

/** Characters of a prompt that a terminal shows before the text. */
const SHOWN_OF_PROMPT = 1000;

/** The end of a long prompt, which the text goes on from. */
function endOf(prompt: string): string {
  return prompt.length <= SHOWN_OF_PROMPT ? prompt : `… ${prompt.slice(-SHOWN_OF_PROMPT)}`;
}
