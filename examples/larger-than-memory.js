// Runs a model from its files, within so many bytes of memory, and says what was read.
//
//     node larger-than-memory.js [FOLDER] [BYTES]
import { argv } from "node:process";
import { open } from "glm52.ts/node";

const [, , folder, bytes = "300000000"] = argv;
const prompt = "Once upon a time";

const glm = await open(folder, { stream: { ram: Number(bytes) } });
let text = "";
for await (const piece of glm.generate(prompt, { maxTokens: 20, temperature: 0 }))
  text += piece.text;
console.log(JSON.stringify(text));

const { expertBytes, trunkBytes, asked, hits, waited, how } = glm.streamed();
console.log(`${how}: ${expertBytes} bytes of experts and ${trunkBytes} of the rest`);
console.log(`${hits} of ${asked} experts were in memory; ${waited.toFixed(1)} s waited`);
await glm.close();
