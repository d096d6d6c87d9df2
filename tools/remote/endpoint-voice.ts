/**
 * The voice of a model that runs elsewhere. Our template makes the prompt, the server goes on with it, and
 * our parser reads the reply: the conversation is right even where the server's own template or parser is not.
 *
 * Next: template-voice.ts
 * @module
 */
import { ArgumentError, type FinishReason } from "../../engine/index.ts";
import type { ReplyEvent } from "../../tokenizer/chat/index.ts";
import { MAX_TOKENS, samplingOf } from "../library/text-session.ts";
import {
  canSkipThinking,
  type Part,
  type RenderedTurn,
  renderTurn,
  spokenEvents,
  tooLong,
  type Voice,
  type VoiceEnd,
  type VoiceTurn,
} from "../library/voice.ts";
import type { Endpoint, RemoteCounts } from "./endpoint.ts";
import type { RemoteModel } from "./remote-model.ts";

/** The voice; see the top of this file. */
export class EndpointVoice implements Voice {
  readonly canSkipThinking: boolean;
  /** Tokens that prompt and reply may have together. */
  readonly maxContext: number;
  contextLength = 0;
  readonly #endpoint: Endpoint;
  readonly #model: RemoteModel;

  constructor(endpoint: Endpoint, model: RemoteModel) {
    this.#endpoint = endpoint;
    this.#model = model;
    this.canSkipThinking = canSkipThinking(model.template);
    this.maxContext = endpoint.maxContext ?? model.maxContext;
  }

  async *reply(turn: VoiceTurn): AsyncGenerator<ReplyEvent, VoiceEnd> {
    refuseConstraint(turn);
    const { template, tokenizer } = this.#model;
    const rendered = renderTurn(turn, template, tokenizer);
    const { ids, parser } = rendered;
    const room = this.maxContext - ids.length;
    if (room < 0) throw tooLong(ids.length, this.maxContext);
    this.#checkText(rendered);
    const counts: RemoteCounts = { nCached: undefined, nReply: undefined };
    const end = yield* spokenEvents(this.#parts(rendered, turn, room, counts), parser);
    const replyTokens = this.#endpoint.way.tellsIds
      ? end.replyTokens
      : (counts.nReply ?? end.replyTokens);
    this.contextLength = ids.length + replyTokens;
    return { ...end, replyTokens, promptTokens: ids.length, reusedTokens: counts.nCached ?? 0 };
  }

  async *#parts(
    { ids, prompt: { text } }: RenderedTurn,
    turn: VoiceTurn,
    room: number,
    counts: RemoteCounts,
  ): AsyncGenerator<Part, FinishReason> {
    const { maxTokens: most = MAX_TOKENS, seed = 0, signal } = turn;
    const sampling = samplingOf(this.#model.sampling, turn);
    const maxTokens = Math.min(most, room);
    const choice = { maxTokens, sampling, seed, signal };
    const finish = yield* this.#endpoint.run({ ids, text }, choice, counts);
    return finish === "length" && maxTokens < most ? "context" : finish;
  }

  /** @throws {ArgumentError} where the server would read a control token in what somebody has written */
  #checkText({ ids, prompt }: RenderedTurn): void {
    if (this.#endpoint.way.takesIds) return;
    const read = this.#model.tokenizer.encode(prompt.text);
    if (read.length === ids.length && ids.every((id, i) => id === read[i])) return;
    throw new ArgumentError(
      "message",
      "it spells a control token, and this server takes prompts as text alone, so it would read one there; " +
        "write it in another way",
    );
  }

  /** Nothing is kept here. */
  close(): void {}
}

/** @throws {ArgumentError} for a reply that is to be held to something */
export function refuseConstraint({ constraint }: VoiceTurn): void {
  if (!constraint) return;
  throw new ArgumentError("constraint", "a server elsewhere cannot be held to one from here");
}
