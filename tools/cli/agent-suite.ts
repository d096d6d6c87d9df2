/**
 * `glm52 eval --suite agent`: plays the agent suite with a model here, or with an engine elsewhere.
 * @module
 */
import type { Activations } from "../../engine/index.ts";
import { type AgentEvaluation, playSuite } from "../agent/suite.ts";
import { voiceTalker } from "../agent/voice-talker.ts";
import { SessionVoice } from "../library/session-voice.ts";
import type { Voice } from "../library/voice.ts";
import { open } from "../node/open.ts";
import { EndpointVoice } from "../remote/endpoint-voice.ts";
import { openRemoteModel } from "../remote/remote-model.ts";
import { interruptible } from "./interrupt.ts";
import { progressLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { clientOf, findEndpoint, type UrlChoice } from "./url-option.ts";
import { UsageError } from "./usage-error.ts";

/** What the suite takes of the options of `eval`. */
export interface SuiteChoice extends UrlChoice {
  readonly samples: number;
  readonly seed: number;
  readonly threads: number;
  readonly activations?: Activations;
}

/** Plays the suite. */
export async function agentSuite(
  folder: string | undefined,
  choice: SuiteChoice,
  terminal: Terminal,
): Promise<AgentEvaluation> {
  const { stderr } = terminal;
  if (choice.url !== undefined) {
    const model = await openRemoteModel(folder);
    const endpoint = await findEndpoint(clientOf(choice.url, choice), model, stderr);
    return played(new EndpointVoice(endpoint, model), choice, terminal);
  }
  const { threads, activations } = choice;
  const loading = progressLine(stderr, "loading");
  const glm = await open(folder, {
    ...{ threads, turbo: true, activations, mtp: "skip" },
    onProgress: loading.update,
  }).finally(loading.end);
  try {
    if (glm.tokenizer === undefined) {
      throw new UsageError("--suite", "agent needs a tokenizer.json, this model has none");
    }
    return await played(new SessionVoice(glm, glm.tokenizer, {}), choice, terminal);
  } finally {
    await glm.close();
  }
}

async function played(
  voice: Voice,
  { samples, seed }: SuiteChoice,
  terminal: Terminal,
): Promise<AgentEvaluation> {
  const progress = progressLine(terminal.stderr, "playing", "dialogues");
  try {
    return await interruptible(terminal, (signal) =>
      playSuite(voiceTalker(voice, signal), {
        ...{ samples, seed, signal },
        onProgress: progress.update,
      }),
    );
  } finally {
    progress.end();
    voice.close();
  }
}
