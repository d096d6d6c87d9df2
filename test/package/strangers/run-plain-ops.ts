/**
 * Runs the model of the package on somebody else's backend, then watched by the reference, then with a
 * mistake in it.
 * @module
 */
import {
  checkedOps,
  DisagreementError,
  f32ReferenceBounds,
  type Ops,
  referenceOps,
} from "glm52.ts";
import { open } from "glm52.ts/node";
import { plainOps } from "./plain-ops.ts";

async function tell(ops: Ops, maxTokens: number): Promise<{ text: string; arithmetic: string }> {
  const glm = await open(undefined, { ops });
  let text = "";
  for await (const piece of glm.generate("The little dog", { maxTokens, temperature: 0 })) {
    text += piece.text;
  }
  await glm.close();
  return { text, arithmetic: glm.arithmetic };
}

const watched = (ops: Ops): Ops => checkedOps(ops, referenceOps("f64"), f32ReferenceBounds);
const wrong: Ops = { ...plainOps, add: (a, b) => plainOps.add(a, plainOps.add(b, b)) };

const plain = await tell(plainOps, 20);
const { text } = await tell(watched(plainOps), 3);
const mistake = await tell(watched(wrong), 3).catch((error: unknown) =>
  error instanceof DisagreementError ? error.message : "",
);
process.stdout.write(JSON.stringify({ ...plain, watched: text, mistake }));
