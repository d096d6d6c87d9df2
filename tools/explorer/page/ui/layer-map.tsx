/**
 * The layers as boxes from left to right. A line under them leads from each borrower to its lender.
 * @module
 */
import type { JSX } from "preact";
import type { LayerFacts } from "../../messages.ts";
import { layer, layers } from "../data.ts";
import { trace } from "../engine.ts";
import { chosenLayer } from "../state.ts";
import { shownLayers } from "./pickers.tsx";
import { say } from "./say.ts";

/** A lender with the layers that use its choice, itself included. */
function groups(all: readonly LayerFacts[]): LayerFacts[][] {
  const found: LayerFacts[][] = [];
  for (const each of all) {
    const last = found.at(-1);
    if (last && each.type === "shared" && last[0].layer === each.lender) last.push(each);
    else found.push([each]);
  }
  return found;
}

export function LayerMap(): JSX.Element {
  const { layerMap: our } = say.value;
  const shown = shownLayers(layers.value.length, layer.value).map((l) => layers.value[l]);
  // A file without the stages of the router says nothing about experts.
  const isFfnKnown = !trace.value?.lacks.some((stage) => stage.startsWith("ffn_moe"));
  return (
    <fieldset class="map" aria-label={our.label}>
      {groups(shown).map((group) => (
        <div class={group.length > 1 ? "group lends" : "group"} key={group[0].layer}>
          {group.map((each) => (
            <button
              type="button"
              key={each.layer}
              class={each.type}
              aria-pressed={each.layer === layer.value}
              onClick={() => {
                chosenLayer.value = each.layer;
              }}
            >
              <strong>{each.layer}</strong>
              <span>{each.type === "full" ? say.value.full : say.value.borrows(each.lender)}</span>
              {isFfnKnown && <span>{our[each.ffn]}</span>}
            </button>
          ))}
          {group.length > 1 && <span class="bracket">{our.lends(group[0].layer)}</span>}
        </div>
      ))}
    </fieldset>
  );
}
