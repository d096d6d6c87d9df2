/**
 * Parses the inside of `<tool_call>`: makes calls of tags and texts.
 *
 * ```
 * name ──<arg_key>──► key ──</arg_key>──► after-key ──<arg_value>──► value
 *                      ▲                                               │
 *                      └──<arg_key>── between ◄──────</arg_value>──────┘
 * ```
 *
 * `</tool_call>` may come in every state. All other transitions are repairs, because a model may
 * leave out a tag, write it twice, or write it in the wrong place.
 *
 * Next: parse.ts
 * @see vLLM issues 39757, 44326, 47190, 49248 · SGLang `glm47_moe_detector.py`
 * @module
 */
import { CallBuilder } from "./call-builder.ts";
import type { CheckedTool } from "./check-chat.ts";
import { type JsonCall, parseJsonCalls } from "./json-calls.ts";
import type { ReplyEvent } from "./reply-events.ts";
import { endsValue, opensValue, type ReplyTag } from "./reply-tags.ts";

/** Where in a call the parser is. */
type State = "outside" | "name" | "second-name" | "between" | "key" | "after-key" | "value";

/** Parses the calls of one reply. */
export class CallParser {
  readonly #tools: ReadonlyMap<string, CheckedTool> | undefined;
  readonly #emit: (event: ReplyEvent) => void;
  #state: State = "outside";
  /** The text since the last tag. */
  #text = "";
  #key = "";
  /** Undefined inside the call of an unknown tool, which is skipped. */
  #builder: CallBuilder | undefined;
  #nCalls = 0;

  /** @param tools the declared tools by name; undefined when every name may be called */
  constructor(
    tools: ReadonlyMap<string, CheckedTool> | undefined,
    emit: (event: ReplyEvent) => void,
  ) {
    this.#tools = tools;
    this.#emit = emit;
  }

  /** Whether a call is open. */
  get isInside(): boolean {
    return this.#state !== "outside";
  }

  /** Number of calls of declared tools so far. */
  get nCalls(): number {
    return this.#nCalls;
  }

  /** Begins a call, after `<tool_call>`. */
  open(): void {
    this.#enter("name");
  }

  /** Whether this tag, in this state, is only the text that spells it. */
  isLiteral(tag: ReplyTag): boolean {
    if (this.#state === "value") return !endsValue(tag);
    return this.#state === "after-key" && opensValue(tag);
  }

  /** Takes text inside a call. */
  onText(text: string): void {
    if (this.#state === "value") this.#builder?.addText(text);
    else if (this.#state !== "after-key") this.#text += text;
    else if (text.trim() !== "") {
      this.#openValue(this.#key); // `<arg_value>` is missing
      this.#builder?.addText(text.trimStart());
    }
  }

  /** Takes a tag inside a call. */
  onTag(tag: ReplyTag): void {
    if (tag === "silent" || tag === "<think>" || tag === "</think>") return;
    if (this.#state === "name") this.#inName(tag);
    else if (this.#state === "second-name") this.#inSecondName(tag);
    else this.#inArguments(tag);
  }

  /**
   * Ends the reply.
   *
   * @param isStop whether the model stopped; then it only left out the closing tags of an open call
   */
  end(isStop: boolean): void {
    if (isStop && this.isInside) this.onTag("</tool_call>");
    else this.#endCall(this.#state === "second-name");
  }

  /** Adds calls that were written as JSON. */
  add(calls: readonly JsonCall[]): void {
    for (const { name, arguments: args } of calls) {
      this.#openCall(name);
      for (const [key, value] of args) this.#builder?.add(key, value);
      this.#endCall(true);
    }
  }

  #inName(tag: ReplyTag): void {
    const text = this.#text.trim();
    if (tag === "<tool_call>" && text === "") return; // doubled
    if (tag === "</arg_key>" || tag === "<arg_value>") {
      const { name, key } = this.#splitName(text); // `<arg_key>` is missing
      this.#openCall(name);
      this.#text = key;
    } else {
      const calls = /^[[{]/.test(text) ? parseJsonCalls(text) : undefined;
      if (calls !== undefined) this.add(calls);
      else this.#openCall(text);
      this.#text = "";
    }
    this.#inArguments(tag);
  }

  /** Decides, in `f<tool_call>x`, whether x is the next call's name or a key with a wrong tag. */
  #inSecondName(tag: ReplyTag): void {
    if (tag !== "</arg_key>") {
      this.#endCall(true);
      this.#state = "name";
      this.#inName(tag);
    } else this.#inArguments(tag);
  }

  #inArguments(tag: ReplyTag): void {
    const text = this.#text.trim();
    const isOpener = tag === "<arg_key>" || tag === "<tool_call>";
    if (isOpener && this.#state === "key" && text === "") return; // doubled
    if (tag === "<arg_key>") this.#enter("key");
    else if (tag === "<tool_call>") this.#enter("second-name");
    else if (tag === "<arg_value>") this.#openValue(this.#state === "after-key" ? this.#key : text);
    else if (tag === "</arg_key>") {
      if (this.#state !== "after-key") this.#key = text;
      this.#enter("after-key");
    } else if (tag === "</arg_value>") {
      if (this.#state === "after-key") this.#openValue(this.#key); // an empty one
      this.#builder?.closeValue();
      this.#enter("between");
    } else {
      this.#builder?.closeValue();
      this.#endCall(true);
      this.#enter("outside");
    }
  }

  #enter(state: State): void {
    this.#state = state;
    this.#text = "";
  }

  #openValue(key: string): void {
    if (key !== "") this.#builder?.openValue(key); // without a key, the value is skipped
    this.#enter("value");
  }

  /** Splits `weathercity` into the longest tool name that it begins with, and the rest. */
  #splitName(text: string): { name: string; key: string } {
    if (this.#tools === undefined) {
      const [name = "", key = ""] = text.split(/\s+/, 2);
      return { name, key };
    }
    const fits = [...this.#tools.keys()].filter((name) => text.startsWith(name));
    const name = fits.sort((a, b) => b.length - a.length)[0] ?? text;
    return { name, key: text.slice(name.length).trim() };
  }

  #openCall(text: string): void {
    const name = (text.split("<", 1)[0] ?? "").trim(); // less a tag in ordinary tokens
    const tool = this.#tools?.get(name);
    if (name === "" || (this.#tools !== undefined && tool === undefined)) {
      this.#emit({ type: "unknown-tool", name });
    } else {
      this.#builder = new CallBuilder(this.#nCalls++, name, tool?.parameters, this.#emit);
    }
  }

  #endCall(isComplete: boolean): void {
    this.#builder?.end(isComplete);
    this.#builder = undefined;
  }
}
