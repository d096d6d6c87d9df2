// Runs the model on a backend of one's own: the reference, with a matrix product that counts.
import { referenceOps } from "glm52.ts";
import { open } from "glm52.ts/node";

let products = 0;
const base = referenceOps();
const ops = {
  ...base,
  backend: "counting",
  linear(x, w) {
    products += x.shape[0] * w.shape[0] * w.shape[1];
    return base.linear(x, w);
  },
};

const glm = await open(undefined, { ops });
for await (const { text } of glm.generate("The little dog", { maxTokens: 12, temperature: 0 })) {
  process.stdout.write(text);
}
console.log(`\n${glm.arithmetic}: ${products} multiplications in matrix products`);
await glm.close();
