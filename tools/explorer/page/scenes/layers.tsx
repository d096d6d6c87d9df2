/**
 * Scene 2: the layers as a map, and the stages of one of them in order.
 * @module
 */

import { recorded } from "virtual:recorded";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { StageGlance } from "../../messages.ts";
import { layer, layers, look, sizes } from "../data.ts";
import { stageTable } from "../figures.ts";
import { Figure } from "../ui/figure.tsx";
import { LayerMap } from "../ui/layer-map.tsx";
import { num, say } from "../ui/say.ts";
import { Scene } from "../ui/scene.tsx";

export function Layers(): JSX.Element {
  const { layers: our } = say.value;
  const all = layers.value.length > 0 ? layers.value : recorded.layers;
  const full = all.filter(({ type }) => type === "full").length;
  const stages = (look.value.answer?.stages ?? []).filter(({ name }) =>
    name.endsWith(`-${layer.value}`),
  );
  return (
    <Scene
      name="layers"
      lead={our.lead(num.value.count(all.length), num.value.count(full))}
      question={our.question}
      answer={sizes.value && our.answer(sizes.value, num.value)}
      formula="layer"
      sources={["engine/model/layer.ts#decoderLayer"]}
      layer={layer.value}
      section="4-the-forward-pass"
    >
      <Figure
        name="layers"
        label={our.figure}
        view={look.value}
        table={() => stageTable(stages, our.columns)}
        caption={our.caption(layer.value, stages.length)}
      >
        <LayerMap />
        <Stages stages={stages} />
      </Figure>
    </Scene>
  );
}

/** The stages of a layer, in the order in which the model makes them. */
function Stages({ stages }: { readonly stages: readonly StageGlance[] }): JSX.Element {
  const chosen = useSignal<string | undefined>(undefined);
  const { layers: our } = say.value;
  return (
    <ol class="stages" aria-label={our.stages}>
      {stages.map((stage) => {
        const name = stage.name.replace(/-\d+$/, "");
        const isOpen = chosen.value === name;
        return (
          <li key={name}>
            <button
              type="button"
              class="plain"
              aria-expanded={isOpen}
              onClick={() => {
                chosen.value = isOpen ? undefined : name;
              }}
            >
              <code>{name}</code>
            </button>
            <span class="quiet">
              {stage.shape.join(" × ")}
              {isOpen && (
                <>
                  {" · "}
                  {stage.dims.join(" × ")}
                  <br />
                  {our.glance(
                    num.value.short(stage.rms),
                    num.value.short(stage.least),
                    num.value.short(stage.most),
                  )}
                  <br />
                  {stage.first.map(num.value.short).join("  ")}…
                </>
              )}
            </span>
            <span>{our.notes[name] ?? ""}</span>
          </li>
        );
      })}
    </ol>
  );
}
