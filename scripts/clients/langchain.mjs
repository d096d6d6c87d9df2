/**
 * A conversation with a tool through LangChain for JavaScript, whole and streamed, over chat completions and
 * over Responses. Written for @langchain/openai 1.5.8.
 *
 *   npx glm52 serve --think off          # in another terminal
 *   cd $(mktemp -d) && npm init -y && npm install @langchain/openai@1.5.8 @langchain/core
 *   node …/scripts/clients/langchain.mjs http://127.0.0.1:8080
 */
import assert from "node:assert/strict";
import { sdk } from "./sdk.mjs";

const [server = "http://127.0.0.1:8080"] = process.argv.slice(2);
const { ChatOpenAI, version } = await sdk("@langchain/openai");
const { ToolMessage } = await sdk("@langchain/core/messages");
const { data: models } = await (await fetch(`${server}/v1/models`)).json();

const question = { role: "user", content: "What is the weather in San Francisco?" };
const schema = { type: "object", properties: { location: { enum: ["Paris", "San Francisco"] } } };
const definition = {
  name: "get_weather",
  description: "The weather of a place.",
  parameters: { ...schema, required: ["location"] },
};
for (const useResponsesApi of [false, true]) {
  const model = new ChatOpenAI({
    model: models[0].id,
    apiKey: "none",
    configuration: { baseURL: `${server}/v1` },
    maxTokens: 300,
    useResponsesApi,
  });
  const tools = [{ type: "function", function: definition }];
  const forced = model.bindTools(tools, { tool_choice: "get_weather" });
  const message = await forced.invoke([question]);
  const [call] = message.tool_calls;
  assert.equal(call.name, "get_weather");
  assert.equal(typeof call.args.location, "string");
  assert.ok(message.usage_metadata.output_tokens > 0);
  let streamed;
  for await (const chunk of await forced.stream([question])) {
    streamed = streamed === undefined ? chunk : streamed.concat(chunk);
  }
  assert.deepEqual(streamed.tool_calls[0].args, call.args);
  const result = new ToolMessage({ content: "Sunny.", tool_call_id: call.id });
  const answer = await model.invoke([question, message, result]);
  assert.ok(answer.text.length > 0);
  const api = useResponsesApi ? "responses" : "chat completions";
  console.log(`@langchain/openai ${version}, ${api}: all as it should be`);
}
