// An MCP client: finds messages by words and prints the conversations that hold them. Start it with `node
// examples/agents/mcp-reader.ts WORDS`.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const url = new URL(process.env.URL ?? "http://127.0.0.1:8080");
const headers = { authorization: `Bearer ${process.env.KEY ?? ""}` };

const client = new Client({ name: "reader", version: "1" }, { versionNegotiation: { mode: "auto" } });
await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", url), { requestInit: { headers } }));

async function call<T>(name: string, args: Record<string, unknown>): Promise<T> {
  const { structuredContent, isError, content } = await client.callTool({ name, arguments: args });
  // What is wrong with a call is told as text: a model reads it and tries again.
  if (isError) throw new Error(content.map((part) => (part.type === "text" ? part.text : "")).join());
  return structuredContent as T;
}

type Match = { conversationId: string };
type Page = { conversation: { title: string }; messages: { sender: string; text: string }[]; nextAfterSeq?: number };

const { matches } = await call<{ matches: Match[] }>("search_messages", { query: process.argv.slice(2).join(" ") });
for (const conversationId of new Set(matches.map((match) => match.conversationId))) {
  let afterSeq: number | undefined = 0;
  while (afterSeq !== undefined) {
    const page: Page = await call<Page>("read_conversation", { conversationId, afterSeq });
    if (afterSeq === 0) console.log(`# ${page.conversation.title}`);
    for (const { sender, text } of page.messages) console.log(`${sender}: ${text}`);
    afterSeq = page.nextAfterSeq;
  }
}
await client.close();
