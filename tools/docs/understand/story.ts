/**
 * The text that says a word near its beginning and asks for it at its end, as the demo model reads it.
 * @module
 */
import { distribution, type Floats, Session } from "../../../engine/index.ts";
import type { Glm } from "../../library/index.ts";
import { type Watched, watchLast } from "../watch.ts";

/** The word that the stories hide. */
const WORD = " window";

/** What the model sees at the last token of the text. */
export interface Story {
  readonly ids: readonly number[];
  /** The position of the word. */
  readonly fact: number;
  readonly seen: Watched;
}

/** Reads the text, and watches its last token. */
export function readStory(glm: Glm, text: string): Story {
  const ids = glm.promptIds(text);
  return { ids, fact: ids.indexOf(wordOf(glm)), seen: watchLast(glm.model, ids) };
}

function wordOf(glm: Glm): number {
  return glm.encode(WORD)[0];
}

/** The probability of the word after the text: first as it is, then for each layer that cannot see it. */
export function withoutRow(glm: Glm, { ids, fact }: Story): { all: number; hidden: number[] } {
  let [layer, hidden] = [0, -1];
  const { ops } = glm.model;
  const session = new Session({
    ...glm.model,
    ops: {
      ...ops,
      latentAttention(q, qPe, past, topK, scale) {
        const rest = [...topK.data].filter((row) => row !== fact);
        const isHidden = layer++ === hidden && rest.length < topK.data.length;
        const seen = isHidden ? { ...topK, data: Int32Array.from([...rest, -1]) } : topK;
        return ops.latentAttention(q, qPe, past, seen, scale);
      },
    },
  });
  session.append(ids.slice(0, -1));
  const probability = (l: number): number => {
    [layer, hidden] = [0, l];
    const logits: Floats = session.append(ids.slice(-1));
    session.truncate(ids.length - 1);
    return distribution(logits, { temperature: 1 }, [])[wordOf(glm)];
  };
  const result = {
    all: probability(-1),
    hidden: [...glm.model.weights.layers].map((_, l) => probability(l)),
  };
  session.close();
  return result;
}
