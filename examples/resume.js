// Goes on with a text from where it was left, in another process or on another day.
import { open } from "glm52.ts/node";
import { resume } from "glm52.ts/sessions";

const [, , name = "tale", sessions] = process.argv;
const glm = await open();
const tale = await resume(glm, name, { sessions });
const prompt = tale.tokens.length === 0 ? "Once upon a time" : "";
for await (const { text } of tale.generate(prompt, { maxTokens: 20 })) process.stdout.write(text);
tale.close();
await glm.close();
