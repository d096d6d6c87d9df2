// Checks another engine's stages against a case of the golden pack, and asks which known mistake it makes.
// Here the other engine is this one: first right, then with the wrong epsilon in two norms.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cases, check, diagnose, textOf } from "glm52.ts/golden";
import { open } from "glm52.ts/node";

const found = (await cases()).find(({ name }) => name === "all-full");
const json = (file) => JSON.parse(readFileSync(join(found.folder, file), "utf8"));
const { tokens } = json("tokens.json");

for (const latentEps of [json("case.json").latentEps, undefined]) {
  const glm = await open(join(found.folder, "model"), { latentEps });
  const verdict = await check(await glm.trace(tokens), { case: found.name });
  await glm.close();
  console.log(
    `${verdict.status}${verdict.firstWrong ? ` from ${verdict.firstWrong.name} on` : ""}`,
  );
  if (verdict.status === "wrong") console.log(textOf(await diagnose(verdict)));
}
