/**
 * Scene 9: the layer that guesses ahead, and what becomes of its guesses.
 * @module
 */
import type { JSX } from "preact";
import type { DraftRound, Drafts } from "../../messages.ts";
import { drafts } from "../data.ts";
import { guessTable } from "../figures.ts";
import { Figure } from "../ui/figure.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";
import { visibleAlone } from "../ui/text.tsx";

const keptOf = ({ guesses }: DraftRound): number =>
  guesses.filter(({ fate }) => fate === "kept").length;

/** What the model wrote by itself before the first round. */
function firstOf({ tokens, rounds }: Drafts): string {
  const inRounds = rounds.reduce((sum, round) => sum + round.tokens.length, 0);
  return tokens
    .slice(0, tokens.length - inRounds)
    .map(({ text }) => text)
    .join("");
}

export function Guesses(): JSX.Element {
  const { guesses: our } = say.value;
  const { answer } = drafts.value;
  const rounds = answer?.rounds ?? [];
  const tokens = rounds.reduce((sum, round) => sum + round.tokens.length, 0);
  const steps = rounds[0]?.guesses.length ?? 0;
  return (
    <Scene
      name="guesses"
      lead={our.lead}
      question={our.question}
      answer={<Answer rounds={rounds} />}
      formula="guesses"
      sources={[
        "engine/generate/speculate.ts#settle",
        "engine/generate/speculate.ts#replacementOf",
      ]}
      section="5-multi-token-prediction"
    >
      <Figure
        name="guesses"
        label={our.figure}
        view={drafts.value}
        table={answer && (() => guessTable(answer, our.columns))}
        caption={our.caption(
          num.value.count(steps),
          num.value.count(tokens),
          num.value.count(rounds.length),
        )}
      >
        {answer && (
          <p class="text from">
            {our.first} <span class="k chosen">{visibleAlone(firstOf(answer))}</span>
          </p>
        )}
        <ol class="rounds">
          {rounds.map((round, i) => (
            <li key={i}>
              <Round round={round} />
            </li>
          ))}
        </ol>
      </Figure>
    </Scene>
  );
}

function Round({ round }: { readonly round: DraftRound }): JSX.Element {
  const { guesses: our } = say.value;
  return (
    <>
      <ul class="guess-row">
        {round.guesses.map(({ id, text, draft, main, fate, by }, i) => (
          <li key={`${i}-${id}`} class={fate}>
            <span class="chip-text">
              {fate === "replaced" ? <s>{visibleAlone(text)}</s> : visibleAlone(text)}
              {by && <strong> → {visibleAlone(by.text)}</strong>}
            </span>
            <span class="chip-id">{our.guessed(num.value.percent(draft))}</span>
            {main !== undefined && (
              <span class="chip-id">{our.model(num.value.percent(main))}</span>
            )}
            <span class="chip-id">{our.fates[fate]}</span>
          </li>
        ))}
      </ul>
      <p class="text">
        {our.gives}{" "}
        {round.tokens.map(({ text }, i) => (
          <span key={i} class={i < keptOf(round) ? "k chosen" : "k"}>
            {visibleAlone(text)}
          </span>
        ))}
      </p>
    </>
  );
}

/** Tells what happened in the first round with a refused guess. */
function Answer({ rounds }: { readonly rounds: readonly DraftRound[] }): JSX.Element {
  const { guesses: our } = say.value;
  const at = rounds.findIndex(({ guesses }) => guesses.some(({ fate }) => fate === "replaced"));
  const refused = rounds[at]?.guesses.find(({ fate }) => fate === "replaced");
  if (!refused) return <>{our.noRefusal}</>;
  return (
    <>
      {our.answer({
        round: at + 1,
        guess: refused.text.trim(),
        by: refused.by?.text.trim() ?? "",
        kept: keptOf(rounds[at]),
        tokens: rounds[at].tokens.length,
      })}
    </>
  );
}
