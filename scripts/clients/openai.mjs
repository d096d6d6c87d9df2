/**
 * A conversation with a tool through the OpenAI SDK for JavaScript, as its users write it: chat completions
 * and Responses, whole and streamed. Written for openai 6.49.0.
 *
 *   npx glm52 serve --think off          # in another terminal
 *   cd $(mktemp -d) && npm init -y && npm install openai@6.49.0
 *   node …/scripts/clients/openai.mjs http://127.0.0.1:8080
 */
import assert from "node:assert/strict";
import { sdk } from "./sdk.mjs";

const [server = "http://127.0.0.1:8080"] = process.argv.slice(2);
const { default: OpenAI, version } = await sdk("openai");
const client = new OpenAI({ baseURL: `${server}/v1`, apiKey: "none" });
const { data: models } = await client.models.list();
const model = models[0].id;

const parameters = {
  type: "object",
  properties: { location: { enum: ["Paris", "San Francisco"] } },
  required: ["location"],
  additionalProperties: false,
};
const seed = 7;
const messages = [{ role: "user", content: "What is the weather in San Francisco?" }];
const tool = { name: "get_weather", description: "The weather of a place.", parameters };

// Chat completions
const plain = await client.chat.completions.create({ model, messages, seed, max_tokens: 60 });
assert.equal(plain.choices[0].message.role, "assistant");
assert.ok(plain.usage.completion_tokens > 0);

const tools = [{ type: "function", function: tool }];
const options = { model, messages, tools, tool_choice: "required", seed, max_tokens: 300 };
const called = await client.chat.completions.create(options);
const streamed = await client.chat.completions
  .stream({ ...options, stream_options: { include_usage: true } })
  .finalChatCompletion();
const [call] = called.choices[0].message.tool_calls;
const [streamedCall] = streamed.choices[0].message.tool_calls;
assert.equal(called.choices[0].finish_reason, "tool_calls");
assert.deepEqual(streamedCall.function.arguments, call.function.arguments);
assert.equal(streamed.usage.total_tokens, called.usage.total_tokens);
assert.equal(typeof JSON.parse(call.function.arguments).location, "string");

const answered = await client.chat.completions.create({
  model,
  messages: [
    ...messages,
    called.choices[0].message,
    { role: "tool", tool_call_id: call.id, content: "Sunny, 21 degrees." },
  ],
  tools,
  seed,
  max_tokens: 60,
});
assert.ok(["stop", "length"].includes(answered.choices[0].finish_reason));

// Responses
const ask = {
  model,
  input: messages,
  tools: [{ type: "function", strict: false, ...tool }],
  tool_choice: "required",
  max_output_tokens: 300,
  include: ["reasoning.encrypted_content"],
};
const response = await client.responses.create(ask);
const names = [];
const stream = client.responses.stream(ask);
for await (const event of stream) names.push(event.type);
const whole = await stream.finalResponse();
const item = response.output.find(({ type }) => type === "function_call");
assert.equal(response.status, "completed");
assert.equal(names[0], "response.created");
assert.equal(names.at(-1), "response.completed");
assert.deepEqual(
  whole.output.map(({ type }) => type),
  response.output.map(({ type }) => type),
);
assert.equal(whole.output.find(({ type }) => type === "function_call").arguments, item.arguments);

const goneOn = await client.responses.create({
  ...ask,
  tool_choice: "none",
  input: [
    ...messages,
    ...response.output,
    { type: "function_call_output", call_id: item.call_id, output: "Sunny, 21 degrees." },
  ],
});
assert.equal(typeof goneOn.output_text, "string");
assert.ok(["completed", "incomplete"].includes(goneOn.status));

const short = await client.responses.create({
  model,
  input: "Tell a story.",
  max_output_tokens: 2,
});
assert.equal(short.status, "incomplete");
assert.equal(short.incomplete_details.reason, "max_output_tokens");

// What is wrong is said, with its place
await assert.rejects(
  client.responses.create({ model, input: [{ role: "user", content: 5 }] }),
  (error) => error.status === 400 && error.param === "input[0].content",
);
await assert.rejects(
  client.chat.completions.create({ model: "another", messages }),
  (error) => error.status === 404 && error.code === "model_not_found",
);

console.log(`openai ${version}: all as it should be`);
