/**
 * Builds one tool call: names, keys and texts go in, events come out.
 *
 * Next: call-parser.ts
 * @module
 */
import { type Json, type JsonObject, toPlain } from "./json-value.ts";
import { escapeJson, pythonJson, quote } from "./python-json.ts";
import type { CallArguments, ReplyEvent } from "./reply-events.ts";
import { type ArgumentType, argumentType, isDeclared, isPlainText } from "./schemas.ts";
import { finite, typedValue } from "./typed-values.ts";

/** The value that is being read. */
interface OpenValue {
  readonly key: string;
  readonly type: ArgumentType;
  /** Whether its parts are passed on as they come. Other values are passed on whole. */
  readonly streams: boolean;
  text: string;
}

/** Which call is built, and for whom. */
export interface CallTarget {
  readonly name: string;
  /** Number of the call in the reply. Undefined for a tool that is not declared. */
  readonly call: number | undefined;
  /** The JSON schema of the arguments. */
  readonly parameters: JsonObject | undefined;
  readonly emit: (event: ReplyEvent) => void;
}

/** Makes events of the parts of one call. A tool that is not declared gets one event, at the end. */
export class CallBuilder {
  readonly #target: CallTarget;
  readonly #parameters: JsonObject;
  readonly #arguments = new Map<string, Json>();
  #value: OpenValue | undefined;
  #isEmpty = true;

  /** Emits the event that the call begins. */
  constructor(target: CallTarget) {
    this.#target = target;
    this.#parameters = target.parameters ?? {};
    const { call, name, emit } = target;
    if (call !== undefined) emit({ type: "call", call, name });
  }

  /** The text of the open value, if it has not been passed on. */
  get heldText(): string {
    return this.#value === undefined || this.isStreaming ? "" : this.#value.text;
  }

  /** Whether the parts of the open value are passed on as they come. */
  get isStreaming(): boolean {
    return this.#value?.streams === true && this.#target.call !== undefined;
  }

  /** Whether the tool declares an argument `key` that was not given yet. */
  expects(key: string): boolean {
    if (this.#arguments.has(key) || this.#value?.key === key) return false;
    return isDeclared(this.#parameters, key);
  }

  /** Begins the value of an argument. */
  openValue(key: string): void {
    const type = argumentType(this.#parameters, key);
    this.#value = { key, type, streams: isPlainText(type.types), text: "" };
    if (this.#value.streams) this.#json(`${this.#keyText(key)}"`);
  }

  /** Adds to the open value, if there is one. */
  addText(text: string): void {
    if (this.#value === undefined) return;
    this.#value.text += text;
    if (this.#value.streams) this.#json(escapeJson(text));
  }

  /** Ends the open value, if there is one. */
  closeValue(): void {
    if (this.#value === undefined) return;
    const { key, type, streams, text } = this.#value;
    const value = typedValue(text, type);
    this.#json(streams ? '"' : `${this.#keyText(key)}${pythonJson(value)}`);
    this.#value = undefined;
    this.#keep(key, value);
  }

  /** Adds a whole argument. */
  add(key: string, value: Json): void {
    const json = finite(value);
    this.#json(`${this.#keyText(key)}${pythonJson(json)}`);
    this.#keep(key, json);
  }

  /** Ends the call. An argument whose value is still open is left out. */
  end(isComplete: boolean): void {
    if (isComplete) this.#json(this.#isEmpty ? "{}" : "}");
    const { call, name, emit } = this.#target;
    const json = pythonJson(this.#arguments);
    const args = toPlain(this.#arguments) as CallArguments;
    const end = { arguments: args, json, isComplete };
    if (call === undefined) emit({ type: "unknown-tool", name, ...end });
    else emit({ type: "call-end", call, ...end });
  }

  #keep(key: string, value: Json): void {
    const { call, emit } = this.#target;
    const first = this.#arguments.get(key);
    this.#arguments.set(key, value);
    if (first !== undefined) {
      emit({ type: "repair", kind: "repeated-argument", text: pythonJson(first) });
    }
    if (call === undefined) return;
    emit({ type: "argument", call, key, value: toPlain(value), json: pythonJson(value) });
  }

  #keyText(key: string): string {
    const start = this.#isEmpty ? "{" : ", ";
    this.#isEmpty = false;
    return `${start}${quote(key)}: `;
  }

  #json(json: string): void {
    const { call, emit } = this.#target;
    if (json !== "" && call !== undefined) emit({ type: "arguments", call, json });
  }
}
