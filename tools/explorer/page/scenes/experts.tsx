/**
 * Scene 7: what the router makes of a token, and what an expert is visited for.
 * @module
 */
import type { JSX } from "preact";
import type { RouterLook } from "../../messages.ts";
import { experts, layer, layerOf, layers, look, sizes, wordAt } from "../data.ts";
import { t, words } from "../engine.ts";
import { routerTable } from "../figures.ts";
import { chosenExpert } from "../state.ts";
import { Bars } from "../ui/bars.tsx";
import { Figure } from "../ui/figure.tsx";
import { LayerPicker, QueryPicker } from "../ui/pickers.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";
import { type Mark, Text } from "../ui/text.tsx";
import { firesOn, visitsTable } from "../visits.ts";

/** Kinds of tokens that are listed. */
const KINDS = 12;

/** The layer that is looked at, or the first one with experts. */
const sparseLayer = (): number =>
  layers.value[layer.value]?.ffn === "dense"
    ? (layers.value.find(({ ffn }) => ffn === "sparse")?.layer ?? layer.value)
    : layer.value;

export function ExpertsScene(): JSX.Element {
  const { experts: our } = say.value;
  const l = sparseLayer();
  const router = layerOf(look.value.answer, l)?.router;
  const all = router?.logits.length ?? sizes.value?.experts;
  const k = router?.chosen.length ?? sizes.value?.expertsPerToken;
  return (
    <Scene
      name="experts"
      lead={all && k ? our.lead(num.value.count(all), num.value.count(k)) : our.plainLead}
      question={our.question(k ? num.value.rank(k + 1) : undefined)}
      answer={router && <Answer router={router} />}
      formula="router"
      sources={["engine/model/moe.ts#moe", "engine/ops/reference/route.ts#route"]}
      layer={l}
      section="49-router--ffn_moe_logits-ffn_moe_topk-ffn_moe_weights-layers-377"
    >
      <QueryPicker />
      <LayerPicker />
      {l !== layer.value && <p class="quiet">{our.isDense(layer.value, l)}</p>}
      <Router layer={l} router={router} />
      <Visited layer={l} />
    </Scene>
  );
}

const rankOfScore = (values: ArrayLike<number>, e: number): number =>
  1 + Array.from(values).filter((x, i) => x > values[e] || (x === values[e] && i < e)).length;

/** Says for this token whether the bias brought an expert in. */
function Answer({ router }: { readonly router: RouterLook }): JSX.Element {
  const { experts: our } = say.value;
  const k = router.chosen.length;
  const promoted = Array.from(router.chosen).filter((e) => rankOfScore(router.scores, e) > k);
  const names = promoted.map(
    (e) => `${our.expert(e)} (${num.value.rank(rankOfScore(router.scores, e))})`,
  );
  return <>{our.answer(names.join(", "))}</>;
}

interface RouterProps {
  readonly layer: number;
  readonly router: RouterLook | undefined;
}

function Router({ layer: l, router }: RouterProps): JSX.Element {
  const { experts: our } = say.value;
  const view = { ...look.value, answer: router };
  if (!router) return <Figure name="router" label={our.figure} view={view} />;
  const chosen = Array.from(router.chosen);
  const sums = Array.from(router.scores, (score, e) => score + (router.bias?.[e] ?? 0));
  const order = sums.map((_, e) => e).sort((a, b) => sums[b] - sums[a]);
  const most = Math.max(...sums, ...router.scores);
  const shown = expertOf(router);
  return (
    <Figure
      name="router"
      label={our.figure}
      view={view}
      table={() => routerTable(router, our.columns)}
      caption={our.caption(wordAt(t.value).trim() || "⏎", l)}
    >
      <ul class="bar-list wordy" aria-label={our.figure}>
        {order.map((e) => {
          const at = chosen.indexOf(e);
          const score = router.scores[e];
          const sum = sums[e];
          return (
            <li key={e}>
              <button
                type="button"
                class="plain"
                aria-pressed={e === shown}
                onClick={() => {
                  chosenExpert.value = e;
                }}
              >
                {our.expert(e)}
              </button>
              <span class="bar-track">
                <span
                  class={at < 0 ? "bar-fill" : "bar-fill on"}
                  style={{ insetInlineStart: "0", width: `${(100 * score) / most}%` }}
                />
                <span
                  class="bias"
                  style={{
                    insetInlineStart: `${(100 * Math.min(score, sum)) / most}%`,
                    width: `${(100 * Math.abs(sum - score)) / most}%`,
                  }}
                />
              </span>
              <span class="bar-value">
                {num.value.short(score)} {sum < score ? "−" : "+"}{" "}
                {num.value.short(Math.abs(sum - score))}
                {at >= 0 && <strong> · {our.weighs(num.value.short(router.weights[at]))}</strong>}
              </span>
            </li>
          );
        })}
      </ul>
      <p class="quiet">{our.howTo}</p>
    </Figure>
  );
}

/** The expert whose tokens are shown: the pressed one, or the one that weighs most. */
function expertOf(router: RouterLook | undefined): number {
  if (chosenExpert.value !== undefined) return chosenExpert.value;
  if (!router) return 0;
  return router.chosen[router.weights.indexOf(Math.max(...router.weights))];
}

/** Tokens of the text that visit one expert. */
function Visited({ layer: l }: { readonly layer: number }): JSX.Element {
  const { experts: our } = say.value;
  const { answer } = experts.value;
  const e = expertOf(layerOf(look.value.answer, l)?.router);
  if (!answer) return <Figure name="visited" label={our.visited(e, l)} view={experts.value} />;
  const { kinds, positions } = firesOn(answer, words.value, l, e);
  const marks = new Map<number, Mark>();
  for (const s of positions) if (s <= t.value) marks.set(s, "chosen");
  return (
    <Figure
      name="visited"
      label={our.visited(e, l)}
      view={experts.value}
      table={() => visitsTable(kinds, our.visitColumns)}
      caption={our.visitedCaption(
        num.value.count(positions.length),
        num.value.count(words.value.length),
      )}
    >
      <h3>{our.visited(e, l)}</h3>
      <Bars
        label={our.visited(e, l)}
        most={1}
        bars={kinds.slice(0, KINDS).map(({ text, visits, of }) => ({
          name: text.trim() || JSON.stringify(text).slice(1, -1),
          value: visits / of,
          text: our.of(num.value.count(visits), num.value.count(of)),
          tone: "on",
        }))}
      />
      <Text t={t.value} marks={marks} windows={0} />
    </Figure>
  );
}
