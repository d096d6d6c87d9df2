/**
 * Scene 3: the scores of the indexer over all positions, and what it chooses.
 * @module
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { rankOf } from "../bins.ts";
import { indexTopk, layer, layerOf, lender, look, rowIn, votes, wordAt } from "../data.ts";
import { t } from "../engine.ts";
import { bestOf, scoreTable, votesTable } from "../figures.ts";
import { Bars } from "../ui/bars.tsx";
import { Figure } from "../ui/figure.tsx";
import { LayerPicker, QueryPicker } from "../ui/pickers.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";
import { Strip } from "../ui/strip.tsx";
import { Legend, type Mark, Text } from "../ui/text.tsx";

export function Choose(): JSX.Element {
  const { choose: our } = say.value;
  const topk = indexTopk.value;
  return (
    <Scene
      name="choose"
      lead={our.lead(num.value.count(topk))}
      question={our.question}
      answer={our.answer(num.value.count(topk))}
      formula="indexer"
      sources={[
        "engine/model/indexer.ts#indexer",
        "engine/ops/reference/index-scores.ts#indexScores",
      ]}
      layer={lender.value}
      section="46-the-lightning-indexer--indexer_q-indexer_k-indexer_weights-indexer_score-top_k"
    >
      <QueryPicker />
      <LayerPicker />
      {layer.value !== lender.value && (
        <p class="quiet">{our.isShared(layer.value, lender.value)}</p>
      )}
      <Scores topk={topk} />
      <Votes />
    </Scene>
  );
}

/** The caption of the row that is pointed at, as one sentence. */
function captionOf(scores: Float32Array, s: number, k: number): string {
  const { choose: our } = say.value;
  const rank = rankOf(scores, s);
  return our.row({
    position: num.value.count(s),
    word: wordAt(s).trim() || "⏎",
    score: num.value.short(scores[s]),
    rank: num.value.rank(rank),
    of: num.value.count(scores.length),
    isChosen: rank <= k,
  });
}

function Scores({ topk }: { readonly topk: number }): JSX.Element {
  const { choose: our } = say.value;
  const k = useSignal(topk);
  const found = layerOf(look.value.answer, lender.value);
  const scores = found?.scores;
  if (!scores)
    return <Figure name="scores" label={our.figure} view={{ ...look.value, answer: undefined }} />;
  const chosen = k.value === topk && found.chosen ? found.chosen : bestOf(scores, k.value);
  const threshold =
    chosen.length < scores.length ? Math.min(...Array.from(chosen, (s) => scores[s])) : undefined;
  const s = Math.min(rowIn("choose") ?? 0, scores.length - 1);
  const marks = new Map<number, Mark>();
  const mark = layer.value === lender.value ? "chosen" : "borrowed";
  for (const each of [...chosen].sort((a, b) => scores[b] - scores[a])) marks.set(each, mark);
  const caption = captionOf(scores, s, k.value);
  return (
    <Figure
      name="scores"
      label={our.figure}
      view={look.value}
      table={() => scoreTable(scores, chosen, our.columns)}
    >
      <Strip
        label={our.strip(lender.value)}
        values={scores}
        marked={chosen}
        threshold={threshold}
        row={s}
        valueText={caption}
      >
        {threshold !== undefined && (
          <span class="tag corner">
            {our.threshold(num.value.count(chosen.length), num.value.short(threshold))}
          </span>
        )}
      </Strip>
      <div class="ends">
        <span>{say.value.position(num.value.count(0))}</span>
        <span>
          {our.range(num.value.short(Math.min(...scores)), num.value.short(Math.max(...scores)))}
        </span>
        <span>{num.value.count(scores.length - 1)}</span>
      </div>
      <p class="caption" aria-live="polite">
        <strong>{caption}</strong> <span class="quiet">{our.howTo}</span>
      </p>
      <Text t={t.value} row={s} marks={marks} />
      <Legend marks={[mark, "row", "query"]} />
      <div class="controls">
        <span class="field">
          <label for="k">{our.slider(num.value.count(k.value))}</label>
          <input
            id="k"
            type="range"
            min={1}
            max={topk * 2}
            value={k.value}
            onInput={(event) => {
              k.value = Number(event.currentTarget.value);
            }}
          />
        </span>
        {k.value !== topk && (
          <button
            type="button"
            class="plain"
            onClick={() => {
              k.value = topk;
            }}
          >
            {our.backTo(num.value.count(topk))}
          </button>
        )}
      </div>
      {chosen.length >= scores.length && (
        <p class="note">
          {our.allChosen(num.value.count(scores.length), num.value.count(k.value))}
        </p>
      )}
    </Figure>
  );
}

/** How each head of the indexer votes for the row that is pointed at. */
function Votes(): JSX.Element {
  const { choose: our } = say.value;
  const answer = votes.value.answer;
  const s = rowIn("choose") ?? 0;
  const width = answer ? answer.votes.length / answer.heads : 0;
  const list =
    answer && s < width
      ? Array.from({ length: answer.heads }, (_, h) => answer.votes[h * width + s])
      : [];
  const sum = list.reduce((a, b) => a + b, 0);
  const against = list.filter((x) => x < 0).length;
  const silent = list.filter((x) => x === 0).length;
  return (
    <Figure
      name="votes"
      label={our.votes(wordAt(s).trim())}
      view={votes.value}
      table={answer && (() => votesTable(answer, s, our.voteColumns))}
      caption={our.votesCaption(
        num.value.short(sum),
        list.length - against - silent,
        against,
        silent,
      )}
    >
      <h3>{our.votes(wordAt(s).trim())}</h3>
      <Bars
        label={our.votes(wordAt(s).trim())}
        bars={list.map((value, h) => ({
          name: our.head(h),
          value,
          text: value === 0 ? our.silent : num.value.short(value),
          tone: value > 0 ? "on" : undefined,
        }))}
      />
    </Figure>
  );
}
