/**
 * An engine that runs elsewhere, as an evaluation asks it. It shows no selections.
 *
 * The question is how many tokens of an answer are the likeliest ones after the right tokens before them.
 * A greedy reply answers that up to its first wrong token; from there on the server is asked again, with
 * the right one in its place.
 * @module
 */
import type { Endpoint } from "../remote/endpoint.ts";
import type { RemoteModel } from "../remote/remote-model.ts";
import type { Subject } from "./evaluate.ts";

/** In the place of a token that was not told: the reply had ended before. */
const NONE = -1;

/** The engine as a subject. */
export function endpointSubject(
  endpoint: Endpoint,
  { tokenizer }: Pick<RemoteModel, "tokenizer">,
  signal?: AbortSignal,
): Subject {
  const greedy = async (ids: readonly number[], maxTokens: number): Promise<readonly number[]> => {
    const prompt = { ids, text: tokenizer.decode(ids) };
    const choice = { maxTokens, sampling: { temperature: 0 }, seed: 0, signal };
    const told: number[] = [];
    let text = "";
    for await (const part of endpoint.run(prompt, choice)) {
      if ("id" in part) told.push(part.id);
      else text += part.text;
    }
    signal?.throwIfAborted();
    return endpoint.way.tellsIds ? told : [...tokenizer.encode(text)];
  };
  return {
    predict: async (ids, last) => {
      const predicted: number[] = [];
      while (predicted.length < last) {
        const n = last - predicted.length;
        const told = await greedy(ids.slice(0, ids.length - n + 1), n);
        for (let i = 0; i < n; i++) {
          predicted.push(told[i] ?? NONE);
          const right = ids[ids.length - n + 1 + i]; // undefined after the last one
          if (told[i] !== right) break;
        }
      }
      return predicted;
    },
    observesFrom: undefined,
  };
}
