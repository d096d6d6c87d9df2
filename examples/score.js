// Says how likely the model finds a text, token by token, and what it would have said instead.
import { open } from "glm52.ts/node";

const [, , text = "The dog ran to the park."] = process.argv;
const glm = await open();
const { tokens, perplexity } = await glm.score(text, { topLogProbs: 3 });
for (const { id, logProb, top } of tokens) {
  const others = top.map((token) => JSON.stringify(glm.decode([token.id]))).join(" ");
  console.log(`${JSON.stringify(glm.decode([id])).padEnd(12)} ${logProb?.toFixed(3)}  ${others}`);
}
console.log(`perplexity ${perplexity.toFixed(3)}`);
await glm.close();
