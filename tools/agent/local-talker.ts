/**
 * The model on this machine as the one who is tested.
 *
 * Next: suite.ts
 * @module
 */
import { generate, Session } from "../../engine/index.ts";
import {
  collectReply,
  promptIds,
  type Reply,
  type ReplyEvent,
  ReplyParser,
} from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Speaker } from "../library/speaker.ts";
import type { Talker } from "./suite.ts";

/** Replies are cut off here. The longest that is expected has about 120 tokens; stories are longer. */
const LONGEST_REPLY = 200;

/** Returns a talker that chooses the likeliest tokens. What requests begin with in common is run once. */
export function localTalker(speaker: Speaker, tokenizer: Tokenizer): Talker & Disposable {
  const { model, template } = speaker;
  const session = new Session(model);
  const talk: Talker = async (request): Promise<Reply> => {
    const prompt = template.render(request);
    const ids = [...promptIds(tokenizer, prompt, { controlTokensIn: "protocol" })];
    const parser = new ReplyParser(tokenizer, {
      startsIn: prompt.replyStartsIn,
      ...(request.tools && { tools: request.tools }),
    });
    const events: ReplyEvent[] = [];
    const steps = generate(session, ids, {
      maxTokens: LONGEST_REPLY,
      sampling: { temperature: 0 },
      stopIds: model.config.eosTokenIds,
    });
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) events.push(...parser.push(step.value.id));
    events.push(...parser.end(step.value === "stop" ? "stop" : "length"));
    return collectReply(events);
  };
  return Object.assign(talk, { [Symbol.dispose]: () => session.close() });
}
