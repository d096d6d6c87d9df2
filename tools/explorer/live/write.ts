/**
 * Goes on with a text: with guesses of the MTP layer, or token by token.
 * @module
 */
import {
  type DraftRound as EngineRound,
  generate,
  type RoundToken,
  Session,
} from "../../../engine/index.ts";
import { exp } from "../../../engine/numbers/math.ts";
import type { DraftAsk, DraftRound, GuessLook, WriteAsk, Written } from "../messages.ts";
import type { Speaking } from "./look.ts";
import { tokenChance, tokenFacts } from "./token-facts.ts";

/** Writes rounds of guesses, and tells what became of each. */
export async function draftRounds(
  { model, tokenizer }: Speaking,
  session: Session,
  ids: readonly number[],
  { steps, rounds, temperature, seed }: DraftAsk,
  signal: AbortSignal,
): Promise<{ rounds: DraftRound[]; ids: number[] }> {
  const seen: DraftRound[] = [];
  const written: number[] = [];
  const chance = ({ id, logProb }: RoundToken) => tokenChance(tokenizer, id, exp(logProb));
  const onDraftRound = ({ judged, unread, tokens }: EngineRound): void => {
    const guesses = judged.map(
      ({ id, draftLogProb, mainLogProb, keep, replacement }, i): GuessLook => ({
        id,
        text: tokenizer.decode([id]),
        draft: exp(draftLogProb),
        main: exp(mainLogProb),
        keep,
        fate: replacement === undefined ? "kept" : "replaced",
        by: replacement === undefined ? undefined : chance(tokens[i]),
      }),
    );
    const others = unread.map(
      ({ id, draftLogProb }): GuessLook => ({
        id,
        text: tokenizer.decode([id]),
        draft: exp(draftLogProb),
        main: undefined,
        keep: undefined,
        fate: "unread",
        by: undefined,
      }),
    );
    seen.push({ guesses: [...guesses, ...others], tokens: tokens.map(chance) });
  };
  const tokens = generate(session, ids, {
    maxTokens: model.config.maxPositionEmbeddings,
    sampling: { temperature, vocabLimit: tokenizer.vocabSize },
    seed,
    stopIds: tokenizer.eosIds,
    draftSteps: steps,
    onDraftRound,
    signal,
  });
  for await (const { id } of tokens) {
    // The token before the first round stands in no round.
    if (seen.length > rounds) break;
    written.push(id);
  }
  return { rounds: seen.slice(0, rounds), ids: written };
}

/** Writes some tokens, and tells each as soon as it is chosen. */
export async function writeOn(
  { model, tokenizer }: Speaking,
  pool: Session["pool"],
  ids: readonly number[],
  { count, temperature, topP, seed }: WriteAsk,
  tell: (token: Written["tokens"][number]) => void,
  signal: AbortSignal,
): Promise<Written> {
  const session = new Session(model, { pool });
  const written: Written["tokens"][number][] = [];
  try {
    const tokens = generate(session, ids, {
      maxTokens: count,
      sampling: { temperature, topP, vocabLimit: tokenizer.vocabSize },
      seed,
      stopIds: tokenizer.eosIds,
      signal,
    });
    for await (const { id, logProb } of tokens) {
      const token = { ...tokenFacts(tokenizer, [id])[0], p: exp(logProb) };
      written.push(token);
      tell(token);
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets the page draw it, and stop it
    }
    return { tokens: written };
  } finally {
    session.close();
  }
}
