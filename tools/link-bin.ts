/**
 * Puts `glm52` beside the other programs in node_modules/.bin of a checkout, where `npx` looks first.
 * (Without it `npx` copies the whole package into a cache, and runs that copy from then on.)
 * @module
 */
import { chmod, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { platform } from "node:process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./glm52.js", import.meta.url));
const folder = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));

if (platform !== "win32") {
  await chmod(program, 0o755);
  await mkdir(folder, { recursive: true });
  await rm(join(folder, "glm52"), { force: true });
  await symlink("../../dist/tools/glm52.js", join(folder, "glm52"));
}
