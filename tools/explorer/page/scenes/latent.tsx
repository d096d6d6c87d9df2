/**
 * Scene 6: what is kept of a position, and what is never made.
 * @module
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { LayerLook, Sizes } from "../../messages.ts";
import { layer, layerOf, look, sizes, textOrigin } from "../data.ts";
import { opened, words } from "../engine.ts";
import { latentTable } from "../figures.ts";
import { Bars } from "../ui/bars.tsx";
import { Figure } from "../ui/figure.tsx";
import { LayerPicker } from "../ui/pickers.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";

/** Positions of a long context, for the comparison. */
const MILLION = 2 ** 20;

/** Bytes of a number in bf16. */
const BF16 = 2;

/** Numbers of a position in a layer that the heads would have. */
const headNumbers = ({ heads, nope, rope, value }: Sizes): number => heads * (nope + rope + value);

export function Latent(): JSX.Element {
  const { latent: our } = say.value;
  const model = sizes.value;
  const released = opened.value?.released;
  return (
    <Scene
      name="latent"
      lead={our.lead}
      question={our.question}
      answer={model && released && our.answer(factsOf(model), factsOf(released), released.name)}
      formula="latent"
      sources={["engine/model/attention.ts#attention"]}
      layer={layer.value}
      section="44-key-and-value--kv_cmpr-k_pe"
    >
      <LayerPicker />
      <Kept />
      <Bytes />
    </Scene>
  );

  function factsOf(of: Sizes): Readonly<Record<"kept" | "never" | "bytes", string>> {
    return {
      kept: num.value.count(of.kvLora + of.rope),
      never: num.value.count(headNumbers(of)),
      bytes: num.value.bytes(of.bytes.bf16.latent + of.bytes.bf16.index),
    };
  }
}

function Kept(): JSX.Element {
  const { latent: our } = say.value;
  const found = layerOf(look.value.answer, layer.value);
  return (
    <Figure
      name="latent"
      label={our.figure}
      view={look.value}
      table={found && (() => latentTable(found, our.columns))}
      caption={
        found?.latent &&
        found.rotaryKey &&
        our.caption(layer.value, found.latent.length, found.rotaryKey.length)
      }
    >
      {found && <Cells look={found} />}
      {sizes.value && <NeverMade sizes={sizes.value} />}
    </Figure>
  );
}

/** Two hues around a neutral: blue for positive numbers, orange for negative ones. */
function Cells({ look: { latent, rotaryKey } }: { readonly look: LayerLook }): JSX.Element {
  const { latent: our } = say.value;
  const rows = [
    [our.kept, latent],
    [our.rotary, rotaryKey],
  ] as const;
  const most = Math.max(...(latent ?? [1]).map(Math.abs), ...(rotaryKey ?? [1]).map(Math.abs));
  return (
    <>
      {rows.map(([name, values]) => (
        <div key={name}>
          <h3>{name}</h3>
          <div class="cells" aria-hidden="true">
            {Array.from(values ?? [], (x, i) => (
              <span
                key={i}
                class={`${x < 0 ? "minus" : "plus"}-${Math.ceil((7 * Math.abs(x)) / most)}`}
              />
            ))}
          </div>
        </div>
      ))}
    </>
  );
}

function NeverMade({ sizes: model }: { readonly sizes: Sizes }): JSX.Element {
  const { latent: our } = say.value;
  const count = Math.min(headNumbers(model), 400);
  return (
    <>
      <h3>{our.never(num.value.count(headNumbers(model)), num.value.count(model.heads))}</h3>
      <div class="cells never" aria-hidden="true">
        {Array.from({ length: count }, (_, i) => (
          <span key={i} />
        ))}
      </div>
    </>
  );
}

function Bytes(): JSX.Element {
  const { latent: our } = say.value;
  const isReleased = useSignal(false);
  const isLong = useSignal(false);
  const model = isReleased.value ? opened.value?.released : opened.value?.sizes;
  if (!model) return <Figure name="bytes" label={our.bytes} view={{}} />;
  const n = isLong.value ? MILLION : words.value.length;
  const { latent, index } = model.bytes.bf16;
  const heads = headNumbers(model) * model.layers * BF16;
  const rows = [
    [our.headsBytes, heads * n, "lost"],
    [our.latentBytes, latent * n, "on"],
    [our.indexBytes, index * n, undefined],
  ] as const;
  const toggle = (text: string, isOn: typeof isLong, value: boolean): JSX.Element => (
    <button
      type="button"
      aria-pressed={isOn.value === value}
      onClick={() => {
        isOn.value = value;
      }}
    >
      {text}
    </button>
  );
  return (
    <Figure
      name="bytes"
      label={our.bytes}
      view={{ answer: model, origin: textOrigin.value }}
      table={() => ({
        head: our.bytesColumns,
        count: rows.length,
        row: (i) => [rows[i][0], rows[i][1]],
      })}
      caption={our.bytesCaption(num.value.count(n), num.value.short(heads / latent))}
    >
      <h3>{our.bytes}</h3>
      <div class="controls">
        {toggle(opened.value?.sizes.name ?? "", isReleased, false)}
        {toggle(opened.value?.released.name ?? "", isReleased, true)}
        {toggle(our.thisText(num.value.count(words.value.length)), isLong, false)}
        {toggle(our.million(num.value.count(MILLION)), isLong, true)}
      </div>
      <Bars
        isWordy
        label={our.bytes}
        bars={rows.map(([name, value, tone]) => ({
          name,
          value,
          text: num.value.bytes(value),
          tone,
        }))}
      />
    </Figure>
  );
}
