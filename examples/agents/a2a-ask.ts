// An A2A client: asks an agent what the command line says, and prints the reply as it comes. Start it with `node
// examples/agents/a2a-ask.ts WORDS`.
import { randomUUID } from "node:crypto";
import { Role } from "@a2a-js/sdk";
import { ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory } from "@a2a-js/sdk/client";

const { URL = "http://127.0.0.1:8080", KEY = "", AGENT = "default", CONTEXT = "" } = process.env;
const fetchImpl: typeof fetch = (input, init) => {
  const headers = new Headers(init?.headers);
  headers.set("authorization", `Bearer ${KEY}`);
  return fetch(input, { ...init, headers });
};
const client = await new ClientFactory({
  transports: [new JsonRpcTransportFactory({ fetchImpl })],
  cardResolver: new DefaultAgentCardResolver({ fetchImpl }),
}).createFromUrl(URL, `/a2a/${AGENT}/.well-known/agent-card.json`);

const text = process.argv.slice(2).join(" ");
const message = {
  messageId: randomUUID(),
  contextId: CONTEXT,
  taskId: "",
  role: Role.ROLE_USER,
  parts: [
    { content: { $case: "text" as const, value: text }, metadata: undefined, filename: "", mediaType: "text/plain" },
  ],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
};
const request = { tenant: "", message, configuration: undefined, metadata: undefined };
for await (const { payload } of client.sendMessageStream(request)) {
  if (payload?.$case === "artifactUpdate") {
    for (const { content } of payload.value.artifact?.parts ?? []) {
      if (content?.$case === "text") process.stdout.write(content.value);
    }
  }
}
console.log();
