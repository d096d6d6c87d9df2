/**
 * A conversation with a tool through the Anthropic SDK for JavaScript, as its users write it, whole and
 * streamed. Written for @anthropic-ai/sdk 1.14.0.
 *
 *   npx glm52 serve --think off          # in another terminal
 *   cd $(mktemp -d) && npm init -y && npm install @anthropic-ai/sdk@1.14.0
 *   node …/scripts/clients/anthropic.mjs http://127.0.0.1:8080
 */
import assert from "node:assert/strict";
import { sdk } from "./sdk.mjs";

const [server = "http://127.0.0.1:8080"] = process.argv.slice(2);
const { default: Anthropic, version } = await sdk("@anthropic-ai/sdk");
const client = new Anthropic({ baseURL: server, apiKey: "none" });
const { data: models } = await client.models.list();
const model = models[0].id;

const tools = [
  {
    name: "get_weather",
    description: "The weather of a place.",
    input_schema: {
      type: "object",
      properties: { location: { enum: ["Paris", "San Francisco"] } },
      required: ["location"],
    },
  },
];
const question = { role: "user", content: "What is the weather in San Francisco?" };
const ask = { model, max_tokens: 300, messages: [question], tools };

const counted = await client.messages.countTokens({ model, messages: [question], tools });
const forced = { ...ask, tool_choice: { type: "any" } };
const message = await client.messages.create(forced);
const { usage } = message;
assert.equal(message.stop_reason, "tool_use");
assert.equal(usage.input_tokens + usage.cache_read_input_tokens, counted.input_tokens);

const names = [];
const stream = client.messages.stream(forced);
for await (const event of stream) names.push(event.type);
const whole = await stream.finalMessage();
assert.equal(names[0], "message_start");
assert.equal(names.at(-1), "message_stop");
assert.deepEqual(
  whole.content.map(({ type, text, thinking, input }) => ({ type, text, thinking, input })),
  message.content.map(({ type, text, thinking, input }) => ({ type, text, thinking, input })),
);
assert.equal(whole.usage.output_tokens, usage.output_tokens);

const call = message.content.find(({ type }) => type === "tool_use");
assert.equal(typeof call.input.location, "string");
const answered = await client.messages.create({
  ...ask,
  max_tokens: 60,
  tool_choice: { type: "none" },
  messages: [
    question,
    { role: "assistant", content: message.content },
    {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: call.id, content: "Sunny, 21 degrees." }],
    },
  ],
});
assert.ok(["end_turn", "max_tokens"].includes(answered.stop_reason));

const short = await client.messages.create({ ...ask, tools: [], max_tokens: 2 });
assert.equal(short.stop_reason, "max_tokens");

await assert.rejects(
  client.messages.create({ ...ask, messages: [{ role: "user", content: [{ type: "no" }] }] }),
  (error) => error.status === 400 && error.error.error.type === "invalid_request_error",
);

console.log(`@anthropic-ai/sdk ${version}: all as it should be`);
