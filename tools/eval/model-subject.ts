/**
 * A model that runs here, as an evaluation asks it.
 * @module
 */
import { argmax, type Model, Session } from "../../engine/index.ts";
import type { Subject } from "./evaluate.ts";
import { observe } from "./observe.ts";

/** Tokens that are run at once; changes no result. */
const CHUNK = 64;

/** Selections are observed in texts that are clearly longer than twice `index_topk`. */
const OBSERVED_BEYOND = 64;

/** The model as a subject. */
export function modelSubject(model: Model): Subject {
  return {
    predict: async (ids, last, onRead) => {
      const session = new Session(model, { maxContext: ids.length });
      try {
        const before = ids.slice(0, -last);
        for (let at = 0; at < before.length; at += CHUNK) {
          const chunk = before.slice(at, at + CHUNK);
          session.append(chunk);
          onRead(chunk.length);
        }
        return session.appendAll(ids.slice(-last)).map(argmax);
      } finally {
        session.close();
      }
    },
    observesFrom: 2 * model.config.indexTopk + OBSERVED_BEYOND,
    observe: (task) => observe(model, task),
  };
}
