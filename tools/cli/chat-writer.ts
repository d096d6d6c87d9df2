/**
 * Prints the replies of a conversation: as text for a person, or as lines of JSON for a program.
 * @module
 */
import { type Json, pythonJson, type ReplyEvent } from "../../tokenizer/chat/index.ts";
import type { CallResult } from "../agent/run-calls.ts";
import type { Turn } from "../library/voice.ts";
import type { Progress } from "./progress.ts";
import { sayDimly, type TextOut } from "./text-out.ts";
import { wordWriter } from "./word-wrap.ts";

/** Prints a reply while it is generated. */
export interface ReplyWriter {
  event(event: ReplyEvent): void;
  end(turn: Turn): void;
  /** Prints what came of a call. */
  result(result: CallResult): void;
}

/** Prints the content of a reply. On a terminal it also prints reasoning and calls, in dim text. */
export function textWriter(out: TextOut): ReplyWriter {
  const write = wordWriter(out);
  let last = "\n";
  const say = (text: string): void => {
    write(text);
    last = text;
  };
  const dim = (text: string): void => sayDimly(out, () => say(text));
  let wasReasoning = false;
  return {
    event(event) {
      if (wasReasoning && event.type === "content") dim("\n");
      wasReasoning = event.type === "reasoning";
      if (event.type === "reasoning") dim(event.text);
      if (event.type === "content") say(event.text);
      if (event.type === "call") dim(`\n${event.name} `);
      if (event.type === "arguments") dim(event.json);
    },
    end() {
      if (!last.endsWith("\n")) write("\n");
      last = "\n";
    },
    result({ call, content }) {
      dim(`${call.name} returned ${content}\n`);
    },
  };
}

/** Prints each event of a reply, and a summary of the turn, as one line of JSON. */
export function jsonWriter({ write }: TextOut): ReplyWriter {
  const line = (value: object): void => write(`${pythonJson(value as Json)}\n`);
  return {
    event: line,
    end: ({ finishReason, promptTokens, reusedTokens, replyTokens }) =>
      line({
        type: "turn",
        finish_reason: finishReason,
        prompt_tokens: promptTokens,
        reused_tokens: reusedTokens,
        reply_tokens: replyTokens,
      }),
    result: ({ call: { name }, content }) => line({ type: "result", name, content }),
  };
}

/** A writer that wipes the progress line before the first letter. */
export function after(progress: Progress, writer: ReplyWriter): ReplyWriter {
  return {
    event: (event) => {
      progress.end();
      writer.event(event);
    },
    end: writer.end,
    result: writer.result,
  };
}
