/**
 * The inside of `<tool_call>`: tags and texts → calls.
 *
 * ```
 * name ──<arg_key>──► key ──</arg_key>──► after-key ──<arg_value>──► value
 *                      ▲                                               │
 *                      └──<arg_key>── between ◄──────</arg_value>──────┘
 * ```
 *
 * and `</tool_call>` from everywhere. The other transitions are the repairs: each tag may be
 * missing, double, or in the wrong place.
 *
 * @see vLLM issues 39757, 44326, 47190, 49248 · SGLang `glm47_moe_detector.py`
 * @module Next: `parse.ts`
 */
import { CallBuilder } from "./call-builder.ts";
import type { CheckedTool } from "./check-chat.ts";
import { type JsonCall, parseJsonCalls } from "./json-calls.ts";
import type { ReplyEvent } from "./reply-events.ts";
import { endsValue, opensValue, type ReplyTag } from "./reply-tags.ts";

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

  /** @param tools undefined when any name is a tool's */
  constructor(
    tools: ReadonlyMap<string, CheckedTool> | undefined,
    emit: (event: ReplyEvent) => void,
  ) {
    this.#tools = tools;
    this.#emit = emit;
  }

  get isInside(): boolean {
    return this.#state !== "outside";
  }

  get nCalls(): number {
    return this.#nCalls;
  }

  /** After `<tool_call>`. */
  open(): void {
    this.#enter("name");
  }

  /** Is this tag, here, the text that spells it? */
  isLiteral(tag: ReplyTag): boolean {
    if (this.#state === "value") return !endsValue(tag);
    return this.#state === "after-key" && opensValue(tag);
  }

  onText(text: string): void {
    if (this.#state === "value") this.#builder?.addText(text);
    else if (this.#state !== "after-key") this.#text += text;
    else if (text.trim() !== "") {
      this.#openValue(this.#key); // `<arg_value>` is missing
      this.#builder?.addText(text.trimStart());
    }
  }

  onTag(tag: ReplyTag): void {
    if (tag === "silent" || tag === "<think>" || tag === "</think>") return;
    if (this.#state === "name") this.#inName(tag);
    else if (this.#state === "second-name") this.#inSecondName(tag);
    else this.#inArguments(tag);
  }

  /**
   * The reply is over.
   *
   * @param isStop the model stopped: it has only left out the closing tags
   */
  end(isStop: boolean): void {
    if (isStop && this.isInside) this.onTag("</tool_call>");
    else this.#endCall(this.#state === "second-name");
  }

  /** Calls that came as JSON. */
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

  /** `f<tool_call>x`: is x the name of the next call, or a key whose tag went wrong? */
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

  /** `weathercity` as the longest tool that it begins with, and the rest. */
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
