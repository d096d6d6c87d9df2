/** Tests where a quantised model is put: at links, in folders that are there, beside what others left. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { quantize } from "../../../tools/convert/quantize-model.ts";
import { OWNER } from "../../../tools/node/owner.ts";
import { sweep } from "../../../tools/node/temporaries.ts";
import { writeText } from "../../../tools/node/write-whole.ts";
import { deadOwner } from "../../support/dead-owner.ts";
import { scratchFolder, TINY_MODEL } from "../../support/paths.ts";

const scratch = scratchFolder();
const MODEL = ["config.json", "model.safetensors"];

describe("a quantised model is put", () => {
  it("where a link leads, and the link stays", async () => {
    mkdirSync(join(scratch, "disk"));
    symlinkSync("disk/new", join(scratch, "to-new"));
    await quantize(TINY_MODEL, join(scratch, "to-new"), { to: "q8" });
    expect(readdirSync(join(scratch, "disk/new")).sort()).toEqual(MODEL);
    mkdirSync(join(scratch, "disk/empty"));
    symlinkSync("disk/empty", join(scratch, "to-empty"));
    await quantize(TINY_MODEL, join(scratch, "to-empty"), { to: "q8" });
    expect(readdirSync(join(scratch, "disk/empty")).sort()).toEqual(MODEL);
    expect(lstatSync(join(scratch, "to-new")).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(scratch, "to-empty")).isSymbolicLink()).toBe(true);
    expect(readdirSync(join(scratch, "disk")).sort()).toEqual(["empty", "new"]);
  });

  it("into an empty folder that stays itself, with its permissions", async () => {
    const folder = join(scratch, "own");
    mkdirSync(folder);
    chmodSync(folder, 0o700);
    const { ino } = statSync(folder);
    await quantize(TINY_MODEL, folder, { to: "q4" });
    expect(statSync(folder).ino).toBe(ino);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual(MODEL);
  });

  it("beside what a killed process left, which goes, and what a living one writes, which stays", async () => {
    const folder = join(scratch, "left");
    mkdirSync(folder);
    const [dead, alive] = [deadOwner(), OWNER].map(
      (owner) => `.output.tmp.${owner}.0123456789abcdef`,
    );
    for (const name of [dead, alive, ".other.tmp", "mine"]) writeFileSync(join(folder, name), "x");
    await writeText(join(folder, "out"), "text");
    expect(readdirSync(folder).sort()).toEqual([alive, ".other.tmp", "mine", "out"].sort());
    const target = join(scratch, "half");
    mkdirSync(join(target, `.model.tmp.${deadOwner()}.0123456789abcdef`), { recursive: true });
    await quantize(TINY_MODEL, target, { to: "q8" });
    expect(readdirSync(target).sort()).toEqual(MODEL);
    sweep(join(scratch, "not there"));
  });
});
