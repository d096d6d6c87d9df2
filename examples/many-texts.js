// Several texts in one scheduler: they share each step, and each is the one that it is alone.
//
//     node many-texts.js
import { newPagePool, open, PagePool, Scheduler } from "glm52.ts/node";

const glm = await open();
const { model } = glm;

// Rows of all texts are kept in pages of one pool. Here there may be 100 of them.
const { layout } = newPagePool(model.ops, model.config);
const pool = new PagePool(model.ops.rowMemory(), layout, { maxPages: 100 });
const scheduler = new Scheduler(model, pool, { maxContext: 1024 });

const texts = new Map();
for (const prompt of ["Once upon a time", "The little dog", "One day, a girl"]) {
  const ids = glm.encode(prompt);
  texts.set(scheduler.submit({ ids, maxTokens: 24, sampling: glm.sampling }), [...ids]);
}

let steps = 0;
for (;;) {
  const { events, nRows } = scheduler.step();
  if (nRows === 0) break;
  steps++;
  for (const event of events) if (event.type === "token") texts.get(event.job).push(event.token.id);
}
for (const ids of texts.values()) console.log(glm.decode(ids));
console.log(`${texts.size} texts in ${steps} steps`);
scheduler.close();
await glm.close();
