/**
 * Parses the arguments of one call, after its name.
 *
 * ```
 * between ──<arg_key>──► key ──</arg_key>──► after-key ──<arg_value>──► value
 *    ▲                                                                    │
 *    └──────────────────────────────</arg_value>──────────────────────────┘
 * ```
 *
 * `</tool_call>` ends the call between two arguments. All other transitions are repairs, because a
 * model may leave out a tag, write it twice, or write it in the wrong place. With `strict`, they
 * break the call off instead, and what follows is content.
 *
 * Next: call-parser.ts
 * @see vLLM issues 47190, 49248 · SGLang `glm47_moe_detector.py`
 * @module
 */
import type { CallBuilder } from "./call-builder.ts";
import { HeldTag } from "./held-tag.ts";
import type { RepairKind } from "./repairs.ts";
import { opensValue, type ReplyTag, type SpelledTag } from "./reply-tags.ts";

/** Where the parser is. A value has no key where `<arg_value>` came without one. */
type State = "between" | "key" | "after-key" | "value" | "keyless-value";

/** What became of the call with the last tag. */
export type Outcome =
  | { readonly is: "open" | "ended" }
  /** The call broke off before `text`, which is none of it. */
  | { readonly is: "broken"; readonly text: string }
  /** `<tool_call>` came: the next call, or a key with a wrong tag. */
  | { readonly is: "second-call" }
  /** The call ended, and one of `name` began inside its last value. */
  | { readonly is: "next-call"; readonly name: string };

const OPEN: Outcome = { is: "open" };
const ENDED: Outcome = { is: "ended" };

/** What a parser of arguments needs. */
export interface ArgumentSetting {
  readonly builder: CallBuilder;
  readonly strict: boolean;
  readonly isTool: (name: string) => boolean;
  readonly repair: (kind: RepairKind, text: string) => void;
}

/** Parses the arguments of one call. */
export class ArgumentParser {
  readonly #builder: CallBuilder;
  readonly #strict: boolean;
  readonly #isTool: (name: string) => boolean;
  readonly #repair: (kind: RepairKind, text: string) => void;
  readonly #held = new HeldTag();
  #state: State = "between";
  /** The text since the last tag. */
  #text = "";
  #key = "";
  /** All that was read and that no event holds yet, to the letter. */
  #raw = "";

  /** @param key the first key, where `<arg_key>` is missing before it */
  constructor({ builder, strict, isTool, repair }: ArgumentSetting, key = "") {
    this.#builder = builder;
    this.#strict = strict;
    this.#isTool = isTool;
    this.#repair = repair;
    this.#text = key;
    this.#raw = key;
  }

  /** Takes text. */
  onText(text: string): Outcome {
    if (this.#held.tag !== "") {
      if (!this.#held.add(text)) this.#releaseHeld();
    } else if (this.#state === "value") {
      this.#builder.addText(text);
    } else if (this.#state === "after-key" && text.trim() !== "") {
      if (this.#strict) return this.#breakOff(text);
      const value = text.trimStart();
      this.#raw += text.slice(0, text.length - value.length);
      this.#repair("missing-tag", "<arg_value>");
      this.#openValue(this.#key);
      return this.onText(value);
    } else {
      this.#raw += text;
      this.#text += text;
    }
    return OPEN;
  }

  /** Takes a tag. */
  onTag(spelled: SpelledTag): Outcome {
    const { tag, text } = spelled;
    const next = this.#held.tag === "" ? undefined : this.#afterHeld(tag);
    if (next !== undefined) return next;
    const isInValue = this.#state === "value" || this.#state === "keyless-value";
    if (isInValue && tag !== "</arg_value>" && tag !== "</tool_call>") {
      this.#addLiteral(spelled);
      return OPEN;
    }
    if (this.#strict && !this.#isRegular(tag)) return this.#breakOff(text);
    if (tag === "</tool_call>") return this.#close();
    const isDoubled = this.#state === "key" && this.#text.trim() === "";
    if ((tag === "<arg_key>" || tag === "<tool_call>") && isDoubled) {
      this.#repair("stray-tag", text);
    } else if (tag === "<tool_call>") {
      this.#leave();
      return { is: "second-call" };
    } else if (tag === "<arg_key>") {
      this.#leave();
      this.#enter("key", text);
    } else if (tag === "</arg_key>") this.#onCloseKey(text);
    else if (tag === "<arg_value>") this.#onOpenValue(text);
    else if (tag === "</arg_value>") this.#onCloseValue(text);
    else this.#onOther(spelled);
    return OPEN;
  }

  /** Goes on with a key after `<tool_call>`, which stands in the place of `<arg_key>`. */
  onWrongTag(key: string): void {
    this.#enter("key", key);
    this.#text = key;
    this.onTag({ tag: "</arg_key>", text: "</arg_key>" });
  }

  /** Ends the call, because the reply ends. */
  end(isStop: boolean): Outcome {
    if (this.#held.tag !== "") this.#releaseHeld();
    if (this.#strict) return this.#breakOff("");
    if (isStop) {
      this.#repair("missing-tag", "</tool_call>");
      return this.#close();
    }
    const rest = this.#raw + this.#builder.heldText;
    if (rest.trim() !== "") this.#repair("cut-off", rest);
    this.#builder.end(false);
    return ENDED;
  }

  #isRegular(tag: ReplyTag): boolean {
    const isBlank = this.#text.trim() === "";
    if (this.#state === "between") return isBlank && /^(<arg_key>|<\/tool_call>)$/.test(tag);
    if (this.#state === "key") return !isBlank && tag === "</arg_key>";
    return tag === (this.#state === "after-key" ? "<arg_value>" : "</arg_value>");
  }

  #breakOff(text: string): Outcome {
    const rest = this.#raw + this.#builder.heldText + text;
    this.#builder.end(false);
    return { is: "broken", text: rest };
  }

  #close(): Outcome {
    if (this.#state === "value") this.#repair("missing-tag", "</arg_value>");
    if (this.#state === "value") this.#builder.closeValue();
    else this.#leave();
    this.#builder.end(true);
    return ENDED;
  }

  /** Lists what is left behind: text that was no argument, or half of one. */
  #leave(): void {
    const text = this.#text.trim();
    if (this.#state === "keyless-value") this.#repair("value-without-key", this.#raw);
    else if (this.#state === "after-key") this.#repair("key-without-value", this.#key);
    else if (this.#state === "key" && text !== "") this.#repair("key-without-value", text);
    else if (text !== "") this.#repair("stray-text", this.#text);
  }

  #onCloseKey(spelled: string): void {
    const key = this.#text.trim();
    if (this.#state === "after-key" || (this.#state === "between" && key === "")) {
      this.#repair("stray-tag", spelled);
      return;
    }
    if (this.#state === "between") this.#repair("missing-tag", "<arg_key>");
    this.#key = key;
    this.#enter("after-key", this.#raw + spelled);
  }

  #onOpenValue(spelled: string): void {
    const text = this.#text.trim();
    if (this.#state === "key") this.#repair("missing-tag", "</arg_key>");
    else if (this.#state === "between" && text !== "") this.#repair("missing-tag", "<arg_key>");
    this.#raw += spelled;
    this.#openValue(this.#state === "after-key" ? this.#key : text);
  }

  #onCloseValue(spelled: string): void {
    if (this.#state === "value") {
      this.#builder.closeValue();
      this.#enter("between", "");
      return;
    }
    if (this.#state === "after-key" && this.#key !== "") {
      this.#repair("missing-tag", "<arg_value>");
      this.#builder.openValue(this.#key); // an empty one
      this.#builder.closeValue();
    } else {
      const isKeyless = this.#state === "keyless-value";
      this.#leave();
      if (!isKeyless) this.#repair("stray-tag", spelled);
    }
    this.#enter("between", "");
  }

  #onOther(spelled: SpelledTag): void {
    if (this.#state === "after-key" && opensValue(spelled.tag)) {
      this.#repair("missing-tag", "<arg_value>");
      this.#openValue(this.#key);
      this.#addLiteral(spelled);
    } else this.#repair("stray-tag", spelled.text);
  }

  #enter(state: State, raw: string): void {
    this.#state = state;
    this.#text = "";
    this.#raw = raw;
  }

  #openValue(key: string): void {
    if (key === "") {
      this.#enter("keyless-value", this.#raw);
      return;
    }
    this.#builder.openValue(key);
    this.#enter("value", this.#builder.isStreaming ? "" : this.#raw);
  }

  /** Adds a tag to the value as the text that spells it, or holds it back while it may be more. */
  #addLiteral({ tag, text }: SpelledTag): void {
    if (this.#state === "keyless-value") this.#raw += text;
    else if (!this.#strict && (tag === "<arg_key>" || tag === "<tool_call>")) this.#held.hold(text);
    else this.#builder.addText(text);
  }

  #releaseHeld(): void {
    this.#builder.addText(this.#held.release());
  }

  /** Decides what the held tag was. Undefined when it was text; then the next tag is still to do. */
  #afterHeld(tag: ReplyTag): Outcome | undefined {
    const { tag: held, name } = this.#held;
    if (held === "<arg_key>" && tag === "</arg_key>" && this.#builder.expects(name)) {
      this.#held.release();
      this.#repair("missing-tag", "</arg_value>");
      this.#builder.closeValue();
      this.#key = name;
      this.#enter("after-key", name);
      return OPEN;
    }
    if (held === "<tool_call>" && tag === "<arg_key>" && this.#isTool(name)) {
      this.#held.release();
      this.#repair("missing-tag", "</arg_value></tool_call>");
      this.#builder.closeValue();
      this.#builder.end(true);
      return { is: "next-call", name };
    }
    this.#releaseHeld();
    return undefined;
  }
}
