/**
 * Gathers the messages of a conversation from APIs that send it in smaller pieces.
 *
 * The Responses API has an item for each stretch of reasoning, each text and each call; the Messages API
 * has blocks. In the chat format all that the model says in one go is one message. So pieces of the model
 * that follow each other are put together, and results of tools are checked against the calls before them.
 *
 * Next: chat-ask.ts
 * @module
 */
import type {
  AssistantMessage,
  ContentPart,
  Envelope,
  FunctionCall,
  JsonObject,
  Message,
  ToolMessage,
} from "../../tokenizer/chat/index.ts";
import { shown, wrong } from "./body.ts";

/** A call that the model made earlier. */
export interface PastCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: JsonObject;
}

/** The model's turn that is being put together. */
interface Turn {
  readonly reasoning: string[];
  readonly content: string[];
  readonly calls: Envelope<FunctionCall>[];
}

/** What somebody says, as one text where nothing but text is in it. */
export function contentOf(parts: readonly ContentPart[]): string | readonly ContentPart[] {
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text as string] : []));
  return texts.length === parts.length ? texts.join("") : parts;
}

/** Puts a conversation together, piece by piece in the order in which they were said. */
export class Conversation {
  readonly #messages: Message[] = [];
  #turn: Turn | undefined;
  /** The calls of the last turn whose results have not come. */
  #unanswered: string[] = [];

  /** The system or the user says something. */
  say(role: "system" | "developer" | "user", content: string | readonly ContentPart[]): void {
    this.#endTurn();
    this.#messages.push({ role, content });
  }

  /** The model thought. */
  think(text: string): void {
    this.#open().reasoning.push(text);
  }

  /** The model said something. */
  answer(text: string): void {
    this.#open().content.push(text);
  }

  /**
   * The model called a tool.
   *
   * @param path where the id stands in the request
   * @throws {ServeError} when another call of the turn has the same id
   */
  call({ id, name, arguments: args }: PastCall, path: string): void {
    const { calls } = this.#open();
    if (calls.some((call) => call.id === id)) {
      wrong(path, "an id that no other call has", `${shown(id)} again`);
    }
    calls.push({ id, type: "function", function: { name, arguments: args } });
  }

  /**
   * A tool answered.
   *
   * @param path where the id stands in the request
   * @throws {ServeError} when it is not the id of a call of the last turn that waits for its result
   */
  result(id: string, content: ToolMessage["content"], path: string): void {
    this.#endTurn();
    const at = this.#unanswered.indexOf(id);
    if (at < 0) {
      const open = this.#unanswered.map(shown).join(", ");
      const what =
        open === "" ? "no result, because no call waits for one" : `the id of a call: ${open}`;
      wrong(path, what, shown(id));
    }
    this.#unanswered.splice(at, 1);
    this.#messages.push({ role: "tool", content, tool_call_id: id });
  }

  /** All messages. */
  end(): readonly Message[] {
    this.#endTurn();
    return this.#messages;
  }

  #open(): Turn {
    this.#turn ??= { reasoning: [], content: [], calls: [] };
    return this.#turn;
  }

  #endTurn(): void {
    if (this.#turn === undefined) return;
    const { reasoning, content, calls } = this.#turn;
    this.#turn = undefined;
    this.#unanswered = calls.map(({ id }) => id as string);
    const message: AssistantMessage = {
      role: "assistant",
      content: content.join(""),
      // An empty text is no reasoning. Without the field, the content would be searched for some.
      reasoning_content: reasoning.join("\n"),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
    this.#messages.push(message);
  }
}
