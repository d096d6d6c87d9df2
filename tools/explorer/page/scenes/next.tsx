/**
 * Scene 10: the distribution of the next token, and how it grows from layer to layer.
 * @module
 */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { distribution, topIds } from "../../../../engine/generate/sampler.ts";
import type { TokenChance } from "../../messages.ts";
import { look } from "../data.ts";
import { askLive, isLive, t, words } from "../engine.ts";
import { chanceTable } from "../figures.ts";
import { heat, topP, watched } from "../state.ts";
import { tableOf } from "../tables.ts";
import { Bars } from "../ui/bars.tsx";
import { Figure } from "../ui/figure.tsx";
import { QueryPicker } from "../ui/pickers.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";
import { visible } from "../ui/text.tsx";

/** Steps of the sliders. */
const STEP = 0.05;

const nameOf = (text: string): string => visible(text).trim() || JSON.stringify(text).slice(1, -1);

export function Next(): JSX.Element {
  const { next: our } = say.value;
  const lens = look.value.answer?.layers ?? [];
  const first = lens.find((each) => each.lens?.rank === 1);
  const name = watchedName();
  return (
    <Scene
      name="next"
      lead={our.lead}
      question={our.question(name)}
      answer={first?.lens && our.answer(name, first.layer, num.value.percent(first.lens.p))}
      formula="softmax"
      sources={["engine/model/model.ts#head"]}
      section="411-head--result_norm-result_output"
    >
      <QueryPicker />
      <Distribution />
      <Lens name={name} />
      <Write />
    </Scene>
  );
}

/** The token that the lens follows, as text. */
function watchedName(): string {
  const { answer } = look.value;
  const found = answer?.top.find(({ id }) => id === answer.watched) ?? answer?.top[0];
  return nameOf(found?.text ?? "");
}

function Distribution(): JSX.Element {
  const { next: our } = say.value;
  const { answer } = look.value;
  const chances = answer?.logits
    ? chancesOf(answer.logits, answer.top, heat.value, topP.value)
    : (answer?.top ?? []);
  return (
    <Figure
      name="next"
      label={our.figure}
      view={look.value}
      table={() => chanceTable(chances, our.columns)}
      caption={our.caption(nameOf(chances[0]?.text ?? ""), num.value.percent(chances[0]?.p ?? 0))}
    >
      <div class="controls">
        <Slider
          id="heat"
          label={our.temperature(num.value.short(heat.value))}
          value={heat}
          max={2}
        />
        <Slider id="top-p" label={our.topP(num.value.short(topP.value))} value={topP} max={1} />
      </div>
      <Bars
        label={our.figure}
        most={Math.max(0.05, chances[0]?.p ?? 0)}
        bars={chances.map(({ id, text, p }) => ({
          name: nameOf(text),
          value: p,
          text: num.value.percent(p),
          tone: id === answer?.watched ? "on" : undefined,
          ...(isLive.value && {
            isPressed: id === answer?.watched,
            onPress: () => {
              watched.value = id;
            },
          }),
        }))}
      />
      <p class="quiet">{our.howTo}</p>
    </Figure>
  );
}

interface SliderProps {
  readonly id: string;
  readonly label: string;
  readonly value: Signal<number>;
  readonly max: number;
}

function Slider({ id, label, value, max }: SliderProps): JSX.Element {
  return (
    <span class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        min={STEP}
        max={max}
        step={STEP}
        value={value.value}
        onInput={(event) => {
          value.value = Number(event.currentTarget.value);
        }}
      />
    </span>
  );
}

/** The likeliest tokens at a temperature. Only the texts of the first 20 are known. */
function chancesOf(
  logits: Float32Array,
  top: readonly TokenChance[],
  heat: number,
  topP: number,
): TokenChance[] {
  const p = distribution(logits, { temperature: heat, topP }, []);
  const texts = new Map(top.map(({ id, text }) => [id, text]));
  return topIds(logits, top.length).map((id) => ({
    id,
    text: texts.get(id) ?? `#${id}`,
    p: p[id],
  }));
}

/** What the head would make of the vector after each layer. */
function Lens({ name }: { readonly name: string }): JSX.Element {
  const { next: our } = say.value;
  const all = (look.value.answer?.layers ?? []).flatMap(({ layer, lens }) =>
    lens ? [{ layer, ...lens }] : [],
  );
  return (
    <Figure
      name="lens"
      label={our.lens(name)}
      view={look.value}
      table={() =>
        tableOf(
          our.lensColumns,
          all.map(({ layer, rank, p, top }) => [
            layer,
            rank,
            p,
            JSON.stringify(top[0]?.text ?? ""),
          ]),
        )
      }
      caption={our.lensCaption}
    >
      <h3>{our.lens(name)}</h3>
      <Bars
        isWordy
        label={our.lens(name)}
        most={1}
        bars={all.map(({ layer, rank, p, top }) => ({
          name: say.value.layer(layer),
          value: p,
          text: our.lensRow(num.value.rank(rank), num.value.percent(p), nameOf(top[0]?.text ?? "")),
          tone: "on",
        }))}
      />
    </Figure>
  );
}

/** How many tokens the model writes at a press. */
const WRITTEN = 60;

/** Lets the model go on with the text. */
function Write(): JSX.Element {
  const { next: our } = say.value;
  const text = useSignal("");
  const seed = useSignal(0);
  const isWriting = useSignal(false);
  const write = (): void => {
    text.value = "";
    isWriting.value = true;
    seed.value++;
    const ask = { count: WRITTEN, temperature: heat.value, topP: topP.value, seed: seed.value };
    const onToken = (token: { readonly text: string }): void => {
      text.value += token.text;
    };
    askLive("write", ask, { onToken })
      .catch((error: unknown) => {
        text.value = error instanceof Error ? error.message : String(error);
      })
      .finally(() => {
        isWriting.value = false;
      });
  };
  const end = words.value
    .slice(-12)
    .map((each) => each.text)
    .join("");
  return (
    <div class="card">
      <p class="text" aria-live="polite">
        <span class="quiet">…{visible(end)}</span>
        {text.value}
      </p>
      <div class="controls">
        <button type="button" disabled={!isLive.value || isWriting.value} onClick={write}>
          {our.write}
        </button>
        {!isLive.value && <span class="quiet">{our.onlyLive}</span>}
        {isLive.value && t.value < words.value.length - 1 && <span class="quiet">{our.atEnd}</span>}
      </div>
    </div>
  );
}
