/**
 * Replies as the model should write them, and how they are read.
 * @module
 */
import type { Tool } from "../../../tokenizer/chat/index.ts";
import type { ShortReply } from "./tiny-chat.ts";

const parameters = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" }, tags: { type: "array" } },
};
export const TOOLS: readonly Tool[] = [
  { name: "weather", parameters },
  { name: "weather_now" },
  { name: "run_command", parameters: { properties: { command: { type: "string" } } } },
];

export const C = "<tool_call>";
export const E = "</tool_call>";
export const arg = (key: string, value: string) =>
  `<arg_key>${key}</arg_key><arg_value>${value}</arg_value>`;
export const U = "<|user|>";
export const O = "<|observation|>";
export const PARIS = { city: "Paris" };

export const WELL_FORMED: [title: string, text: string, reply: ShortReply][] = [
  ["an answer", `Hm.\n</think>Hello${U}`, { reasoning: "Hm.\n", content: "Hello", finish: "stop" }],
  ["no thought", `</think>Hi<|endoftext|>`, { content: "Hi", finish: "stop" }],
  ["nothing", U, { finish: "stop" }],
  ["a thought cut off", "Hm", { reasoning: "Hm", finish: "length" }],
  ["an answer cut off", "Hm</think>a", { reasoning: "Hm", content: "a", finish: "length" }],
  [
    "a call",
    `Hm</think>Let me look.${C}weather${arg("city", "Paris")}${arg("days", "3")}${E}${O}`,
    {
      reasoning: "Hm",
      content: "Let me look.",
      calls: [["weather", { city: "Paris", days: 3 }]],
      finish: "tool_calls",
    },
  ],
  [
    "two calls, one without arguments",
    `</think>${C}weather_now${E}${C}weather${arg("city", " Köln\n")}${E}${O}`,
    {
      calls: [
        ["weather_now", {}],
        ["weather", { city: " Köln\n" }],
      ],
      finish: "tool_calls",
    },
  ],
  [
    "arguments of other types",
    `</think>${C}weather${arg("tags", '["a", 1.5, null]')}${arg("city", "5")}${arg("x", "true")}${E}${O}`,
    { calls: [["weather", { tags: ["a", 1.5, null], city: "5", x: true }]], finish: "tool_calls" },
  ],
  [
    "tags inside a value are text",
    `</think>${C}run_command${arg("command", "echo '<think></think><arg_key><|image|>'")}${E}${O}`,
    {
      calls: [["run_command", { command: "echo '<think></think><arg_key><|image|>'" }]],
      finish: "tool_calls",
    },
  ],
  [
    "a word that is a token",
    "</think>src/nothink.ts",
    { content: "src/nothink.ts", finish: "length" },
  ],
  [
    "blanks between the parts",
    `</think>${C}\nweather\n<arg_key> city </arg_key>\n<arg_value>Paris</arg_value>\n${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "a call cut off inside a string",
    `</think>${C}weather${arg("days", "2")}<arg_key>city</arg_key><arg_value>Pa`,
    { calls: [["weather", '{"days": 2, "city": "Pa', "cut"]], finish: "length" },
  ],
  ["a call cut off inside its name", `</think>${C}weath`, { finish: "length" }],
  [
    "a call cut off inside a key",
    `</think>${C}weather<arg_key>ci`,
    {
      calls: [["weather", "", "cut"]],
      finish: "length",
    },
  ],
];
