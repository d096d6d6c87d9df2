/**
 * A voice, here or elsewhere, as the one who is tested.
 *
 * Next: suite.ts
 * @module
 */
import type { Voice } from "../library/voice.ts";
import type { Talker } from "./suite.ts";

/** Replies are cut off here. The longest that is expected has about 120 tokens; stories are longer. */
const LONGEST_REPLY = 200;

/** Returns a talker that chooses the likeliest tokens. */
export function voiceTalker(voice: Voice, signal?: AbortSignal): Talker {
  return async (asked) => {
    const greedy = { temperature: 0, maxTokens: LONGEST_REPLY, ...(signal && { signal }) };
    const events = voice.reply({ ...asked, ...greedy });
    for (let step = await events.next(); ; step = await events.next()) {
      if (step.done) return step.value.reply;
    }
  };
}
