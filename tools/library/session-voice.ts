/**
 * The voice of a model that runs here: one session, whose caches all turns share.
 *
 * A turn renders the whole conversation anew and leaves it to the session to find out which tokens
 * it has run already. With reasoning kept in the prompt (`clear_thinking: false`) that is all of
 * them but the new messages.
 *
 * Next: chat.ts
 * @module
 */
import { commonPrefix } from "../../engine/generate/common-prefix.ts";
import { type FinishReason, type GeneratedToken, generate, Session } from "../../engine/index.ts";
import type { ReplyEvent } from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Keeper, StartKeeper } from "./keeper.ts";
import type { Speaker } from "./speaker.ts";
import { generation, sessionOptions, type TimelineOptions } from "./text-session.ts";
import {
  canSkipThinking,
  renderTurn,
  spokenEvents,
  tooLong,
  type Voice,
  type VoiceEnd,
  type VoiceTurn,
} from "./voice.ts";

/** The voice; see the top of this file. */
export class SessionVoice implements Voice {
  readonly canSkipThinking: boolean;
  readonly keeper: Keeper | undefined;
  readonly #speaker: Speaker;
  readonly #tokenizer: Tokenizer;
  readonly #session: Session;
  readonly #draft: number;

  /** @throws {ArgumentError} for a chat template that cannot be used */
  constructor(
    speaker: Speaker,
    tokenizer: Tokenizer,
    options: TimelineOptions & { readonly seed?: number | undefined },
    startKeeper?: StartKeeper,
  ) {
    const { template } = speaker;
    if (template.refusal) throw template.refusal;
    this.#speaker = speaker;
    this.#tokenizer = tokenizer;
    this.canSkipThinking = canSkipThinking(template);
    const { chunk, draft = 0, rows, tier, maxContext, onPrefill, seed = 0 } = options;
    this.#draft = draft;
    const timeline = {
      chunk,
      draft,
      onPrefill,
      ...(rows && { rows }),
      ...(tier && { tier }),
      ...(maxContext !== undefined && { maxContext }),
    };
    const afterStep = () => this.keeper?.ifDue();
    this.#session = new Session(speaker.model, sessionOptions(timeline, afterStep));
    this.keeper = startKeeper?.(this.#session, seed);
  }

  get contextLength(): number {
    return this.#session.tokens.length;
  }

  async *reply(turn: VoiceTurn): AsyncGenerator<ReplyEvent, VoiceEnd> {
    const { ids, parser } = renderTurn(turn, this.#speaker.template, this.#tokenizer);
    const session = this.#session;
    if (ids.length > session.maxContext) throw tooLong(ids.length, session.maxContext);
    const reusedTokens = commonPrefix(session.tokens, ids);
    this.keeper?.begin(ids);
    const steps = generate(session, ids, generation(this.#speaker, turn, this.#draft));
    const end = yield* spokenEvents(this.#kept(steps), parser);
    return { ...end, promptTokens: ids.length, reusedTokens };
  }

  /** Tells the keeper of each token. */
  async *#kept(
    steps: AsyncGenerator<GeneratedToken, FinishReason>,
  ): AsyncGenerator<GeneratedToken, FinishReason> {
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) {
      this.keeper?.took(step.value.id);
      yield step.value;
    }
    return step.value;
  }

  close(): void {
    this.#session.close();
    this.keeper?.close();
  }
}
