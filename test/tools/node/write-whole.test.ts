import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { checkWritable, writeWhole } from "../../../tools/node/write-whole.ts";
import { scratchFolder } from "../../support/paths.ts";

const scratch = scratchFolder();
let folder = "";
let nFolders = 0;
beforeEach(() => {
  folder = join(scratch, String(nFolders++));
  mkdirSync(folder);
});

describe("a file is written whole or not at all", () => {
  it("writes bytes and leaves nothing else", async () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
    await writeWhole(join(folder, "a"), bytes);
    expect(readdirSync(folder)).toEqual(["a"]);
    expect(new Uint8Array(readFileSync(join(folder, "a")))).toEqual(bytes);
  });

  it("replaces a file that was there", async () => {
    writeFileSync(join(folder, "a"), "old and longer");
    await writeWhole(join(folder, "a"), new TextEncoder().encode("new"));
    expect(readFileSync(join(folder, "a"), "utf8")).toBe("new");
  });

  it("keeps the old file and removes its own when it is aborted between two pieces", async () => {
    writeFileSync(join(folder, "a"), "old");
    const abort = new AbortController();
    const bytes = new Uint8Array(2 ** 24 + 1);
    let looks = 0;
    const signal = {
      throwIfAborted: () => {
        if (++looks === 2) {
          expect(readdirSync(folder)).toHaveLength(2); // it had begun
          abort.abort();
        }
        abort.signal.throwIfAborted();
      },
    } as AbortSignal;
    await expect(writeWhole(join(folder, "a"), bytes, signal)).rejects.toThrow("abort");
    expect(readdirSync(folder)).toEqual(["a"]);
    expect(readFileSync(join(folder, "a"), "utf8")).toBe("old");
  });

  it("removes its own file when the rename fails", async () => {
    mkdirSync(join(folder, "a"));
    await expect(writeWhole(join(folder, "a"), new Uint8Array(1))).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  it("knows beforehand where it cannot write", async () => {
    mkdirSync(join(folder, "a"));
    await expect(checkWritable(join(folder, "a"))).rejects.toThrow("this is a folder");
    await expect(checkWritable(join(folder, "b", "c"))).rejects.toThrow("there is no folder");
    await expect(checkWritable(join(folder, "b"))).resolves.toBeUndefined();
  });
});
