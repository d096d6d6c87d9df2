// Goes on with a text, then talks, with the small model that ships with the package.
import { open } from "glm52.ts/node";

const glm = await open();
for await (const piece of glm.generate("Once upon a time", { maxTokens: 60 })) {
  process.stdout.write(piece.text);
}
const reply = await glm.chat().say("Please tell a story about a cat.");
process.stdout.write(`\n${reply.content}\n`);
await glm.close();
