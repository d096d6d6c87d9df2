/**
 * The blocks of a message, as they grow.
 *
 * At most one block is open. It is closed when something else begins: each change between reasoning, text
 * and calls makes a block of its own.
 *
 * Next: events.ts
 * @module
 */
import { type Json, parseJson, type ReplyEvent } from "../../../tokenizer/chat/index.ts";
import { hash } from "../request-ids.ts";
import { sealed } from "../sealed-reasoning.ts";
import type { BlockDelta, MessageEvent, ReplyBlock } from "./shapes.ts";

/** The block that is open. */
type OpenBlock =
  | { readonly kind: "thinking"; text: string }
  | { readonly kind: "text"; text: string }
  | { readonly kind: "call"; readonly call: number; readonly name: string };

/** Turns the events of a reply into blocks, and into events of a stream. */
export class Blocks {
  /** The id of a call, by its number; it depends on the prompt. */
  callId: (call: number) => string = (call) => `call_${call}`;
  readonly #omitsThinking: boolean;
  readonly #blocks: ReplyBlock[] = [];
  #open: OpenBlock | undefined;
  #speaks = false;
  /** Blanks at the beginning of a text. They make no block of their own beside calls. */
  #blanks = "";
  #events: MessageEvent[] = [];

  /** @param omitsThinking whether reasoning is left out, but for its signature */
  constructor(omitsThinking: boolean) {
    this.#omitsThinking = omitsThinking;
  }

  /** The blocks that are closed. */
  get blocks(): readonly ReplyBlock[] {
    return [...this.#blocks];
  }

  /** Takes the next event of a reply. */
  take(event: ReplyEvent): MessageEvent[] {
    if (event.type === "reasoning") this.#think(event.text);
    else if (event.type === "content") this.#content(event.text);
    else if (event.type === "call")
      this.#begin({ kind: "call", call: event.call, name: event.name });
    else if (event.type === "arguments" && event.json !== "") {
      this.#delta({ type: "input_json_delta", partial_json: event.json });
    } else if (event.type === "call-end") this.#close(parseJson(event.json));
    return this.#takeEvents();
  }

  /** Closes what is open. A whole reply without text and calls gets an empty text. */
  end(isWhole: boolean): MessageEvent[] {
    if (!this.#speaks && isWhole) this.#say(this.#blanks);
    this.#close();
    return this.#takeEvents();
  }

  #takeEvents(): MessageEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #think(text: string): void {
    if (this.#open?.kind !== "thinking") this.#begin({ kind: "thinking", text: "" });
    if (this.#open?.kind === "thinking") this.#open.text += text;
    if (!this.#omitsThinking) this.#delta({ type: "thinking_delta", thinking: text });
  }

  #content(text: string): void {
    this.#blanks += text;
    if (this.#open?.kind !== "text" && this.#blanks.trim() === "") return;
    this.#say(this.#blanks);
    this.#blanks = "";
  }

  #say(text: string): void {
    if (this.#open?.kind !== "text") this.#begin({ kind: "text", text: "" });
    if (this.#open?.kind === "text") this.#open.text += text;
    if (text !== "") this.#delta({ type: "text_delta", text });
  }

  #begin(open: OpenBlock): void {
    this.#close();
    this.#speaks ||= open.kind !== "thinking";
    this.#blanks = "";
    this.#open = open;
    const content_block = this.#blockOf(open, {}, "");
    this.#events.push({ type: "content_block_start", index: this.#blocks.length, content_block });
  }

  #delta(delta: BlockDelta): void {
    this.#events.push({ type: "content_block_delta", index: this.#blocks.length, delta });
  }

  #close(input: Json = {}): void {
    const open = this.#open;
    if (open === undefined) return;
    let signature = "";
    if (open.kind === "thinking") {
      // Its reader needs no signature, but clients send back no reasoning that has none.
      signature = this.#omitsThinking ? sealed(open.text) : hash(open.text);
      if (this.#omitsThinking) open.text = "";
      this.#delta({ type: "signature_delta", signature });
    }
    this.#open = undefined;
    const index = this.#blocks.push(this.#blockOf(open, input, signature)) - 1;
    this.#events.push({ type: "content_block_stop", index });
  }

  #blockOf(open: OpenBlock, input: Json, signature: string): ReplyBlock {
    if (open.kind === "thinking") return { type: "thinking", thinking: open.text, signature };
    if (open.kind === "text") return { type: "text", text: open.text, citations: [] };
    const { call, name } = open;
    const id = this.callId(call);
    return { type: "tool_use", id, name, input, caller: { type: "direct" } };
  }
}
