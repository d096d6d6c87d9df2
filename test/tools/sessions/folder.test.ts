/** Tests of folders of sessions: names, links, what killed processes leave, and copies. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { referenceOps, Session } from "../../../engine/index.ts";
import { UserError } from "../../../tools/node/index.ts";
import { OWNER } from "../../../tools/node/owner.ts";
import { fingerprintHash } from "../../../tools/sessions/fingerprint.ts";
import type { JournalSource } from "../../../tools/sessions/frames.ts";
import { recover } from "../../../tools/sessions/journal-reader.ts";
import { SavedSessionError } from "../../../tools/sessions/session-error.ts";
import {
  createSession,
  forkSession,
  openSession,
  removeSession,
} from "../../../tools/sessions/session-folder.ts";
import { checkName, sessionNames } from "../../../tools/sessions/session-names.ts";
import { sessionOverview, sessionSummary } from "../../../tools/sessions/summary.ts";
import { verifySession } from "../../../tools/sessions/verify.ts";
import { scratchFolder } from "../../support/paths.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { ABOUT } from "./crashing-disk.ts";
import { oldJournal } from "./old-journal.ts";

const scratch = scratchFolder();
let folder = scratch;
let nFolders = 0;
const model = tinyModel({}, referenceOps());

/** Makes a session with some tokens. */
function make(name: string, tokens: readonly number[] = [1, 2, 3, 4, 5]): void {
  expect(createSession(folder, name, ABOUT)).toBe(true);
  const { saved, close } = openSession(folder, name);
  const session = new Session(model, { rows: { pageRows: 4 } });
  session.append(tokens);
  saved.commit(session, { pending: [6] });
  close();
}

/** A journal in a file. */
function readFrom(path: string): JournalSource {
  const bytes = fs.readFileSync(path);
  return {
    name: path,
    journalBytes: () => bytes.length,
    readJournal: (offset, target) => bytes.copy(target, 0, offset),
  };
}

beforeEach(() => {
  folder = join(scratch, String(nFolders++));
});

describe("the name of a session", () => {
  it.each(["a", "tale", "A.b_c-9", "x".repeat(64)])("%s is one", (name) => {
    expect(checkName(name)).toBe(name);
  });

  it.each([
    "",
    "..",
    "../away",
    "a/b",
    "a\\b",
    ".hidden",
    "-rf",
    "a\0b",
    "a\nb",
    "\u001b]52;c;x\u0007",
    "ends.",
    "x".repeat(65),
    "x".repeat(1e6),
    "Geschichte\u0308", // the same letter can be written in two ways
    "сказка",
    "故事",
    "nul",
    "COM1.txt",
    "aux",
  ])("is not %j", (name) => {
    for (const use of [
      () => createSession(folder, name, ABOUT),
      () => openSession(folder, name),
      () => sessionSummary(folder, name),
      () => forkSession(folder, name, "b"),
      () => removeSession(folder, name),
    ]) {
      expect(use).toThrow(UserError);
      expect(use).toThrow(/^session: expected a name [ -~…]*, got "/);
    }
    expect(fs.existsSync(folder)).toBe(false);
  });
});

describe("a folder of sessions", () => {
  it("has each name once", () => {
    make("tale");
    expect(createSession(folder, "tale", ABOUT)).toBe(false);
    make("other");
    expect(() => forkSession(folder, "tale", "other")).toThrow("session other: there is one");
    fs.mkdirSync(join(folder, "empty"));
    expect(() => createSession(folder, "empty", ABOUT)).toThrow("is there, and is no session");
    expect(sessionNames(folder)).toEqual(["other", "tale"]);
  });

  it("that is none is told in a sentence", () => {
    expect(sessionNames(folder)).toEqual([]);
    fs.writeFileSync(folder, "a file");
    expect(() => sessionNames(folder)).toThrow("expected a folder, and a file of this name is in");
    expect(() => createSession(folder, "tale", ABOUT)).toThrow(SavedSessionError);
    expect(() => openSession(folder, "tale")).toThrow("session tale: there is none");
  });

  it("may lose a session at any moment", () => {
    make("tale");
    for (const part of ["journal", "pages"]) {
      fs.renameSync(join(folder, "tale", part), join(folder, part));
      for (const use of [openSession, sessionSummary, sessionOverview, verifySession]) {
        if (use === sessionSummary && part === "pages") continue;
        expect(() => use(folder, "tale")).toThrow(/it is not there any more.*ENOENT/);
      }
      fs.renameSync(join(folder, part), join(folder, "tale", part));
    }
    expect(fs.readdirSync(join(folder, "tale")).sort()).toEqual([
      "journal",
      "pages",
      "session.json",
    ]);
  });

  it("loses what killed processes were making or removing, and nothing else", () => {
    make("tale");
    const dead = OWNER.replace(/^\d+/, String(2 ** 30));
    const random = "0123456789abcdef";
    const others = [`.a.new.${OWNER}.${random}`, ".git", `.a.new.1.2.${random}`];
    const over = [`.a.new.${dead}.${random}`, `.b.removed.${dead}.${random}`];
    for (const name of [...others, ...over])
      fs.mkdirSync(join(folder, name, "x"), { recursive: true });
    openSession(folder, "tale").close();
    expect(fs.readdirSync(folder).sort()).toEqual([...others, "tale"].sort());
  });

  it("holds 1,100 open sessions of one process, which may often have 1,024 files open", () => {
    make("s0");
    const open = Array.from({ length: 1100 }, (_, i) => {
      if (i > 0) fs.cpSync(join(folder, "twin"), join(folder, `s${i}`), { recursive: true });
      else fs.cpSync(join(folder, "s0"), join(folder, "twin"), { recursive: true });
      return openSession(folder, `s${i}`);
    });
    removeSession(folder, "twin");
    expect(sessionNames(folder)).toHaveLength(1100);
    expect(() => openSession(folder, "s1099")).toThrow(`process ${process.pid} has it open`);
    for (const { close } of open) close();
    expect(fs.readdirSync(join(folder, "s0"))).not.toContain("lock");
  });
});

describe("files of a session", () => {
  const victim = join(scratch, "victim");
  beforeEach(() => {
    make("tale");
    fs.writeFileSync(victim, "precious");
  });

  it.each(["journal", "pages", "session.json", "lock"])(
    "%s that is a link is not followed",
    (part) => {
      const path = join(folder, "tale", part);
      const bytes = fs.existsSync(path) ? fs.readFileSync(path) : "x";
      fs.writeFileSync(victim, bytes);
      fs.rmSync(path, { force: true });
      fs.symlinkSync(victim, path);
      expect(() => openSession(folder, "tale")).toThrow(
        /it is a symbolic link, which is not followed/,
      );
      expect(() => verifySession(folder, "tale", true)).toThrow(/symbolic link/);
      expect(() => forkSession(folder, "tale", "twin")).toThrow(/symbolic link/);
      expect(fs.readFileSync(victim)).toEqual(Buffer.from(bytes));
      expect(sessionNames(folder)).toEqual(["tale"]);
      if (part === "journal" || part === "session.json") {
        expect(() => sessionSummary(folder, "tale")).toThrow(/symbolic link/);
      }
    },
  );

  it.skipIf(process.platform === "win32").each(["journal", "pages", "session.json", "lock"])(
    "%s that is a pipe does not hold anybody up",
    (part) => {
      fs.rmSync(join(folder, "tale", part), { force: true });
      execFileSync("mkfifo", [join(folder, "tale", part)]);
      expect(() => openSession(folder, "tale")).toThrow("expected a regular file, got");
      expect(() => forkSession(folder, "tale", "twin")).toThrow("expected a regular file, got");
    },
  );

  it("session.json of gigabytes is refused by its size", () => {
    fs.truncateSync(join(folder, "tale", "session.json"), 2 ** 31);
    expect(() => openSession(folder, "tale")).toThrow("expected at most 1048576 bytes");
  });

  it("session.json with another folder of the model, which is for people, is no obstacle", () => {
    const path = join(folder, "tale", "session.json");
    const changed = { ...ABOUT, model: "moved", created: "today" };
    fs.writeFileSync(path, JSON.stringify(changed));
    openSession(folder, "tale").close();
    expect(sessionSummary(folder, "tale")).toMatchObject({ model: "moved" });
    expect(verifySession(folder, "tale")).toMatchObject({ tokens: 5, repaired: [] });
    fs.writeFileSync(path, JSON.stringify({ ...changed, pageRows: 8 }));
    expect(() => openSession(folder, "tale")).toThrow(
      "pageRows is 8 in session.json, 4 in the jour",
    );
    expect(verifySession(folder, "tale", true).repaired).toHaveLength(1);
    expect(JSON.parse(fs.readFileSync(path, "utf8"))).toEqual(ABOUT);
  });

  it("a page size that was changed costs a session of version 0.1 no page", () => {
    const path = join(folder, "tale");
    const { state } = recover(readFrom(join(path, "journal")));
    const { text, nRun, pages } = state;
    const [tokens, pending] = [text.slice(0, nRun), text.slice(nRun)];
    const fingerprint = fingerprintHash(ABOUT.made);
    const change = { fingerprint, nTokensKept: 0, nPagesKept: 0, tokens, pages, pending };
    fs.writeFileSync(join(path, "journal"), oldJournal([change]));
    expect(verifySession(folder, "tale")).toMatchObject({ tokens: 5, pages: 2 });
    const file = join(path, "session.json");
    fs.writeFileSync(file, JSON.stringify({ ...ABOUT, pageBytes: 64 }));
    expect(() => verifySession(folder, "tale", true)).toThrow(
      "all 2 pages are bad, which is more likely a change of pageBytes or pageRows",
    );
    fs.writeFileSync(file, JSON.stringify(ABOUT));
    expect(verifySession(folder, "tale")).toMatchObject({ tokens: 5, pages: 2 });
  });

  it.each([
    ["null", "expected an object of settings"],
    ["{}", "expected version 1, got nothing"],
    ['{"version":2}', "expected version 1, got 2"],
    [JSON.stringify({ ...ABOUT, kind: "x" }), 'kind: expected "text" or "chat", got "x"'],
    [JSON.stringify({ ...ABOUT, model: 7 }), "model: expected a text, got 7"],
    [JSON.stringify({ ...ABOUT, pageRows: 0 }), "pageRows: expected a whole number above 0, got 0"],
    [
      JSON.stringify({ ...ABOUT, pageBytes: "9" }),
      'pageBytes: expected a whole number above 0, got "9"',
    ],
    [JSON.stringify({ ...ABOUT, made: [] }), "made: expected names and texts, got []"],
    [JSON.stringify({ ...ABOUT, made: { a: 1 } }), 'made: expected names and texts, got {"a":1}'],
  ])("session.json with %s is refused in a sentence", (text, what) => {
    fs.writeFileSync(join(folder, "tale", "session.json"), text);
    expect(() => openSession(folder, "tale")).toThrow(what);
  });
});

describe("a fork", () => {
  const { fsyncSync, openSync, renameSync, copyFileSync } = fs;
  afterEach(() => {
    Object.assign(fs, { fsyncSync, openSync, renameSync, copyFileSync });
    syncBuiltinESMExports();
  });

  it("is on the disk, with all its files and their folder, before it has its name", () => {
    make("tale");
    const calls: string[] = [];
    const names = new Map<number, string>();
    Object.assign(fs, {
      openSync: (...args: Parameters<typeof openSync>) => {
        const file = openSync(...args);
        names.set(
          file,
          String(args[0])
            .replace(folder, "")
            .replace(/^\/\.twin\.new[^/]*/, "NEW"),
        );
        return file;
      },
      fsyncSync: (file: number) => {
        calls.push(`sync ${names.get(file)}`);
        fsyncSync(file);
      },
      copyFileSync: (...args: Parameters<typeof copyFileSync>) => {
        calls.push("copy");
        copyFileSync(...args);
      },
      renameSync: (from: string, to: string) => {
        calls.push(`rename to ${to.replace(folder, "")}`);
        renameSync(from, to);
      },
    });
    syncBuiltinESMExports();
    forkSession(folder, "tale", "twin");
    expect(calls.filter((call) => !call.includes("lock"))).toEqual([
      "copy",
      "sync NEW/session.json",
      "copy",
      "sync NEW/pages",
      "copy",
      "sync NEW/journal",
      "sync NEW",
      "rename to /twin",
      "sync ",
    ]);
    expect(sessionSummary(folder, "twin")).toMatchObject({ tokens: 5, pending: 1, records: 2 });
  });
});
