// Lets the model call tools: the six toy tools that come with the package, and one of your own.
import { askAgent, ToolError, toyTools } from "glm52.ts/agent";
import { open } from "glm52.ts/node";

const ages = { Mia: 5, Tom: 7 };
const age = {
  definition: {
    name: "age",
    description: "Tell how old a person is",
    parameters: { type: "object", properties: { person: { type: "string" } } },
  },
  run: ({ person }) => {
    if (!Object.hasOwn(ages, person)) throw new ToolError("no such person"); // the model reads why
    return String(ages[person]);
  },
};
const tools = [...toyTools({ seed: 1 }), age];

const glm = await open();
const chat = glm.chat({ tools: tools.map(({ definition }) => definition), temperature: 0 });
for (const question of process.argv.slice(2)) {
  const { turn } = await askAgent(chat, question, tools, {
    onResult: ({ call, content }) => console.log(`${call.name} ${call.json} returned ${content}`),
  });
  console.log(`${turn.promptTokens} tokens read: ${turn.content}`);
}
await glm.close();
