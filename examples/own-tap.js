// Watches the model while it runs: which expert each layer visits most, over a whole text.
import { newTap, noTaps, Session } from "glm52.ts";
import { open } from "glm52.ts/node";

const [, , text = "Once upon a time there was a little dog."] = process.argv;
const visits = new Map();
const layer = (index) =>
  newTap(
    (_stage, { data }) => {
      const counts = visits.get(index) ?? new Map();
      for (const expert of data) counts.set(expert, (counts.get(expert) ?? 0) + 1);
      visits.set(index, counts);
    },
    (stage) => stage === "ffn_moe_topk",
  );

const glm = await open();
const session = new Session(glm.model, { taps: { ...noTaps, layer } });
session.appendAll(glm.promptIds(text));
for (const [index, counts] of visits) {
  const [[expert, times]] = [...counts].sort(([e, a], [f, b]) => b - a || e - f);
  console.log(`layer ${index}: expert ${expert}, ${times} times`);
}
session.close();
await glm.close();
