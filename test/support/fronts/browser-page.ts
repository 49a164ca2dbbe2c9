// The script of the browser test's page: bundled, it runs in Chromium and stores its results in `told`.
import { ActiveSignals, Code, ConnectError, createClient, ErrorReason, PresenceState, reasonOf } from "colloquy/client";

interface Page {
  readonly location: { readonly hash: string };
  told?: unknown;
}

const page = globalThis as unknown as Page;
const settings = new URLSearchParams(page.location.hash.slice(1));
const baseUrl = settings.get("server") ?? "";
/** The server again, over lines that break. */
const proxy = settings.get("proxy") ?? "";
const apiKey = settings.get("key") ?? "";
const client = createClient({ baseUrl, apiKey, actFor: "ada", retry: { retries: 0 } });
const { conversations, messages } = client;

async function talk() {
  const wanted = { title: "In a browser", agent: "parrot" };
  const { conversation } = await conversations.createConversation({ conversation: wanted });
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

/** Uploads of both sizes, with their progress, and one that is cancelled. */
async function exchangeFiles(at = client) {
  const same: boolean[] = [];
  let told = 0;
  for (const size of [10_000, 6_000_000]) {
    const bytes = new Uint8Array(size).map((_, index) => index * 31 + (index >> 8));
    const file = await at.uploadFile(new File([bytes], "ü.bin", { type: "application/x-test" }), {
      onProgress: (sent, total) => {
        told += total === size && sent <= size ? 1 : 0;
      },
    });
    const back = new Uint8Array(await (await at.downloadFile(file.id)).arrayBuffer());
    same.push(file.name === "ü.bin" && back.length === size && back.every((byte, index) => byte === bytes[index]));
  }
  const ends = new AbortController();
  const onProgress = () => ends.abort(new Error("never mind"));
  const cancelled = await at
    .uploadFile(new Blob([new Uint8Array(8_000_000)]), { signal: ends.signal, onProgress })
    .then(() => "it succeeded", String);
  return { same, told: told > 0, cancelled };
}

/** Ada follows while Bob comes, types, reacts and replies. */
async function meet() {
  const bob = createClient({ baseUrl, apiKey, actFor: "bob" });
  const { conversation } = await conversations.createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  const { message } = await messages.sendMessage({ conversationId, message: { content: "Ship it?" } });
  const messageId = message?.id ?? "";
  const [ada, present] = [new AbortController(), new AbortController()];
  const active = new ActiveSignals();
  const heard: string[] = [];
  const following = (async () => {
    const options = { conversationId, signal: ada.signal, onSignal: active.onSignal.bind(active) };
    for await (const { event } of client.subscribe(options)) {
      active.onEvent(event);
      heard.push(event.change.case ?? "");
    }
  })().catch(() => {});
  const being = (async () => {
    for await (const _ of bob.subscribe({ conversationId, signal: present.signal }));
  })().catch(() => {});
  const until = async (holds: () => boolean | Promise<boolean>) => {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const state = async () => (await client.presence.batchGetPresence({ memberIds: ["bob"] })).presences[0]?.state;
  await until(async () => (await state()) === PresenceState.ONLINE);
  await bob.signals.sendSignal({ conversationId, name: "typing" });
  await until(() => active.signals.some(({ actor, name }) => actor?.id === "bob" && name === "typing"));
  await bob.reactions.addReaction({ messageId, reaction: "👍" });
  await until(() => heard.includes("reactionAdded"));
  await bob.messages.sendMessage({ conversationId, message: { content: "Yes", replyTo: messageId } });
  await until(() => active.signals.length === 0);
  const shown = (await messages.listMessages({ conversationId })).messages[0];
  for (const one of [ada, present]) one.abort();
  await Promise.all([following, being]);
  const reactions = shown?.reactions.map(({ reaction, count, mine }) => [reaction, Number(count), mine]);
  return { reactions, replies: Number(shown?.replyCount) };
}

/** Follows the conversation while it grows, then hears a reply. */
async function follow(conversationId: string) {
  const broken = createClient({ baseUrl: proxy, apiKey, actFor: "ada" });
  const heard: number[] = [];
  const following = (async () => {
    for await (const { event } of broken.subscribe({ conversationId })) {
      heard.push(Number(event.seq));
      if (event.change.case === "messageSent" && event.change.value.content === "the last") return;
    }
  })();
  for (let i = 0; i < 60; i++) await messages.sendMessage({ conversationId, message: { content: `${i}` } });
  const last = await messages.sendMessage({ conversationId, message: { content: "the last" } });
  await following;
  let reply = "";
  for await (const step of broken.chat({ conversationId, content: "to be or not to be ".repeat(6).trim() })) {
    if (step.kind === "delta") reply = reply.slice(0, Number(step.offset)) + step.text;
  }
  return { heard, last: Number(last.message?.seq), reply };
}

try {
  const { contents, conversationId } = await talk();
  const files = await exchangeFiles(proxy === "" ? client : createClient({ baseUrl: proxy, apiKey, actFor: "ada" }));
  const followed = proxy === "" ? {} : await follow(conversationId);
  page.told = {
    files,
    contents,
    meeting: await meet(),
    failure: await fail(),
    ...(await callRest(conversationId)),
    ...followed,
  };
} catch (error) {
  page.told = { refused: error instanceof ConnectError ? error.rawMessage : String(error) };
}
