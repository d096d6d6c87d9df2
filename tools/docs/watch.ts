/**
 * Runs a text through a model and looks at every stage of its last token.
 * @module
 */
import {
  type Dims,
  type Indices,
  type Model,
  newTap,
  Session,
  type Tensor,
} from "../../engine/index.ts";

/** The value of one stage: what it is, and a copy of its numbers. */
export interface Seen {
  readonly dims: Dims;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** The stages of one layer, by name. */
export type SeenLayer = ReadonlyMap<string, Seen>;

/** Everything that the taps of the last step saw. */
export interface Watched {
  readonly model: SeenLayer;
  readonly layers: readonly SeenLayer[];
}

/** Runs all tokens but the last, then the last one alone, under the eyes of the taps. */
export function watchLast(model: Model, tokens: readonly number[]): Watched {
  const ofModel = new Map<string, Seen>();
  const layers = [...model.weights.layers].map(() => new Map<string, Seen>());
  let isLast = false;
  const into = (seen: Map<string, Seen>) =>
    newTap(
      (stage, value) => void seen.set(stage, copyOf(value)),
      () => isLast,
    );
  const taps = layers.map(into);
  const session = new Session(model, {
    taps: { model: into(ofModel), layer: (l) => taps[l] },
  });
  session.append(tokens.slice(0, -1));
  isLast = true;
  session.append(tokens.slice(-1));
  session.close();
  return { model: ofModel, layers };
}

function copyOf({ dims, shape, data }: Tensor | Indices): Seen {
  return { dims, shape, data: [...data] };
}
