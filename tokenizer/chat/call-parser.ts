/**
 * Parses what follows `<tool_call>`: a call, or prose about calls.
 *
 * ```
 * name ──<arg_key>──► arguments ──</tool_call>──► outside
 *   └────────────</tool_call>──► (pair) ─────────────┘
 * ```
 *
 * A name alone between the tags is held as a pair where it may be prose: in the reasoning, or when
 * no such tool is declared. If text follows, it was prose.
 *
 * Next: parse.ts
 * @see vLLM issues 39757, 44326, 47190
 * @module
 */
import { ArgumentParser, type Outcome } from "./argument-parser.ts";
import { CallBuilder } from "./call-builder.ts";
import { MAX_LENGTH, mayOpenCall, type Opening, readOpening, type Tools } from "./call-opening.ts";
import type { JsonCall } from "./json-calls.ts";
import type { Repair, RepairKind } from "./repairs.ts";
import type { ReplyEvent } from "./reply-events.ts";
import type { ReplyTag, SpelledTag } from "./reply-tags.ts";

/** Where the parser is. A `second-name` follows a `<tool_call>` that came inside a call. */
type State = "outside" | "name" | "pair" | "arguments" | "second-name";

/** Whom the parser tells what it finds. */
export interface CallListener {
  readonly emit: (event: ReplyEvent) => void;
  /** This is a call, and not only a text about one. */
  readonly onCall: () => void;
  /** What was read is no call. `isOpen`: the `</tool_call>` that belongs to it is still to come. */
  readonly onProse: (text: string, isOpen: boolean) => void;
}

/** Parses the calls of one reply. */
export class CallParser {
  readonly #tools: Tools;
  readonly #strict: boolean;
  readonly #to: CallListener;
  #state: State = "outside";
  #isInReasoning = false;
  /** The text since the last tag. */
  #text = "";
  /** All that was read since `<tool_call>`, to the letter. */
  #raw = "";
  /** Repairs that count only if this becomes a call. */
  #pending: Repair[] = [];
  #opening: Opening | undefined;
  #arguments: ArgumentParser | undefined;
  #nCalls = 0;

  /** @param tools the declared tools by name; undefined when every name may be called */
  constructor(tools: Tools, strict: boolean, listener: CallListener) {
    this.#tools = tools;
    this.#strict = strict;
    this.#to = listener;
  }

  /** Whether a call is open, or may be. */
  get isInside(): boolean {
    return this.#state !== "outside";
  }

  /** Number of calls of declared tools so far. */
  get nCalls(): number {
    return this.#nCalls;
  }

  /** Begins what may be a call, after `<tool_call>`. */
  open(spelled: string, isInReasoning: boolean): void {
    this.#isInReasoning = isInReasoning;
    this.#pending = [];
    this.#enter("name", spelled);
  }

  /** Takes text inside a call. */
  onText(text: string): void {
    if (this.#state === "arguments") {
      this.#take(this.#arguments?.onText(text));
    } else if (this.#state === "pair" && text.trim() !== "") {
      this.#toProse(false);
      this.#to.onProse(text, false);
    } else {
      const isOpen = this.#state === "name" && this.#text.length <= MAX_LENGTH;
      this.#raw += text;
      this.#text += text;
      if (isOpen && !mayOpenCall(this.#text, this.#tools)) this.#toProse(true);
    }
  }

  /** Takes a tag inside a call. Returns false when the tag stands outside after all. */
  onTag(spelled: SpelledTag): boolean {
    if (this.#state === "name") return this.#inName(spelled);
    if (this.#state === "second-name") return this.#inSecondName(spelled);
    if (this.#state === "pair") this.#confirmPair();
    else if (this.#state === "arguments") {
      this.#take(this.#arguments?.onTag(spelled), spelled);
      return true;
    }
    return false;
  }

  /**
   * Ends the reply.
   *
   * @param isStop whether the model stopped; then it only left out the closing tags of an open call
   */
  end(isStop: boolean): void {
    if (this.#state === "pair") this.#confirmPair();
    if (this.#state === "second-name") this.#splitCalls();
    if (this.#state === "name") this.#endInName(isStop);
    if (this.#state === "arguments") this.#take(this.#arguments?.end(isStop));
  }

  /** Adds calls that were written as JSON. */
  add(calls: readonly JsonCall[]): void {
    for (const { name, arguments: args } of calls) {
      const builder = this.#build(name);
      for (const [key, value] of args) builder.add(key, value);
      builder.end(true);
    }
  }

  #inName(spelled: SpelledTag): boolean {
    const { tag, text } = spelled;
    const isEmpty = this.#text.trim() === "";
    const closesThought = tag === "</think>" && this.#isInReasoning && this.#pending.length === 0;
    const isMute = tag === "silent" || tag === "<think>" || tag === "</think>";
    if (!this.#strict && !closesThought && (isMute || (tag === "<tool_call>" && isEmpty))) {
      this.#raw += text;
      this.#pending.push({ kind: "stray-tag", text });
      return true;
    }
    const opening = isMute ? undefined : this.#readOpening(tag);
    if (opening === undefined) {
      this.#toProse(true);
      return false;
    }
    const isBare = tag === "</tool_call>" && !opening.plain && !opening.calls;
    if (isBare && (this.#isInReasoning || !this.#isKnown(opening.name))) {
      this.#opening = opening;
      this.#enter("pair", this.#raw + text);
      return true;
    }
    this.#confirm(opening);
    if (this.#state === "arguments") this.#take(this.#arguments?.onTag(spelled), spelled);
    else if (tag !== "</tool_call>") {
      this.#repair("missing-tag", "</tool_call>");
      return false;
    }
    return true;
  }

  #readOpening(tag: ReplyTag): Opening | undefined {
    if (this.#strict && (this.#isInReasoning || !/^(<arg_key>|<\/tool_call>)$/.test(tag))) {
      return undefined;
    }
    const opening = readOpening(this.#text, tag, this.#tools, this.#strict);
    const isForeign = opening && !opening.calls && !this.#isKnown(opening.name);
    return isForeign && this.#isInReasoning ? undefined : opening;
  }

  #isKnown(name: string): boolean {
    return this.#tools === undefined || this.#tools.has(name);
  }

  /** Makes a call of what has been read. */
  #confirm({ name, key, plain, calls, repairs }: Opening): void {
    this.#to.onCall();
    for (const { kind, text } of [...this.#pending, ...repairs]) this.#repair(kind, text);
    this.#enter("outside", "");
    if (calls !== undefined) {
      this.add(calls);
      return;
    }
    const builder = this.#build(name);
    for (const [argument, value] of plain?.values ?? []) builder.add(argument, value);
    for (const [argument, text] of plain?.texts ?? []) {
      builder.openValue(argument);
      builder.addText(text);
      builder.closeValue();
    }
    this.#enterArguments(builder, key);
  }

  #confirmPair(): void {
    if (this.#opening === undefined) return;
    const blank = this.#text; // between the pair and what follows it
    this.#confirm(this.#opening);
    this.#take(this.#arguments?.onTag({ tag: "</tool_call>", text: "</tool_call>" }));
    if (blank !== "") this.#to.onProse(blank, false);
  }

  #toProse(isOpen: boolean): void {
    const text = this.#raw;
    this.#enter("outside", "");
    this.#to.onProse(text, isOpen);
  }

  #endInName(isStop: boolean): void {
    const opening = isStop ? this.#readOpening("stop") : undefined;
    if (opening && (opening.calls || opening.plain || this.#tools?.has(opening.name))) {
      this.#confirm(opening);
      if (this.#state === "outside") this.#repair("missing-tag", "</tool_call>");
    } else if (isStop || this.#strict) {
      this.#toProse(true);
    } else {
      this.#repair("cut-off", this.#raw);
      this.#enter("outside", "");
    }
  }

  /** Decides, in `f<tool_call>x`, whether x is the next call's name or a key with a wrong tag. */
  #inSecondName(spelled: SpelledTag): boolean {
    if (spelled.tag === "</arg_key>") {
      this.#repair("wrong-tag", "<tool_call>");
      const key = this.#text;
      this.#enter("arguments", "");
      this.#arguments?.onWrongTag(key);
      return true;
    }
    this.#splitCalls();
    return this.isInside && this.#inName(spelled);
  }

  /** Ends the call in `f<tool_call>x`, and begins one of x. */
  #splitCalls(): void {
    const [text, raw] = [this.#text, this.#raw];
    this.#repair("missing-tag", "</tool_call>");
    this.#take(this.#arguments?.onTag({ tag: "</tool_call>", text: "</tool_call>" }));
    this.open(raw, false);
    this.#text = text;
    if (!mayOpenCall(text, this.#tools)) this.#toProse(true);
  }

  /** Goes on as the parser of the arguments says. */
  #take(outcome: Outcome | undefined, spelled?: SpelledTag): void {
    if (outcome === undefined || outcome.is === "open") return;
    if (outcome.is === "second-call") this.#enter("second-name", spelled?.text ?? "");
    else if (outcome.is === "next-call") {
      this.#enterArguments(this.#build(outcome.name));
      if (spelled) this.#arguments?.onTag(spelled);
    } else {
      this.#arguments = undefined;
      this.#enter("outside", "");
      if (outcome.is === "broken") this.#to.onProse(outcome.text, true);
    }
  }

  #enter(state: State, raw: string): void {
    this.#state = state;
    this.#text = "";
    this.#raw = raw;
  }

  #enterArguments(builder: CallBuilder, key?: string): void {
    const isTool = (name: string) => this.#tools?.has(name) === true;
    const repair = this.#repair.bind(this);
    this.#arguments = new ArgumentParser({ builder, strict: this.#strict, isTool, repair }, key);
    this.#enter("arguments", "");
  }

  #build(name: string): CallBuilder {
    const call = this.#isKnown(name) ? this.#nCalls++ : undefined;
    const parameters = this.#tools?.get(name)?.parameters;
    return new CallBuilder({ name, call, parameters, emit: this.#to.emit });
  }

  #repair(kind: RepairKind, text: string): void {
    this.#to.emit({ type: "repair", kind, text });
  }
}
