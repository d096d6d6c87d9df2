/** Tests that no record is believed only because its checksum is right. */
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { referenceOps, Session } from "../../../engine/index.ts";
import { record, type Written, wholeJournal } from "../../../tools/sessions/journal.ts";
import { noteAfter, noteChange, notePartsOf } from "../../../tools/sessions/note-change.ts";
import { type Change, EMPTY } from "../../../tools/sessions/record.ts";
import { SavedSession } from "../../../tools/sessions/saved-session.ts";
import { SavedSessionError } from "../../../tools/sessions/session-error.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { ABOUT, CrashingDisk } from "./crashing-disk.ts";
import { oldJournal } from "./old-journal.ts";

const right: Change = { text: [0, [1, 2, 3]], run: 0, pages: [0, []] };

/** Opens a session whose journal has a record with these fields, and a right checksum. */
function open(fields: object): SavedSession {
  const first = wholeJournal(EMPTY, ABOUT);
  const change = { ...right, ...fields } as Change;
  const counts = { nRecords: 2, nIds: 3, nPending: 3, nPages: 0 };
  const { bytes } = record(change, first.crc, counts);
  const start = first.bytes.subarray(0, first.nBeforeMark);
  return SavedSession.open(new CrashingDisk(Uint8Array.from([...start, ...bytes])), ABOUT);
}

describe("a record with the right checksum", () => {
  it("and right content is read", () => {
    expect(open({}).text).toEqual([1, 2, 3]);
  });

  it.each<[string, object]>([
    ["no ids", { text: undefined }],
    ["ids as text", { text: [0, "1,2"] }],
    ["an id that is no number", { text: [0, [1, "2"]] }],
    ["an id below 0", { text: [0, [-1]] }],
    ["half an id", { text: [0, [1.5]] }],
    ["an id that is too large", { text: [0, [2 ** 31]] }],
    ["null as an id", { text: [0, [null]] }],
    ["more ids kept than there are", { text: [1, [1, 2, 3]] }],
    ["ids kept below 0", { text: [-1, [1, 2, 3]] }],
    ["more ids run than there are", { run: 4 }],
    ["run as a text", { run: "0" }],
    ["pages as an object", { pages: {} }],
    ["a page without a checksum", { pages: [0, [[0]]] }],
    ["a place below 0", { pages: [0, [[-1, 0]]] }],
    ["a checksum of 33 bits", { pages: [0, [[0, 2 ** 32]]] }],
    ["more pages kept than there are", { pages: [1, []] }],
    ["a random state of zeros", { random: [0, 0, 0, 0] }],
    ["a random state of three", { random: [1, 2, 3] }],
    ["a random state of texts", { random: ["1", "2", "3", "4"] }],
    ["logits of another type", { logits: { type: "f16", base64: "" } }],
    ["logits without bytes", { logits: { type: "f32" } }],
    ["logits as a number", { logits: 1 }],
    ["a note that is no change", { note: "x" }],
    ["a note whose lists are none", { note: { values: {}, lists: { a: 1 } } }],
    ["a note that needs another one", { note: { values: {}, lists: { a: [3, []] } } }],
  ])("and %s is refused in a sentence", (_what, fields) => {
    expect(() => open(fields)).toThrow(SavedSessionError);
    expect(() => open(fields)).toThrow(/^disk: record 1: its checksum is right, but not its cont/);
  });

  it("and a note that is nested too deep to be written again is refused in a sentence", () => {
    const deep = JSON.parse(`${"[".repeat(1e5)}${"]".repeat(1e5)}`);
    const first = wholeJournal(EMPTY, ABOUT);
    const text = JSON.stringify({ ...right, note: { whole: "DEEP" } });
    const json = Buffer.from(text.replace('"DEEP"', "[".repeat(1e5) + "]".repeat(1e5)));
    expect(() => JSON.stringify(deep)).toThrow(RangeError);
    const place = new CrashingDisk(appended(first, json));
    expect(() => SavedSession.open(place, ABOUT)).toThrow("disk: its note is nested too deep");
  });

  it.each<[string, object]>([
    ["no tokens", { tokens: undefined }],
    ["ids as text", { tokens: ["1"] }],
    ["pages without places", { pages: [{ crc: 1 }] }],
    ["null as a page", { pages: [null] }],
    ["a pending id below 0", { pending: [-1] }],
    ["a random state of zeros", { random: [0, 0, 0, 0] }],
    ["logits as a text", { logits: "x" }],
  ])("in version 0.1 and %s is refused in a sentence", (_what, fields) => {
    const old = { fingerprint: "f", nTokensKept: 0, nPagesKept: 0, tokens: [], pages: [] };
    const bytes = oldJournal([{ ...old, pending: [], ...fields }]);
    expect(() => SavedSession.open(new CrashingDisk(bytes), ABOUT)).toThrow(/its checksum is rig/);
  });

  it.each<[string, (logits: Float32Array) => unknown]>([
    ["f64", (logits) => ({ type: "f64", base64: base64(Float64Array.from(logits)) })],
    ["one fewer", (logits) => ({ type: "f32", base64: base64(logits.subarray(1)) })],
    ["one more", (logits) => ({ type: "f32", base64: base64(Float32Array.of(1, ...logits)) })],
    ["half a number", (logits) => ({ type: "f32", base64: base64(logits).slice(0, -4) })],
    ["NaN", (logits) => ({ type: "f32", base64: base64(logits.map(() => Number.NaN)) })],
    ["no base64", () => ({ type: "f32", base64: "?".repeat(172) })],
  ])("and logits that are not the model's (%s) are refused", (_what, logitsOf) => {
    const model = tinyModel({}, referenceOps());
    const session = new Session(model, { rows: { pageRows: 4 } });
    const logits = logitsOf(Float32Array.from(session.append([1, 2])));
    const saved = open({ logits });
    const fresh = new Session(model, { rows: { pageRows: 4 } });
    expect(() => saved.restore(fresh)).toThrow(/expected 32 logits of type f32, got/);
    expect(fresh.tokens).toEqual([]);
  });
});

/** A journal with one more record, whose JSON is given. */
function appended({ bytes, nBeforeMark, crc }: Written, json: Uint8Array): Uint8Array {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(json.length, 0);
  head.writeUInt32LE(crc32(head.subarray(0, 4)), 4);
  head.writeUInt32LE(crc32(json, crc), 8);
  return Uint8Array.from([...bytes.subarray(0, nBeforeMark), ...head, ...json]);
}

const base64 = ({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

describe("the change of a note", () => {
  it.each<[string, unknown, unknown]>([
    ["a message more", { messages: ["a"], n: 1 }, { messages: ["a", "b"], n: 2 }],
    ["another message", { messages: ["a", "b"] }, { messages: ["a", "c"] }],
    ["fewer messages", { messages: ["a", "b"] }, { messages: [] }],
    ["a list that was a number", { a: 1 }, { a: [1] }],
    ["a number that was a list", { a: [1] }, { a: 1 }],
    ["an entry less", { a: 1, b: 2 }, { a: 1 }],
    ["a first one", undefined, { a: [1] }],
    ["none any more", { a: 1 }, undefined],
    ["texts", "a", "b"],
    ["a name like that of a prototype", { __proto__: [1] }, JSON.parse('{"__proto__":[1,2]}')],
  ])("%s gives the second from the first", (_what, before, after) => {
    const change = noteChange(notePartsOf(before), notePartsOf(after));
    const written = JSON.parse(JSON.stringify(change));
    expect(JSON.stringify(noteAfter(before, written))).toBe(JSON.stringify(after));
    expect(noteChange(notePartsOf(after), notePartsOf(after))).toBeUndefined();
  });

  it("sees what its owner has changed in place", () => {
    const messages = ["a"];
    const before = notePartsOf({ messages });
    messages.push("b");
    expect(noteChange(before, notePartsOf({ messages }))).toEqual({
      values: {},
      lists: { messages: [1, ["b"]] },
    });
  });
});
