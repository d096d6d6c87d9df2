/**
 * Malformed replies, as the model sometimes writes them, and how they are read.
 * @module
 */
import { arg, C, E, O, PARIS, U } from "./replies.ts";
import type { ShortReply } from "./tiny-chat.ts";

/** Each is repaired into `reply`; most have been seen on GLM-4.7 … 5.2. */
export const MALFORMED: [title: string, text: string, reply: ShortReply][] = [
  [
    "<tool_call> before </think>",
    `Hm${C}weather${arg("city", "Paris")}${E}${O}`,
    { reasoning: "Hm", calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "</think> again after such a call",
    `Hm${C}weather_now${E}</think>Done${U}`,
    { reasoning: "Hm", content: "Done", calls: [["weather_now", {}]], finish: "tool_calls" },
  ],
  [
    "<think> inside reasoning",
    `a<think>b</think>c${U}`,
    {
      reasoning: "ab",
      content: "c",
      finish: "stop",
    },
  ],
  [
    "thinking twice",
    `a</think>b<think>c</think>d${U}`,
    {
      reasoning: "ac",
      content: "bd",
      finish: "stop",
    },
  ],
  ["a stray </think>", `</think>a</think>b${U}`, { content: "ab", finish: "stop" }],
  [
    "stray tags",
    `</think>a${E}<arg_key>b</arg_value>c</arg_key><arg_value>d<tool_response>${U}`,
    {
      content: "abcd",
      finish: "stop",
    },
  ],
  [
    "other control tokens",
    `[gMASK]a<|system|></think><sop>b<|begin_of_box|>c<|image|>${U}`,
    {
      reasoning: "a",
      content: "bc",
      finish: "stop",
    },
  ],
  [
    "no <arg_value>",
    `</think>${C}weather<arg_key>city</arg_key>Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no <arg_value> after a newline",
    `</think>${C}weather<arg_key>city</arg_key>\n Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no <arg_value>, and a value that begins with a tag",
    `</think>${C}weather<arg_key>city</arg_key><think>x</arg_value>${E}${O}`,
    { calls: [["weather", { city: "<think>x" }]], finish: "tool_calls" },
  ],
  [
    "no <arg_value> and no value",
    `</think>${C}weather<arg_key>city</arg_key></arg_value>${arg("days", "1")}${E}${O}`,
    { calls: [["weather", { city: "", days: 1 }]], finish: "tool_calls" },
  ],
  [
    "no first <arg_key>",
    `</think>${C}weathercity</arg_key><arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no first <arg_key>, after the longest of two names",
    `</think>${C}weather_nowcity</arg_key><arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather_now", PARIS]], finish: "tool_calls" },
  ],
  [
    "no first <arg_key> and no </arg_key>",
    `</think>${C}weather city<arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no second <arg_key>",
    `</think>${C}weather${arg("days", "1")}city</arg_key><arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", { days: 1, city: "Paris" }]], finish: "tool_calls" },
  ],
  [
    "no </arg_key>",
    `</think>${C}weather<arg_key>city<arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "no </arg_value>",
    `</think>${C}weather<arg_key>city</arg_key><arg_value>Paris${E}${O}`,
    { calls: [["weather", PARIS]], finish: "tool_calls" },
  ],
  [
    "a stray </arg_value> after a name",
    `</think>${C}weather_now</arg_value>${E}${O}`,
    { calls: [["weather_now", {}]], finish: "tool_calls" },
  ],
  [
    "<tool_call> in the place of <arg_key>",
    `</think>${C}run_command${C}command</arg_key><arg_value>ls</arg_value>${E}${O}`,
    { calls: [["run_command", { command: "ls" }]], finish: "tool_calls" },
  ],
  [
    "<tool_call> in the place of a later <arg_key>",
    `</think>${C}weather${arg("days", "1")}${C}city</arg_key><arg_value>Paris</arg_value>${E}${O}`,
    { calls: [["weather", { days: 1, city: "Paris" }]], finish: "tool_calls" },
  ],
  [
    "no </tool_call> before the next call",
    `</think>${C}weather_now${C}weather${arg("city", "Paris")}${C}weather_now${E}${O}`,
    {
      calls: [
        ["weather_now", {}],
        ["weather", PARIS],
        ["weather_now", {}],
      ],
      finish: "tool_calls",
    },
  ],
  [
    "no last </tool_call>",
    `</think>${C}weather${arg("city", "Paris")}${O}`,
    {
      calls: [["weather", PARIS]],
      finish: "tool_calls",
    },
  ],
  [
    "no closing tag at all",
    `</think>${C}weather<arg_key>city</arg_key><arg_value>Paris${O}`,
    {
      calls: [["weather", PARIS]],
      finish: "tool_calls",
    },
  ],
  [
    "double opening tags",
    `</think>${C}${C}weather<arg_key><arg_key>city</arg_key>x</arg_value>${E}${O}`,
    {
      calls: [["weather", { city: "x" }]],
      finish: "tool_calls",
    },
  ],
  [
    "a key without a value",
    `</think>${C}weather<arg_key>city</arg_key>${E}${O}`,
    {
      calls: [["weather", {}]],
      finish: "tool_calls",
    },
  ],
  [
    "a value without a key",
    `</think>${C}weather<arg_value>x</arg_value>${E}${O}`,
    {
      calls: [["weather", {}]],
      finish: "tool_calls",
    },
  ],
  [
    "an unknown tool",
    `</think>a${C}dance${arg("city", "Paris")}${E}b${O}`,
    {
      content: "ab",
      unknown: ["dance"],
      finish: "stop",
    },
  ],
  ["no name", `</think>${C}${E}${U}`, { content: `${C}${E}`, finish: "stop" }],
  [
    "think tags inside a call",
    `</think>${C}<think>weather</think><arg_key>city</arg_key>x</arg_value>${E}${O}`,
    {
      calls: [["weather", { city: "x" }]],
      finish: "tool_calls",
    },
  ],
  [
    "JSON inside the tags",
    `</think>${C}{"name": "weather", "arguments": {"city": "Paris"}}${E}${O}`,
    {
      calls: [["weather", PARIS]],
      finish: "tool_calls",
    },
  ],
];
