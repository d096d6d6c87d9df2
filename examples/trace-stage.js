// Prints one stage of a forward pass, under llama.cpp's name: its shape, and the first numbers of each row.
import { open } from "glm52.ts/node";

const [, , stage = "kv_cmpr", layer = "2", text = "Once upon a time"] = process.argv;
const glm = await open();
const [tensor] = await glm.trace(text, { stages: [stage], layers: [Number(layer)] });
const nRows = tensor.shape[0];
const width = tensor.data.length / nRows;
console.log(`${tensor.name} [${tensor.shape.join(", ")}]`);
for (let row = 0; row < nRows; row++) {
  const numbers = Array.from(tensor.data.subarray(row * width, row * width + 4));
  console.log(numbers.map((x) => x.toFixed(6)).join(" "));
}
await glm.close();
