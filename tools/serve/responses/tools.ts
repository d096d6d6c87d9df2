/**
 * The tools of a request, as the model sees them and as the client knows them.
 *
 * A namespace is a group of tools that the client finds by two names. The chat format knows one name, so
 * both are joined for the model, and taken apart again in its calls. Tools that another server would run
 * are left out, because nothing here could run them.
 *
 * Next: ask.ts
 * @module
 */
import type { Json, ToolDefinition } from "../../../tokenizer/chat/index.ts";
import type { ToolChoice } from "../../constrain/grammar.ts";
import { shown, wrong } from "../body.ts";
import { objectAt } from "../json-at.ts";
import type { RequestTool, ResponsesRequest } from "./request.ts";

/** The names by which a client knows a tool. */
export interface ClientName {
  readonly name: string;
  readonly namespace?: string;
}

/** The tools that a model may call. */
export interface OfferedTools {
  readonly definitions: readonly ToolDefinition[];
  /** The client's names by the model's. */
  readonly clientNames: ReadonlyMap<string, ClientName>;
}

/** The one name of a tool. `functions` is the namespace of tools that have none. */
export function flatName(namespace: string | null | undefined, name: string): string {
  if (!namespace || namespace === "functions") return name;
  return namespace.endsWith("__") ? `${namespace}${name}` : `${namespace}__${name}`;
}

/**
 * The tools of a request.
 *
 * @param json the request as it was written
 * @param ignored takes the paths of tools that are left out
 */
export function offeredTools(
  tools: ResponsesRequest["tools"],
  json: Json,
  ignored: string[],
): OfferedTools {
  const definitions: ToolDefinition[] = [];
  const clientNames = new Map<string, ClientName>();
  const add = (tool: FlatTool, at: readonly (string | number)[], namespace?: string) => {
    const path = pathOf(at);
    if (tool.type !== "function") {
      ignored.push(path);
      return;
    }
    if (!tool.name) wrong(`${path}.name`, "a name", "none");
    const name = flatName(namespace, tool.name);
    if (clientNames.has(name)) {
      wrong(`${path}.name`, "a name that no other tool has", `${shown(name)} again`);
    }
    const parameters = objectAt(json, ...at, "parameters");
    const { description } = tool;
    clientNames.set(name, { name: tool.name, ...(namespace !== undefined && { namespace }) });
    definitions.push({
      name,
      ...(typeof description === "string" && { description }),
      ...(parameters && { parameters }),
      ...(tool.strict === true && { strict: true }),
    });
  };
  for (const [i, tool] of (tools ?? []).entries()) {
    const at = ["tools", i] as const;
    if (tool.type !== "namespace") add(tool, at);
    else {
      if (!tool.name) wrong(`${pathOf(at)}.name`, "a name", "none");
      const namespace = tool.name;
      for (const [k, inner] of (tool.tools ?? []).entries()) {
        add(inner, [...at, "tools", k], namespace);
      }
    }
  }
  return { definitions, clientNames };
}

type FlatTool = NonNullable<RequestTool["tools"]>[number];

function pathOf(at: readonly (string | number)[]): string {
  return at
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
    .join("")
    .slice(1);
}

/** What a reply may call. */
export interface Calling {
  readonly toolChoice: ToolChoice;
  readonly tools: readonly ToolDefinition[];
}

/**
 * Which tools may, or must, be called. A list of allowed tools leaves the others out of the prompt.
 *
 * @param fallback what holds where the request does not say
 */
export function callingOf(
  choice: ResponsesRequest["tool_choice"],
  { definitions, clientNames }: OfferedTools,
  fallback: ToolChoice,
): Calling {
  const nameOf = ({ type, name, namespace }: Named, path: string): string => {
    const flat = type === "function" && name ? flatName(namespace, name) : undefined;
    if (flat !== undefined && clientNames.has(flat)) return flat;
    const known = [...clientNames.keys()].join(", ") || "none, because the request has none";
    return wrong(path, `one of the functions (${known})`, shown(flat ?? type));
  };
  const all = (toolChoice: ToolChoice): Calling => ({ toolChoice, tools: definitions });
  if (choice === undefined || choice === null) {
    return all(definitions.length > 0 ? fallback : { kind: "auto" });
  }
  if (typeof choice === "string") {
    const kind = KINDS.find((known) => known === choice);
    if (kind === undefined) {
      return wrong("tool_choice", `${KINDS.join(", ")} or an object`, shown(choice));
    }
    mustHaveTools(kind, definitions);
    return all({ kind });
  }
  if (choice.type !== "allowed_tools") {
    return all({ kind: "named", name: nameOf(choice, "tool_choice") });
  }
  const allowed = (choice.tools ?? []).map((tool, i) => nameOf(tool, `tool_choice.tools[${i}]`));
  const tools = definitions.filter(({ name }) => allowed.includes(name));
  const kind = choice.mode ?? "auto";
  mustHaveTools(kind, tools);
  return { toolChoice: { kind }, tools };
}

interface Named {
  readonly type: string;
  readonly name?: string | null | undefined;
  readonly namespace?: string | null | undefined;
}

const KINDS = ["none", "auto", "required"] as const;

function mustHaveTools(kind: string, tools: readonly ToolDefinition[]): void {
  if (kind !== "required" || tools.length > 0) return;
  wrong("tool_choice", "functions beside it, because a call is asked for", "none");
}
