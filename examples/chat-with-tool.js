// Gives the model a tool, and runs it when the model calls it.
// (The model that ships tells stories and calls no tools, so the conversation begins after a call.)
import { open } from "glm52.ts/node";

const run = { toys: ({ city }) => `There are 3 toys in ${city}.` };
const parameters = { type: "object", properties: { city: { type: "string" } } };
const tools = [
  { type: "function", function: { name: "toys", description: "Counts toys.", parameters } },
];
const call = { function: { name: "toys", arguments: { city: "Paris" } } };
const messages = [
  { role: "user", content: "Please tell a story about the toys in Paris." },
  { role: "assistant", content: "", tool_calls: [call] },
];

const glm = await open();
const chat = glm.chat({ tools, messages, maxTokens: 60 });
let turn = await chat.say({ role: "tool", content: run.toys(call.function.arguments) });
while (turn.calls.length > 0) {
  const results = turn.calls.map(({ name, arguments: given }) => run[name](given));
  turn = await chat.say(results.map((content) => ({ role: "tool", content })));
}
console.log(chat.messages.map(({ role }) => role).join(", "));
console.log(`${turn.promptTokens} tokens read, ${turn.replyTokens} said: ${turn.content}`);
await glm.close();
