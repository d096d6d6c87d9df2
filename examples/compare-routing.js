// Compares which experts two texts visit: for each layer, the share of visits that both have.
import { open } from "glm52.ts/node";

const [, , a = "The cat sat on the mat.", b = "Tom was very sad today."] = process.argv;
const glm = await open();

/** Layer → how often each expert is visited. */
async function visits(text) {
  const traced = await glm.trace(text, { stages: ["ffn_moe_topk"] });
  const layers = traced.filter(({ name }) => name.startsWith("ffn_moe_topk"));
  return layers.map(({ name, data }) => {
    const counts = new Array(glm.config.nRoutedExperts).fill(0);
    for (const expert of data) counts[expert] += 1 / data.length;
    return { name, counts };
  });
}

const [first, second] = [await visits(a), await visits(b)];
first.forEach(({ name, counts }, i) => {
  const shared = counts.map((share, expert) => Math.min(share, second[i].counts[expert]));
  const percent = 100 * shared.reduce((sum, share) => sum + share, 0);
  console.log(`${name} ${percent.toFixed(0)} %`);
});
await glm.close();
