// What the page of the browser's test does: it runs in Chromium, bundled, and leaves what it learned in `told`.
import { Code, ConnectError, createClient, ErrorReason, reasonOf } from "colloquy/client";

interface Page {
  readonly location: { readonly hash: string };
  told?: unknown;
}

const page = globalThis as unknown as Page;
const settings = new URLSearchParams(page.location.hash.slice(1));
const baseUrl = settings.get("server") ?? "";
const apiKey = settings.get("key") ?? "";
const { conversations, messages } = createClient({ baseUrl, apiKey, actFor: "ada", retry: { retries: 0 } });

async function talk() {
  const { conversation } = await conversations.createConversation({ conversation: { title: "In a browser" } });
  const conversationId = conversation?.id ?? "";
  for (const content of ["Hi there", "Grüße 🌍"]) await messages.sendMessage({ conversationId, message: { content } });
  const page = await messages.listMessages({ conversationId });
  return { contents: page.messages.map(({ content }) => content), conversationId };
}

async function fail() {
  try {
    await messages.getMessage({ messageId: "nothing" });
    return "it succeeded";
  } catch (error) {
    return { code: Code[ConnectError.from(error).code], notFound: reasonOf(error) === ErrorReason.NOT_FOUND };
  }
}

async function callRest(conversationId: string) {
  const response = await fetch(`${baseUrl}/v1/conversations/${conversationId}/messages`, {
    method: "POST",
    headers: { "x-api-key": apiKey, "x-act-for": "ada", "content-type": "application/json", "idempotency-key": "k1" },
    body: JSON.stringify({ content: "From REST" }),
  });
  const names = ["x-request-id", "etag", "location"];
  const headers = Object.fromEntries(names.map((name) => [name, response.headers.has(name)]));
  return { headers, rest: ((await response.json()) as { content: string }).content };
}

try {
  const { contents, conversationId } = await talk();
  page.told = { contents, failure: await fail(), ...(await callRest(conversationId)) };
} catch (error) {
  page.told = { refused: error instanceof ConnectError ? error.rawMessage : String(error) };
}
