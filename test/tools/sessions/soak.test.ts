/**
 * Short versions of the soaks in test/soak, and their negative controls. `npm run soak:sessions` runs the
 * long ones. They run as processes, so the sources are compiled first.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, inject, it } from "vitest";
import { ROOT } from "../../support/paths.ts";

const built = inject("built");

/** Runs a soak, and returns its exit code and its counts. */
function soak(...argv: string[]) {
  const program = join(built, "test/soak/sessions.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return { status, counts: JSON.parse(stdout) };
}

describe("a saved session", () => {
  it("that four processes open at the same instant is one's, in 150 rounds", () => {
    const { status, counts } = soak("lock", "--rounds", "150");
    expect(counts.violations).toEqual([]);
    expect(status).toBe(0);
    expect(counts.openings).toBeGreaterThan(100);
  });

  it.each(["old", "no-link"])("the same rounds find two owners with the control %s", (control) => {
    const { status, counts } = soak("lock", "--rounds", "4000", "--control", control);
    expect(counts.violations.join("\n")).toContain("two owners");
    expect(status).toBe(1);
  });

  it("that processes write which are killed, 10 times, has all that was synced", () => {
    const { status, counts } = soak("kill", "--rounds", "10");
    expect(counts.violations).toEqual([]);
    expect([status, counts.kills]).toEqual([0, 10]);
  });

  it("whose files are damaged, 250 times, is refused, reported, or the same", () => {
    const { status, counts } = soak("flip", "--rounds", "250");
    expect(counts.violations).toEqual([]);
    expect(status).toBe(0);
    expect(Math.min(counts.refused, counts.losses)).toBeGreaterThan(0);
  });
});

/** Containers as `unshare` makes them: each counts its own process ids. */
const UNSHARE = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
const canUnshare = spawnSync("unshare", [...UNSHARE, "true"]).status === 0;

describe.skipIf(!canUnshare)("in containers (not where users may make none)", () => {
  const folder = mkdtempSync(join(tmpdir(), "glm52-container-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const lock = pathToFileURL(join(built, "tools/sessions/lock.js")).href;
  const script = (then: string): string =>
    `import { lockFolder } from ${JSON.stringify(lock)};
     try { lockFolder(${JSON.stringify(folder)}, "tale"); console.log("got it as", process.pid); }
     catch (error) { console.log(error.message); }
     ${then}`;
  const argv = (then: string): string[] => [
    ...UNSHARE,
    process.execPath,
    "--input-type=module",
    "-e",
    script(then),
  ];
  const crash = "process.kill(process.pid, 'SIGKILL')";

  it("process 1 takes over what process 1 of a container before it has left", () => {
    for (let i = 0; i < 3; i++) {
      const { stdout } = spawnSync("unshare", argv("process.exit()"), { encoding: "utf8" });
      expect(stdout).toBe("got it as 1\n"); // its lock is left: it did not give it back
    }
    expect(readdirSync(folder).filter((name) => name.startsWith(".lock.alive"))).toHaveLength(1);
  });

  it("process 1 is refused while process 1 of another one lives", () => {
    const inside = `
      const { spawnSync } = await import("node:child_process");
      const { stdout } = spawnSync("unshare", ${JSON.stringify(argv(crash))}, { encoding: "utf8" });
      console.log(stdout.trim());`;
    const { stdout } = spawnSync("unshare", argv(inside), { encoding: "utf8" });
    expect(stdout).toBe("got it as 1\ntale: process 1 has it open\n");
  });

  it("without a pipe beside the lock, process 1 is refused with the way out", () => {
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    spawnSync("unshare", argv("process.exit()"));
    for (const name of readdirSync(folder)) {
      if (name.startsWith(".lock.alive")) rmSync(join(folder, name));
    }
    const { stdout } = spawnSync("unshare", argv("process.exit()"), { encoding: "utf8" });
    expect(stdout).toContain("`glm52 session unlock` opens the lock");
    writeFileSync(join(folder, "lock"), "");
  });
});
