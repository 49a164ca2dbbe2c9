// A chat with state: each response follows the one before, and the conversation is kept by the server.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8080/openai/v1", apiKey: process.env.KEY ?? "" });
const model = process.env.MODEL ?? "parrot";

const conversation = await client.conversations.create({ metadata: { topic: "demo" } });
for (const input of ["My name is Ann.", "What is my name?"]) {
  const stream = client.responses.stream({ model, input, conversation: conversation.id });
  stream.on("response.output_text.delta", ({ delta }) => process.stdout.write(delta));
  await stream.finalResponse();
  process.stdout.write("\n");
}
const { data } = await client.conversations.items.list(conversation.id, { order: "asc" });
console.log(`${data.length} items in ${conversation.id.slice(0, 5)}…`);
