/**
 * Replies of the chat protocol that a strict parser reads without a repair.
 *
 * ```
 * reasoning ──</think>──► content ──stop──► end
 *                            └──<tool_call>──► NAME ──► between ──</tool_call>──► after a call
 * between ──<arg_key>──► KEY ──</arg_key> <arg_value>──► VALUE ──</arg_value>──► between
 * after a call ──<tool_call>──► NAME    or  ──stop──► end
 * ```
 *
 * Tags are control tokens here, never texts. So a tag that is spelled with ordinary tokens is text for the
 * parser and for the constraint alike.
 *
 * Next: walk.ts
 * @see parse.ts of the tokenizer
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import { type ControlToken, controlIds } from "../../tokenizer/chat/control-tokens.ts";
import { type CallForm, callForm, OTHERS } from "./call-form.ts";
import { oneOf, type Rules } from "./forms.ts";
import type { ReplySpec } from "./grammar.ts";
import { grammarMachine } from "./grammar-machine.ts";
import type { Matchers } from "./matchers.ts";
import {
  anyText,
  crossing,
  type Exits,
  ending,
  formedText,
  readText,
  type Spot,
  withExits,
} from "./spot.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Where a reply begins.
 *
 * @throws {ConstraintError} when a tool or the form of the content cannot be held to
 * @throws {TokenizerError} when the tokenizer lacks the tags of the protocol
 */
export function replyStart(spec: ReplySpec, matchers: Matchers): Spot {
  const reply = new ReplySpots(spec, matchers);
  return spec.startsIn === "reasoning" ? reply.reasoning() : reply.content();
}

/** Makes the spots of one reply. */
class ReplySpots {
  readonly #spec: ReplySpec;
  readonly #matchers: Matchers;
  readonly #ids: ReadonlyMap<ControlToken, number>;
  /** The tools that may be called, by their names. */
  readonly #tools: ReadonlyMap<string, CallForm>;

  constructor(spec: ReplySpec, matchers: Matchers) {
    this.#spec = spec;
    this.#matchers = matchers;
    this.#ids = controlIds(matchers.tokenizer);
    this.#tools = callableTools(spec);
    if (spec.content !== undefined) grammarMachine(spec.content, "content", matchers);
  }

  reasoning(): Spot {
    return anyText(
      this.#matchers.tree,
      this.#to("</think>", () => this.content()),
    );
  }

  content(): Spot {
    const { tree } = this.#matchers;
    const { toolChoice, content } = this.#spec;
    const call = this.#call();
    if (toolChoice.kind === "required" || toolChoice.kind === "named") return crossing(tree, call);
    const exits = new Map([...this.#end(), ...call]);
    if (content === undefined) return anyText(tree, exits);
    const machine = grammarMachine(content, "content", this.#matchers);
    return withExits(formedText(tree, machine, exits), call);
  }

  /** The exit to a call, if there may be one. */
  #call(): Exits {
    return this.#tools.size === 0 ? new Map() : this.#to("<tool_call>", () => this.#name());
  }

  #end(): Exits {
    return ending(this.#matchers.tree, this.#matchers.stopIds);
  }

  #to(tag: ControlToken, spot: () => Spot): Exits {
    return new Map([[this.#ids.get(tag) as number, spot]]);
  }

  #name(): Spot {
    const names = [...this.#tools.keys()];
    const exits = (bytes: readonly number[]) => {
      const tool = this.#tools.get(decode(bytes));
      return tool === undefined ? new Map() : this.#nextArgument(tool, []);
    };
    return readText(this.#matchers.tree, { machine: this.#wordMachine(names, "tools"), exits });
  }

  /** The exits to the next argument, and to the end of the call when no argument is missing. */
  #nextArgument(tool: CallForm, used: readonly string[]): Exits {
    const exits = new Map<number, () => Spot>();
    if (tool.isOpen || tool.keys.some((key) => !used.includes(key))) {
      for (const [id, to] of this.#to("<arg_key>", () => this.#key(tool, used))) exits.set(id, to);
    }
    if (tool.required.every((key) => used.includes(key))) {
      for (const [id, to] of this.#to("</tool_call>", () => this.#afterCall())) exits.set(id, to);
    }
    return exits;
  }

  #afterCall(): Spot {
    const exits = [...this.#end(), ...(this.#spec.parallel ? this.#call() : [])];
    return crossing(this.#matchers.tree, new Map(exits));
  }

  #key(tool: CallForm, used: readonly string[]): Spot {
    const { tree } = this.#matchers;
    const left = tool.keys.filter((key) => !used.includes(key));
    const machine = tool.isOpen ? undefined : this.#wordMachine(left, tool.name);
    const exits = (bytes: readonly number[]): Exits => {
      const key = decode(bytes).trim(); // as the parser reads it
      if (key === "" || used.includes(key)) return new Map();
      return this.#to("</arg_key>", () =>
        crossing(
          tree,
          this.#to("<arg_value>", () => this.#value(tool, key, [...used, key])),
        ),
      );
    };
    return readText(tree, { machine, exits });
  }

  #value(tool: CallForm, key: string, used: readonly string[]): Spot {
    const { tree } = this.#matchers;
    const exits = this.#to("</arg_value>", () => crossing(tree, this.#nextArgument(tool, used)));
    const form = tool.valueOf(key);
    if (form === undefined) return anyText(tree, exits);
    const id = JSON.stringify(["argument", tool.schema, tool.keys.includes(key) ? key : OTHERS]);
    return formedText(
      tree,
      this.#matchers.machine(id, `${tool.name}.${key}`, () => form),
      exits,
    );
  }

  #wordMachine(words: readonly string[], where: string) {
    const form = (): Rules => ({ root: oneOf(words), rules: new Map() });
    return this.#matchers.machine(JSON.stringify(["words", words]), where, form);
  }
}

function decode(bytes: readonly number[]): string {
  return decoder.decode(Uint8Array.from(bytes));
}

/**
 * Reads the tools that a reply may call.
 *
 * @throws {ConstraintError} when one of them cannot be held to, or none is there that must be called
 */
export function callableTools({ tools, toolChoice }: ReplySpec): ReadonlyMap<string, CallForm> {
  const forms = new Map<string, CallForm>();
  if (toolChoice.kind === "none") return forms;
  tools.forEach((tool, i) => {
    if (toolChoice.kind === "named" && toolChoice.name !== tool.name) return;
    const where = `tools[${i}]`;
    if (forms.has(tool.name)) {
      const got = JSON.stringify(tool.name);
      throw new ConstraintError(
        `${where}.name`,
        `expected a name that no other tool has, got ${got}`,
      );
    }
    forms.set(tool.name, callForm(tool, where));
  });
  if (forms.size === 0 && toolChoice.kind !== "auto") {
    const expected = toolChoice.kind === "named" ? `a tool ${toolChoice.name}` : "a tool";
    throw new ConstraintError("tools", `expected ${expected}, which must be called, found none`);
  }
  return forms;
}
