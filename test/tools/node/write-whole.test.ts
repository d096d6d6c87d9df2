import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { checkWritable } from "../../../tools/node/output.ts";
import { writePieces, writeText, writeWhole } from "../../../tools/node/write-whole.ts";
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

  it("keeps the permissions of the file that it replaces", async () => {
    for (const mode of [0o600, 0o640, 0o755]) {
      writeFileSync(join(folder, "a"), "old");
      chmodSync(join(folder, "a"), mode);
      await writeText(join(folder, "a"), "new");
      expect(statSync(join(folder, "a")).mode & 0o777).toBe(mode);
    }
  });

  it("writes where a symbolic link leads, and leaves the link", async () => {
    mkdirSync(join(folder, "far"));
    symlinkSync("far/new", join(folder, "dangling"));
    symlinkSync("dangling", join(folder, "twice"));
    for (const text of ["first", "second"]) {
      await writeText(join(folder, "twice"), text);
      expect(readFileSync(join(folder, "far/new"), "utf8")).toBe(text);
    }
    expect(lstatSync(join(folder, "twice")).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(folder, "dangling")).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(["dangling", "far", "twice"]);
    symlinkSync("circle", join(folder, "circle"));
    await expect(writeText(join(folder, "circle"), "x")).rejects.toThrow("ELOOP");
  });

  it("writes into a device or a pipe and does not replace it", async () => {
    await writeText("/dev/null", "lost");
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await checkWritable(pipe);
    const read = promisify(execFile)("cat", [pipe]);
    await writePieces(
      pipe,
      ["one, ", "two"].map((text) => new TextEncoder().encode(text)),
    );
    expect((await read).stdout).toBe("one, two");
    expect(statSync(pipe).isFIFO()).toBe(true);
    await expect(writeText("/dev/full", "x")).rejects.toThrow("/dev/full: ENOSPC");
  });

  it("takes a name that is as long as a name can be", async () => {
    const path = join(folder, "n".repeat(255));
    await writeText(path, "x");
    expect(readFileSync(path, "utf8")).toBe("x");
  });

  it("knows beforehand that an output is an input, under whatever name", async () => {
    mkdirSync(join(folder, "model"));
    const config = join(folder, "model/config.json");
    writeFileSync(config, "{}");
    symlinkSync("model/config.json", join(folder, "link"));
    linkSync(config, join(folder, "hard"));
    const inputs = [join(folder, "model")];
    for (const name of ["link", "hard", "model/config.json", "model/../model/config.json"]) {
      const path = join(folder, name);
      await expect(checkWritable(path, inputs)).rejects.toThrow("config.json of");
      await expect(checkWritable(path, [config])).rejects.toThrow("a file that the work reads");
      await expect(checkWritable(path, [join(folder, "none")])).resolves.toBeUndefined();
    }
    await expect(checkWritable(join(folder, "model/new"), inputs)).resolves.toBeUndefined();
  });

  it.runIf(process.getuid?.() !== 0)(
    "refuses a file that is read-only (skipped for root, who may write all)",
    async () => {
      writeFileSync(join(folder, "a"), "old", { mode: 0o400 });
      await expect(checkWritable(join(folder, "a"))).rejects.toThrow("read-only");
    },
  );

  it("knows beforehand where it cannot write", async () => {
    mkdirSync(join(folder, "a"));
    await expect(checkWritable(join(folder, "a"))).rejects.toThrow("this is a folder");
    await expect(checkWritable(join(folder, "b", "c"))).rejects.toThrow("there is no folder");
    await expect(checkWritable(join(folder, "b"))).resolves.toBeUndefined();
  });
});
