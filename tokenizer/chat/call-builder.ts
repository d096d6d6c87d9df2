/**
 * One tool call in the making: names, keys and texts go in, events come out.
 * @module Next: `reply-parser.ts`
 */
import { fieldOf, isJsonObject, type Json, type JsonObject } from "./json-value.ts";
import { escapeJson, pythonJson, quote } from "./python-json.ts";
import type { ReplyEvent } from "./reply-events.ts";
import { type DeclaredTypes, declaredTypes, isPlainText, typedValue } from "./typed-values.ts";

/** The value that is being read. */
interface OpenValue {
  readonly key: string;
  readonly types: DeclaredTypes;
  /** Strings are passed on as they come, others when they are whole: they may need repair. */
  readonly streams: boolean;
  text: string;
}

/** Turns the parts of one call into events. */
export class CallBuilder {
  readonly #call: number;
  readonly #parameters: JsonObject;
  readonly #emit: (event: ReplyEvent) => void;
  readonly #arguments = new Map<string, Json>();
  #value: OpenValue | undefined;
  #isEmpty = true;

  /** Tells that the call begins. */
  constructor(
    call: number,
    name: string,
    parameters: JsonObject | undefined,
    emit: (event: ReplyEvent) => void,
  ) {
    this.#call = call;
    this.#parameters = parameters ?? {};
    this.#emit = emit;
    emit({ type: "call", call, name });
  }

  openValue(key: string): void {
    const properties = fieldOf(this.#parameters, "properties");
    const schema = isJsonObject(properties) ? fieldOf(properties, key) : undefined;
    const types = declaredTypes(schema, this.#parameters);
    this.#value = { key, types, streams: isPlainText(types), text: "" };
    if (this.#value.streams) this.#json(`${this.#keyText(key)}"`);
  }

  addText(text: string): void {
    if (this.#value === undefined) return;
    this.#value.text += text;
    if (this.#value.streams) this.#json(escapeJson(text));
  }

  closeValue(): void {
    if (this.#value === undefined) return;
    const { key, types, streams, text } = this.#value;
    const value = typedValue(text, types);
    this.#json(streams ? '"' : `${this.#keyText(key)}${pythonJson(value)}`);
    this.#keep(key, value);
    this.#value = undefined;
  }

  /** A whole argument at once. */
  add(key: string, value: Json): void {
    this.#json(`${this.#keyText(key)}${pythonJson(value)}`);
    this.#keep(key, value);
  }

  /** Ends the call; an argument whose value is still open is left out. */
  end(isComplete: boolean): void {
    if (isComplete) this.#json(this.#isEmpty ? "{}" : "}");
    const args = this.#arguments;
    this.#emit({ type: "call-end", call: this.#call, arguments: args, isComplete });
  }

  #keep(key: string, value: Json): void {
    this.#arguments.set(key, value);
    this.#emit({ type: "argument", call: this.#call, key, value });
  }

  #keyText(key: string): string {
    const start = this.#isEmpty ? "{" : ", ";
    this.#isEmpty = false;
    return `${start}${quote(key)}: `;
  }

  #json(json: string): void {
    if (json !== "") this.#emit({ type: "arguments", call: this.#call, json });
  }
}
