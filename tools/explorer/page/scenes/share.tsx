/**
 * Scene 5: who borrows whose choice, and what becomes of one row in all layers.
 * @module
 */
import type { JSX } from "preact";
import {
  indexTopk,
  layer,
  layerOf,
  layers,
  lender,
  look,
  overlaps,
  rowIn,
  wordAt,
} from "../data.ts";
import { t } from "../engine.ts";
import { followRow, followTable, overlapTable, type RowInLayer } from "../figures.ts";
import { chosenLayer } from "../state.ts";
import { Bars } from "../ui/bars.tsx";
import { Figure } from "../ui/figure.tsx";
import { LayerMap } from "../ui/layer-map.tsx";
import { shownLayers } from "../ui/pickers.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";
import { Scroll } from "../ui/scroll.tsx";
import { type Mark, Text } from "../ui/text.tsx";
import { tried } from "./all-switches.tsx";

/** What the build has found without sharing, if it has tried that. */
function withoutSharing(): string {
  const { recall } = tried.value.find(({ id }) => id === "noshare")?.answer ?? {};
  if (!recall) return "";
  const [changed, right, of] = [recall.changed, recall.right, recall.of].map(num.value.count);
  return say.value.share.withoutSharing(changed, right, of);
}

export function Share(): JSX.Element {
  const { share: our } = say.value;
  const borrowers = layers.value.filter(({ type }) => type === "shared");
  const last = borrowers.at(-1);
  return (
    <Scene
      name="share"
      lead={our.lead}
      question={last && our.question(last.layer)}
      answer={last && `${our.answer(last.lender)}${withoutSharing()}`}
      formula="share"
      sources={["engine/model/layer.ts#decoderLayer"]}
      layer={layer.value}
      section="47-indexshare"
    >
      <Follow />
      <Overlap />
    </Scene>
  );
}

/** Where the row is ranked, and how high. */
function rankingOf({ layer: l, lender: from, rank }: RowInLayer): string {
  const { share: our } = say.value;
  if (rank === undefined) return "";
  return l === from ? our.rank(num.value.rank(rank)) : our.rankIn(num.value.rank(rank), from);
}

/** How much a layer reads of the row, as far as it is known. */
function readingOf({ isChosen, weight }: RowInLayer): string {
  const { share: our } = say.value;
  if (!isChosen) return our.notRead;
  return weight === undefined ? our.isRead : our.weight(num.value.percent(weight));
}

/** One row through all layers: its rank where it is ranked, its weight where it is read. */
function Follow(): JSX.Element {
  const { share: our } = say.value;
  const { answer } = look.value;
  const s = rowIn("share") ?? 0;
  const rows = followRow(
    answer?.layers ?? [],
    layers.value.map((each) => each.lender),
    s,
  );
  const shown = shownLayers(rows.length, layer.value);
  const weighed = rows.filter(({ weight = 0 }) => weight > 0);
  const most = weighed.toSorted((a, b) => (b.weight ?? 0) - (a.weight ?? 0)).at(0);
  const word = wordAt(s).trim() || "⏎";
  const chosen = layerOf(answer, layer.value)?.chosen ?? [];
  const mark: Mark = layer.value === lender.value ? "chosen" : "borrowed";
  const marks = new Map<number, Mark>(Array.from(chosen, (each) => [each, mark]));
  return (
    <Figure
      name="follow"
      label={our.figure(word)}
      view={look.value}
      table={() => followTable(rows, our.columns)}
      caption={our.caption({
        word,
        position: num.value.count(s),
        layers: rows.filter(({ isChosen }) => isChosen).map((each) => each.layer),
        most: most && { layer: most.layer, weight: num.value.percent(most.weight ?? 0) },
      })}
    >
      <LayerMap />
      <h3>{our.figure(word)}</h3>
      <Bars
        isWordy
        label={our.figure(word)}
        bars={shown
          .map((l) => rows[l])
          .map((each) => ({
            name:
              each.layer === each.lender
                ? say.value.layer(each.layer)
                : `${say.value.layer(each.layer)} ← ${each.lender}`,
            value: each.weight ?? 0,
            text: `${rankingOf(each)} · ${readingOf(each)}`,
            tone: each.isChosen ? "on" : undefined,
            isPressed: each.layer === layer.value,
            onPress: () => {
              chosenLayer.value = each.layer;
            },
          }))}
      />
      <p class="quiet">{our.pick}</p>
      <Text t={t.value} row={s} marks={marks} windows={12} />
    </Figure>
  );
}

/** Rows that the choices of two layers have in common, as a square. */
function Overlap(): JSX.Element {
  const { share: our } = say.value;
  const { answer } = overlaps.value;
  const k = indexTopk.value;
  return (
    <Figure
      name="overlap"
      label={our.overlap}
      view={overlaps.value}
      table={answer && (() => overlapTable(answer, our.overlapColumns))}
      caption={
        answer &&
        our.before(
          answer.layers
            .map((l, i) => `${say.value.layer(l)}: ${num.value.count(answer.before[i])}`)
            .join(" · "),
        )
      }
    >
      <h3>{our.overlap}</h3>
      {answer && (
        <Scroll class="numbers" label={our.overlap}>
          <table class="square">
            <thead>
              <tr>
                <td />
                {answer.layers.map((l) => (
                  <th key={l} scope="col">
                    {say.value.layer(l)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {answer.layers.map((a, i) => (
                <tr key={a}>
                  <th scope="row">{say.value.layer(a)}</th>
                  {answer.layers.map((b, j) => {
                    const n = answer.atT[i][j];
                    return (
                      <td key={b} class={`shade-${Math.round((7 * n) / k)}`}>
                        {num.value.count(n)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Figure>
  );
}
