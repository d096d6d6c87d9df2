/**
 * Builds one tool call: names, keys and texts go in, events come out.
 *
 * Next: call-parser.ts
 * @module
 */
import { fieldOf, isJsonObject, type Json, type JsonObject } from "./json-value.ts";
import { escapeJson, pythonJson, quote } from "./python-json.ts";
import type { ReplyEvent } from "./reply-events.ts";
import { type DeclaredTypes, declaredTypes, isPlainText, typedValue } from "./typed-values.ts";

/** The value that is being read. */
interface OpenValue {
  readonly key: string;
  readonly types: DeclaredTypes;
  /** Whether its parts are passed on as they come. Other values are passed on whole, repaired. */
  readonly streams: boolean;
  text: string;
}

/** Makes events of the parts of one call. */
export class CallBuilder {
  readonly #call: number;
  readonly #parameters: JsonObject;
  readonly #emit: (event: ReplyEvent) => void;
  readonly #arguments = new Map<string, Json>();
  #value: OpenValue | undefined;
  #isEmpty = true;

  /** Emits the event that the call begins. */
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

  /** Begins the value of an argument. */
  openValue(key: string): void {
    const properties = fieldOf(this.#parameters, "properties");
    const schema = isJsonObject(properties) ? fieldOf(properties, key) : undefined;
    const types = declaredTypes(schema, this.#parameters);
    this.#value = { key, types, streams: isPlainText(types), text: "" };
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
    const { key, types, streams, text } = this.#value;
    const value = typedValue(text, types);
    this.#json(streams ? '"' : `${this.#keyText(key)}${pythonJson(value)}`);
    this.#keep(key, value);
    this.#value = undefined;
  }

  /** Adds a whole argument. */
  add(key: string, value: Json): void {
    this.#json(`${this.#keyText(key)}${pythonJson(value)}`);
    this.#keep(key, value);
  }

  /** Ends the call. An argument whose value is still open is left out. */
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
