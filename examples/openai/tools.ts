// A loop of tool calls: the model asks for functions, this program runs them, until there is an answer.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8080/openai/v1", apiKey: process.env.KEY ?? "" });
const model = process.env.MODEL ?? "parrot";

const weather = {
  type: "function",
  name: "weather",
  description: "The weather in a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
} as const;

let response = await client.responses.create({ model, tools: [weather], input: "What is the weather in Oslo?" });
for (;;) {
  const calls = response.output.filter((item) => item.type === "function_call");
  if (calls.length === 0) break;
  const outputs = calls.map(({ call_id, name, arguments: args }) => {
    console.log(`${name}(${args})`);
    const { city } = JSON.parse(args) as { city: string };
    return { type: "function_call_output", call_id, output: `sunny in ${city}` } as const;
  });
  response = await client.responses.create({
    model,
    tools: [weather],
    previous_response_id: response.id,
    input: outputs,
  });
}
console.log(response.output_text);
