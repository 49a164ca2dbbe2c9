// An agent of OpenAI's agents package, whose session is a conversation on the server.
import { Agent, OpenAIConversationsSession, OpenAIProvider, Runner } from "@openai/agents";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8080/openai/v1", apiKey: process.env.KEY ?? "" });
const modelProvider = new OpenAIProvider({ openAIClient: client as never, useResponses: true });
const runner = new Runner({ modelProvider, tracingDisabled: true });
const agent = new Agent({ name: "Helper", instructions: "Be brief", model: process.env.MODEL ?? "parrot" });

const session = new OpenAIConversationsSession({ client: client as never });
for (const input of ["My name is Ann.", "What is my name?"]) {
  const { finalOutput } = await runner.run(agent, input, { session });
  console.log(finalOutput);
}
console.log(`${(await session.getItems()).length} items`);
