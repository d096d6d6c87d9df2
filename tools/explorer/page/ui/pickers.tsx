/**
 * Controls that several scenes have: the layer, and the token that is looked at.
 * @module
 */
import type { JSX } from "preact";
import { layer, layers } from "../data.ts";
import { t, words } from "../engine.ts";
import { chosenLayer, chosenT } from "../state.ts";
import { num, say } from "./say.ts";
import { Word } from "./text.tsx";

/** Layers per row of the map at most; a larger model folds into groups of four. */
const ROOM = 24;

/** The layers that a fold of a large model shows: one group of four around the chosen one. */
export function shownLayers(count: number, chosen: number): number[] {
  const all = Array.from({ length: count }, (_, l) => l);
  if (count <= ROOM) return all;
  return all.filter(
    (l) => l < 3 || (l - 2) % 4 === 0 || Math.floor((l - 2) / 4) === Math.floor((chosen - 2) / 4),
  );
}

/** A button for each layer. */
export function LayerPicker(): JSX.Element {
  const all = layers.value;
  return (
    <ul class="layer-row" aria-label={say.value.layersLabel}>
      {shownLayers(all.length, layer.value).map((l) => {
        const { type, lender } = all[l];
        return (
          <li key={l}>
            <button
              type="button"
              class={type}
              data-layer={l}
              aria-pressed={l === layer.value}
              onClick={() => {
                chosenLayer.value = l;
              }}
            >
              {l}
              <small>{type === "full" ? say.value.full : say.value.borrows(lender)}</small>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Moves the token that is looked at. */
export function QueryPicker(): JSX.Element {
  const last = words.value.length - 1;
  const go = (to: number): void => {
    chosenT.value = Math.max(0, Math.min(last, to));
  };
  return (
    <div class="controls">
      <span>
        {say.value.lookingAt(num.value.count(t.value))}{" "}
        <span class="text">
          <Word text={words.value[t.value]?.text ?? ""} state="query" />
        </span>
      </span>
      <span>
        <button type="button" disabled={t.value <= 0} onClick={() => go(t.value - 1)}>
          ← {say.value.before}
        </button>{" "}
        <button type="button" disabled={t.value >= last} onClick={() => go(t.value + 1)}>
          {say.value.after} →
        </button>
      </span>
    </div>
  );
}
