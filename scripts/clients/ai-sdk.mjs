/**
 * A conversation with a tool through the AI SDK, over four of its providers: chat completions, OpenAI's
 * Responses, Open Responses, and Anthropic's Messages; whole and streamed. Written for ai 6.0.326,
 * @ai-sdk/openai-compatible 2.0.92, @ai-sdk/openai 3.0.141, @ai-sdk/open-responses 1.0.39 and
 * @ai-sdk/anthropic 3.0.140.
 *
 *   npx glm52 serve --think off          # in another terminal
 *   cd $(mktemp -d) && npm init -y && npm install ai@6.0.326 @ai-sdk/openai-compatible@2.0.92 \
 *     @ai-sdk/openai@3.0.141 @ai-sdk/open-responses@1.0.39 @ai-sdk/anthropic@3.0.140
 *   node …/scripts/clients/ai-sdk.mjs http://127.0.0.1:8080
 */
import assert from "node:assert/strict";
import { sdk } from "./sdk.mjs";

const [server = "http://127.0.0.1:8080"] = process.argv.slice(2);
const { generateText, jsonSchema, stepCountIs, streamText, tool, version } = await sdk("ai");
const { createOpenAICompatible } = await sdk("@ai-sdk/openai-compatible");
const { createOpenAI } = await sdk("@ai-sdk/openai");
const { createOpenResponses } = await sdk("@ai-sdk/open-responses");
const { createAnthropic } = await sdk("@ai-sdk/anthropic");
const { data: models } = await (await fetch(`${server}/v1/models`)).json();
const id = models[0].id;

const setting = { name: "glm52", baseURL: `${server}/v1`, apiKey: "none" };
const providers = {
  "openai-compatible": createOpenAICompatible({ ...setting, includeUsage: true })(id),
  "openai, responses": createOpenAI(setting).responses(id),
  "open-responses": createOpenResponses({ name: "glm52", url: `${server}/v1/responses` })(id),
  anthropic: createAnthropic(setting)(id),
};
const schema = { type: "object", properties: { location: { enum: ["Paris", "San Francisco"] } } };
const tools = {
  get_weather: tool({
    description: "The weather of a place.",
    inputSchema: jsonSchema({ ...schema, required: ["location"] }),
    execute: async ({ location }) => `Sunny in ${location}.`,
  }),
};
for (const [name, model] of Object.entries(providers)) {
  const ask = {
    model,
    prompt: "What is the weather in San Francisco?",
    tools,
    prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
    maxOutputTokens: 300,
    // The whole conversation is sent each time, because the server keeps nothing.
    providerOptions: { openai: { store: false, include: ["reasoning.encrypted_content"] } },
    stopWhen: stepCountIs(2),
    onError: ({ error }) => {
      throw error;
    },
  };
  const whole = await generateText(ask);
  const stream = streamText(ask);
  await stream.consumeStream();
  for (const steps of [whole.steps, await stream.steps]) {
    const [{ toolCalls, toolResults, usage }] = steps;
    assert.equal(toolCalls[0].toolName, "get_weather", name);
    assert.match(toolResults[0].output, /^Sunny in (Paris|San Francisco)\.$/, name);
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0, name);
    assert.equal(steps.length, 2, name);
  }
  assert.deepEqual(
    (await stream.steps)[0].toolCalls.map(({ input }) => input),
    whole.steps[0].toolCalls.map(({ input }) => input),
    name,
  );
  const { prompt, maxOutputTokens } = ask;
  const { text, finishReason } = await generateText({ model, prompt, maxOutputTokens });
  assert.ok(text.length > 0, name);
  assert.ok(["stop", "length"].includes(finishReason), name);
  console.log(`ai ${version}, ${name}: all as it should be`);
}
