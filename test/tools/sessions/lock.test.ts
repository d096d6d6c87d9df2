/** Tests of the lock of a session, one process at a time; soak.test.ts lets several race. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { OWNER, ownerState } from "../../../tools/node/owner.ts";
import { isLocked, lockFolder } from "../../../tools/sessions/lock.ts";
import { SavedSessionError } from "../../../tools/sessions/session-error.ts";
import { scratchFolder } from "../../support/paths.ts";

const folder = join(scratchFolder(), "session");
const path = join(folder, "lock");
/** Process ids end at 2 ** 22 on Linux, and below that elsewhere. */
const NOBODY = 2 ** 30;
const [, start, namespace, boot, machine] = OWNER.split(".");
const owner = (
  parts: Partial<Record<"pid" | "start" | "namespace" | "boot" | "machine", string>>,
) =>
  Object.values({ pid: String(process.pid), start, namespace, boot, machine, ...parts }).join(".");
const dead = owner({ pid: String(NOBODY) });
const lockText = (of: string, id = "0123456789abcdef"): string => `glm52 lock ${id} of ${of}\n`;
const leave = (text: string): void => {
  writeFileSync(path, text);
  utimesSync(path, 1, 1);
};
const lock = (force = false) => lockFolder(folder, "session tale", force);
/** The files of the folder, but for the pipe that a process in a container holds open. */
const files = (): string[] => readdirSync(folder).filter((name) => !name.startsWith(".lock.alive"));
const isLinux = process.platform === "linux";

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
});

describe("a lock", () => {
  it("is one process's, says whose, and leaves nothing behind", () => {
    const { release, mustHold } = lock();
    expect(files()).toEqual(["lock"]);
    expect(readFileSync(path, "utf8")).toMatch(/^glm52 lock [0-9a-f]{16} of /);
    expect(isLocked(folder)).toBe(true);
    expect(lock).toThrow(`session tale: process ${process.pid} has it open`);
    mustHold();
    release();
    expect(readdirSync(folder)).toEqual([]);
    expect(isLocked(folder)).toBe(false);
    expect(mustHold).toThrow("its lock was taken away");
    lock().release();
  });

  it("is not given back when somebody else has it by now", () => {
    const mine = lock();
    leave(lockText(owner({ namespace: "1" })));
    expect(mine.mustHold).toThrow("its lock was taken away from this process; nothing is saved");
    mine.release();
    expect(files()).toEqual(["lock"]);
  });

  it.each<[string, string]>([
    ["of a dead process", lockText(dead)],
    ["of version 0.1, of a dead process", String(NOBODY)],
    ["of version 0.1, of a process with our own id", String(process.pid)],
    ["that is empty", ""],
    ["that is torn", lockText(dead).slice(0, 30)],
    ["of version 0.1 that is torn", "12x"],
    ["of zeros", "\0".repeat(80)],
    ["that is too long", lockText(OWNER).repeat(100)],
  ])("%s is taken over", (_what, text) => {
    leave(text);
    expect(isLocked(folder)).toBe(false);
    lock().release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("that is empty and new is waited for, and not for ever", () => {
    writeFileSync(path, "");
    lock().release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.skipIf(!isLinux)("of a process whose id another has now is taken over", () => {
    const container = { pid: "1", start: "5" }; // process 1 of a container that was started again
    for (const parts of [{ start: `${start}1` }, { boot: "0123456789ab" }, container]) {
      leave(lockText(owner(parts)));
      lock().release();
    }
    expect(ownerState(owner({ machine: "0123456789ab" }))).toBe("alive"); // another name of the host
  });

  it.skipIf(!isLinux)(
    "of a process that ended, and whose parent has not asked how, is taken over",
    async () => {
      // The shell becomes sleep, which never asks after its child.
      const child = spawn("sh", ["-c", "sh -c 'echo $$; exec true' & exec sleep 60"]);
      const [said] = await once(child.stdout, "data");
      const zombie = Number(String(said));
      const isZombie = () => readFileSync(`/proc/${zombie}/stat`, "utf8").includes(") Z ");
      while (!isZombie()) await new Promise((resolve) => setTimeout(resolve, 1));
      leave(String(zombie));
      lock().release();
      child.kill("SIGKILL");
    },
  );

  it("after two processes that died while they took over is taken over", () => {
    const [first, second] = ["1".repeat(16), "2".repeat(16)];
    leave(lockText(dead, first));
    writeFileSync(join(folder, `lock.after.${first}`), lockText(dead, second));
    writeFileSync(join(folder, `lock.after.${second}`), lockText(dead));
    lock().release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("that a living process is taking over is refused", () => {
    leave(lockText(dead, "1".repeat(16)));
    writeFileSync(join(folder, `lock.after.${"1".repeat(16)}`), lockText(owner({})));
    expect(lock).toThrow(`process ${process.pid} has it open`);
  });

  it.skipIf(!isLinux).each<[string, string]>([
    ["another container", owner({ namespace: "1" })],
    ["another machine", owner({ boot: "0123456789ab", machine: "0123456789ab" })],
  ])("of %s is refused with the way out, which unlocks it", (_what, other) => {
    leave(lockText(other));
    expect(isLocked(folder)).toBe(true);
    expect(lock).toThrow(
      `session tale: process ${process.pid}, which cannot be seen from here, has it open, or had when it ended: it is of another container or machine, or a permission is missing; if you know that it has ended, \`glm52 session unlock\` opens the lock`,
    );
    lock(true).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("of a living process is not opened by force", () => {
    const { release } = lock();
    expect(() => lock(true)).toThrow("has it open");
    release();
  });

  it("that is no file is refused in a sentence", () => {
    symlinkSync("/dev/zero", path);
    expect(lock).toThrow(SavedSessionError);
    expect(lock).toThrow("it is a symbolic link, which is not followed here");
    rmSync(path);
    mkdirSync(path);
    expect(lock).toThrow("expected a regular file");
    rmSync(folder, { recursive: true });
    expect(lock).toThrow("it is not there any more; another process has removed it");
  });

  it("clears away what dead processes left, and nothing of others", () => {
    const [alive, elsewhere] = [owner({}), owner({ namespace: "1" })];
    const random = "0123456789abcdef";
    const others = [`.lock.new.${alive}.${random}`, `.lock.new.${elsewhere}.${random}`, "mine"];
    const over = [
      `.lock.new.${dead}.${random}`,
      `.journal.tmp.${dead}.${random}`,
      `.journal.tmp.${elsewhere}.${random}`, // only who has the lock writes journals
      ".journal.tmp", // of version 0.1
      `lock.after.${random}`,
    ];
    for (const name of [...others, ...over]) writeFileSync(join(folder, name), "x");
    lock().release();
    expect(readdirSync(folder).sort()).toEqual(others.sort());
  });
});
