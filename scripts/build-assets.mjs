/**
 * Puts what is not TypeScript beside the compiled modules, where the sources have it too.
 *
 *     node scripts/build-assets.mjs [FOLDER]
 */
import { chmodSync, cpSync } from "node:fs";

const [, , out = "dist"] = process.argv;

/** Not part of the model: how it was trained, and charts of it. */
const LEFT_OUT = /train$|\.svg$|\.jsonl$/;

cpSync("kernels-as/build", `${out}/kernels-as/build`, { recursive: true });
cpSync("demo-model", `${out}/demo-model`, {
  recursive: true,
  filter: (path) => !LEFT_OUT.test(path),
});
chmodSync(`${out}/tools/cli/glm52.js`, 0o755);
