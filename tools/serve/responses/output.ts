/**
 * The items of a response, as they grow.
 *
 * At most one item is open. It is closed when something else begins: each change between reasoning, text
 * and calls makes an item of its own.
 *
 * Next: events.ts
 * @module
 */
import type { ReplyEvent } from "../../../tokenizer/chat/index.ts";
import type { ChatLogProbs } from "../openai/log-probs.ts";
import { sealed } from "../sealed-reasoning.ts";
import type { OutputItem, Status, TextPart, UnnumberedEvent } from "./shapes.ts";
import type { ClientName } from "./tools.ts";

/** How items are written. */
export interface OutputRules {
  /** The id of an item: a prefix, and its number. */
  itemId(prefix: string, index: number): string;
  /** The client's names of tools, by the model's. */
  readonly clientNames: ReadonlyMap<string, ClientName>;
  /** Whether reasoning comes a second time, to be sent back. */
  readonly sealsReasoning: boolean;
}

/** What an item is, and where it came from. */
type Kind =
  | { readonly kind: "reasoning" }
  | { readonly kind: "message" }
  | { readonly kind: "call"; readonly call: number; readonly names: ClientName };

/** The item that is open. */
interface OpenItem {
  readonly of: Kind;
  readonly id: string;
  text: string;
  readonly logProbs: ChatLogProbs[];
}

/** A text with the log-probabilities of its tokens, if they are wanted. */
interface ScoredText {
  text: string;
  readonly logProbs: ChatLogProbs[];
}

const PREFIXES = { reasoning: "rs", message: "msg", call: "fc" } as const;

/** Turns the events of a reply into items, and into events of a stream. */
export class Output {
  /** The id of a call, by its number; it depends on the prompt. */
  callId: (call: number) => string = (call) => `call_${call}`;
  readonly #rules: OutputRules;
  readonly #items: OutputItem[] = [];
  #open: OpenItem | undefined;
  #speaks = false;
  /** Blanks at the beginning of a text. They make no item of their own beside calls. */
  #blanks: ScoredText = { text: "", logProbs: [] };
  #events: UnnumberedEvent[] = [];

  constructor(rules: OutputRules) {
    this.#rules = rules;
  }

  /** The items that are closed. */
  get items(): readonly OutputItem[] {
    return [...this.#items];
  }

  /** Takes the next event of a reply, with the log-probabilities of its text. */
  take(event: ReplyEvent, logProbs: readonly ChatLogProbs[] = []): UnnumberedEvent[] {
    if (event.type === "reasoning") this.#reasoning(event.text);
    else if (event.type === "content") this.#content(event.text, logProbs);
    else if (event.type === "call") this.#call(event.call, event.name);
    else if (event.type === "arguments") this.#arguments(event.json);
    else if (event.type === "call-end") this.#close(event.isComplete ? "completed" : "incomplete");
    return this.#takeEvents();
  }

  /** Closes what is open. A whole reply without text and calls gets an empty text. */
  end(status: Status): UnnumberedEvent[] {
    if (!this.#speaks && status === "completed") this.#say(this.#blanks);
    this.#close(status);
    return this.#takeEvents();
  }

  #takeEvents(): UnnumberedEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #reasoning(delta: string): void {
    if (this.#open?.of.kind !== "reasoning") {
      this.#begin({ kind: "reasoning" });
      this.#tell("reasoning_summary_part.added", { summary_index: 0, part: summaryPart("") });
    }
    this.#tell("reasoning_summary_text.delta", { summary_index: 0, delta });
    this.#add(delta);
  }

  #content(text: string, logProbs: readonly ChatLogProbs[]): void {
    this.#blanks.text += text;
    this.#blanks.logProbs.push(...logProbs);
    if (this.#open?.of.kind === "message" || this.#blanks.text.trim() !== "") {
      this.#say(this.#blanks);
      this.#blanks = { text: "", logProbs: [] };
    }
  }

  #say({ text, logProbs }: ScoredText): void {
    if (this.#open?.of.kind !== "message") {
      this.#begin({ kind: "message" });
      this.#tell("content_part.added", { content_index: 0, part: textPart("", []) });
    }
    if (text === "") return;
    this.#open?.logProbs.push(...logProbs);
    const delta = { content_index: 0, delta: text, logprobs: logProbs };
    this.#tell("output_text.delta", delta);
    this.#add(text);
  }

  #call(call: number, name: string): void {
    this.#begin({ kind: "call", call, names: this.#rules.clientNames.get(name) ?? { name } });
  }

  #arguments(delta: string): void {
    this.#tell("function_call_arguments.delta", { delta });
    this.#add(delta);
  }

  #add(text: string): void {
    if (this.#open) this.#open.text += text;
  }

  #begin(of: Kind): void {
    this.#close("completed");
    this.#speaks ||= of.kind !== "reasoning";
    this.#blanks = { text: "", logProbs: [] };
    const index = this.#items.length;
    const id = this.#rules.itemId(PREFIXES[of.kind], index);
    this.#open = { of, id, text: "", logProbs: [] };
    const item = this.#itemOf(this.#open, "in_progress");
    this.#events.push({ type: "response.output_item.added", output_index: index, item });
  }

  #close(status: Status): void {
    if (this.#open === undefined) return;
    const { of, text, logProbs } = this.#open;
    if (of.kind === "reasoning") {
      this.#tell("reasoning_summary_text.done", { summary_index: 0, text });
      this.#tell("reasoning_summary_part.done", { summary_index: 0, part: summaryPart(text) });
    } else if (of.kind === "message") {
      const part = textPart(text, logProbs);
      this.#tell("output_text.done", { content_index: 0, text, logprobs: logProbs });
      this.#tell("content_part.done", { content_index: 0, part });
    } else {
      const { name } = of.names;
      this.#tell("function_call_arguments.done", { name, arguments: text });
    }
    const item = this.#itemOf(this.#open, status);
    const index = this.#items.push(item) - 1;
    this.#events.push({ type: "response.output_item.done", output_index: index, item });
    this.#open = undefined;
  }

  /** Adds an event about the open item. */
  #tell(type: string, fields: object): void {
    const about = { item_id: this.#open?.id ?? "", output_index: this.#items.length };
    this.#events.push({ type: `response.${type}`, ...about, ...fields });
  }

  #itemOf({ of, id, text, logProbs }: OpenItem, status: Status): OutputItem {
    const isOpen = status === "in_progress";
    if (of.kind === "reasoning") {
      const seals = this.#rules.sealsReasoning && !isOpen;
      return {
        id,
        type: "reasoning",
        summary: isOpen ? [] : [summaryPart(text)],
        ...(seals && { encrypted_content: sealed(text) }),
      };
    }
    if (of.kind === "message") {
      const content = isOpen ? [] : [textPart(text, logProbs)];
      return { id, type: "message", status, role: "assistant", content };
    }
    const call_id = this.callId(of.call);
    return { id, type: "function_call", status, call_id, ...of.names, arguments: text };
  }
}

function summaryPart(text: string) {
  return { type: "summary_text", text } as const;
}

function textPart(text: string, logProbs: readonly ChatLogProbs[]): TextPart {
  return { type: "output_text", text, annotations: [], logprobs: [...logProbs] };
}
