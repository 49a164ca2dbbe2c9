// An AG-UI front end: asks what the command line says and prints the reply as it comes. Start it with `node
// examples/agents/agui-chat.ts WORDS`.
import { randomUUID } from "node:crypto";
import { HttpAgent } from "@ag-ui/client";

const { URL = "http://127.0.0.1:8080", KEY = "", AGENT = "default", THREAD = randomUUID() } = process.env;
const chat = new HttpAgent({
  url: `${URL}/agui/${AGENT}`,
  headers: { Authorization: `Bearer ${KEY}` },
  threadId: THREAD,
});
// With nothing new, a run brings what was said before.
await chat.runAgent();
chat.addMessage({ id: randomUUID(), role: "user", content: process.argv.slice(2).join(" ") });
await chat.runAgent({}, { onTextMessageContentEvent: ({ event }) => void process.stdout.write(event.delta) });
console.log(`\n${chat.messages.length} messages in thread ${THREAD}`);
