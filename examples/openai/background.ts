// A response in the background: it is begun, polled until it has ended, and its events are read afterwards.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8080/openai/v1", apiKey: process.env.KEY ?? "" });
const model = process.env.MODEL ?? "parrot";

let response = await client.responses.create({ model, input: "Take your time.", background: true });
while (response.status === "queued" || response.status === "in_progress") {
  await new Promise((resolve) => setTimeout(resolve, 100));
  response = await client.responses.retrieve(response.id);
}
console.log(response.status, response.output_text);
const events = await client.responses.retrieve(response.id, { stream: true, starting_after: 2 });
for await (const { type, sequence_number } of events) {
  if (type === "response.completed") console.log(type, sequence_number > 2);
}
