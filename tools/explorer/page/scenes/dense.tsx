/**
 * Scene 4: what attention over all positions would do, beside the choice.
 * @module
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { LayerFacts } from "../../messages.ts";
import { meanOfHeads } from "../bins.ts";
import { dense, layer, layerOf, layers, lender, look, rowIn, wordAt } from "../data.ts";
import { opened, t } from "../engine.ts";
import { bestOf, denseTable } from "../figures.ts";
import { Bars } from "../ui/bars.tsx";
import { Figure } from "../ui/figure.tsx";
import { LayerPicker, QueryPicker } from "../ui/pickers.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";
import { Strip } from "../ui/strip.tsx";
import { Legend, type Mark, Text } from "../ui/text.tsx";

const meanOf = (values: Float32Array): number =>
  values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);

export function DenseScene(): JSX.Element {
  const { dense: our } = say.value;
  const mass = dense.value.answer?.mass ?? [];
  return (
    <Scene
      name="dense"
      lead={our.lead}
      question={our.question(largestGroup().at(0)?.lender ?? lender.value)}
      answer={mass.length > 0 ? <Answer mass={mass} /> : undefined}
      formula="attention"
      sources={["engine/model/attention.ts#attention"]}
      layer={layer.value}
      section="45-the-absorbed-form--q_nope_absorbed-attn_out"
    >
      <QueryPicker />
      <LayerPicker />
      <Weights />
      <Mass mass={mass} />
    </Scene>
  );
}

/** The layers that use one choice, where most of them do. */
function largestGroup(): readonly LayerFacts[] {
  const groups = Map.groupBy(layers.value, (each) => each.lender);
  return [...groups.values()].reduce((a, b) => (b.length > a.length ? b : a), []);
}

/** Names the layer of the group whose mass on the common choice is the least. */
function Answer({ mass }: { readonly mass: readonly Float32Array[] }): JSX.Element {
  const shares = largestGroup().map((each) => ({ ...each, share: meanOf(mass[each.layer]) }));
  const least = shares.reduce((a, b) => (b.share < a.share ? b : a), shares[0]);
  const list = shares.map(
    (each) => `${say.value.layer(each.layer)}: ${num.value.percent(each.share)}`,
  );
  return <>{least && say.value.dense.answer(list.join(" · "), least.layer, least.lender)}</>;
}

function Weights(): JSX.Element {
  const { dense: our } = say.value;
  const head = useSignal<number | undefined>(undefined);
  const heads = opened.value?.sizes.heads ?? 1;
  const { answer } = dense.value;
  if (!answer) return <Figure name="dense" label={our.figure} view={dense.value} />;
  const width = answer.weights.length / heads;
  const values =
    head.value === undefined
      ? meanOfHeads(answer.weights, heads)
      : answer.weights.subarray(head.value * width, (head.value + 1) * width);
  const chosen = layerOf(look.value.answer, answer.layer)?.chosen ?? new Int32Array();
  const inChoice = new Set(chosen);
  const lost = Array.from(answer.lost);
  const marks = new Map<number, Mark>([
    ...lost.map((s) => [s, "lost"] as const),
    ...[...chosen].sort((a, b) => values[b] - values[a]).map((s) => [s, "chosen"] as const),
  ]);
  const s = Math.min(rowIn("dense") ?? 0, width - 1);
  const kept = Array.from(chosen).reduce((sum, each) => sum + (values[each] ?? 0), 0);
  const best = bestOf(values, chosen.length).reduce((sum, each) => sum + values[each], 0);
  const caption = our.row({
    position: num.value.count(s),
    word: wordAt(s).trim() || "⏎",
    weight: num.value.percent(values[s]),
    isChosen: inChoice.has(s),
  });
  return (
    <Figure
      name="dense"
      label={our.figure}
      view={dense.value}
      table={() =>
        denseTable(answer, heads, { chosen: inChoice, lost: new Set(lost) }, our.columns(heads))
      }
      caption={
        <>
          <strong>{caption}</strong>{" "}
          {our.kept(
            num.value.percent(kept),
            num.value.percent(best),
            num.value.count(chosen.length),
          )}
        </>
      }
    >
      <fieldset class="controls" aria-label={our.heads}>
        {[undefined, ...Array.from({ length: heads }, (_, h) => h)].map((h) => (
          <button
            type="button"
            key={String(h)}
            aria-pressed={head.value === h}
            onClick={() => {
              head.value = h;
            }}
          >
            {h === undefined ? our.allHeads : our.head(h)}
          </button>
        ))}
      </fieldset>
      <Strip
        label={our.strip(answer.layer)}
        values={values}
        marked={chosen}
        lost={lost}
        row={s}
        valueText={caption}
      />
      <div class="ends">
        <span>{say.value.position(num.value.count(0))}</span>
        <span>{our.most(num.value.percent(Math.max(...values)))}</span>
        <span>{num.value.count(width - 1)}</span>
      </div>
      <Text t={t.value} row={s} marks={marks} windows={16} />
      <Legend marks={["chosen", "lost", "row", "query"]} />
    </Figure>
  );
}

/** For each layer, the part of dense attention that lies on its choice. */
function Mass({ mass }: { readonly mass: readonly Float32Array[] }): JSX.Element {
  const { dense: our } = say.value;
  return (
    <Figure
      name="mass"
      label={our.mass}
      view={dense.value}
      table={() => ({
        head: our.massColumns,
        count: mass.length,
        row: (l) => [l, meanOf(mass[l]), Math.min(...mass[l]), Math.max(...mass[l])],
      })}
      caption={our.massCaption}
    >
      <h3>{our.mass}</h3>
      <Bars
        isWordy
        label={our.mass}
        most={1}
        bars={mass.map((each, l) => ({
          name: say.value.layer(l),
          value: meanOf(each),
          text: our.meanAndLeast(
            num.value.percent(meanOf(each)),
            num.value.percent(Math.min(...each)),
          ),
          tone: l === layer.value ? "on" : undefined,
        }))}
      />
    </Figure>
  );
}
