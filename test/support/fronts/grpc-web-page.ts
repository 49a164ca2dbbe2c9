// The script of the page that tests Google's grpc-web in its default mode, text; its results are in `told`.
import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { GrpcWebClientBase, MethodDescriptor, MethodType, type RpcError } from "grpc-web";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";

const page = globalThis as unknown as { readonly location: { readonly hash: string }; told?: unknown };
const settings = new URLSearchParams(page.location.hash.slice(1));
const server = settings.get("server") ?? "";
const metadata = { "x-api-key": settings.get("key") ?? "", "x-act-for": "ada" };
const client = new GrpcWebClientBase({ format: "text" });

/** What protoc-gen-grpc-web writes for a method. */
function descriptorOf<I extends DescMethod["input"], O extends DescMethod["output"]>(
  { input, output, parent, name, methodKind }: DescMethod & { input: I; output: O },
  path = `/${parent.typeName}/${name}`,
) {
  const type = methodKind === "unary" ? MethodType.UNARY : MethodType.SERVER_STREAMING;
  const method = new MethodDescriptor<MessageShape<I>, MessageShape<O>>(
    path,
    type,
    Object as never,
    Object as never,
    (request: MessageShape<I>) => toBinary(input, request),
    (bytes: Uint8Array) => fromBinary(output, bytes),
  );
  return { path: `${server}${path}`, method };
}

function call<I extends DescMethod["input"], O extends DescMethod["output"]>(
  desc: DescMethod & { input: I; output: O },
  request: MessageInitShape<I>,
  at?: string,
): Promise<MessageShape<O>> {
  const { path, method } = descriptorOf(desc, at);
  return client.unaryCall(path, create(desc.input, request), metadata, method);
}

/** What a call failed with. */
async function failureOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => ({ code: 0, message: "it succeeded" }),
    (failure: RpcError) => failure,
  );
  return { code: error.code, message: error.message };
}

const { sendMessage, listMessages, getMessage } = MessageService.method;
const { createConversation } = ConversationService.method;
const { subscribe } = EventService.method;
const { chat } = TurnService.method;

async function talk() {
  const wanted = { title: "In a browser", agent: "parrot" };
  const { conversation } = await call(createConversation, { conversation: wanted });
  const conversationId = conversation?.id ?? "";
  for (const content of ["Hi there", "Grüße 🌍"]) await call(sendMessage, { conversationId, message: { content } });
  const { messages } = await call(listMessages, { conversationId });
  return { conversationId, contents: messages.map(({ content }) => content) };
}

/** Follows the conversation, and says the next thing only when it has heard the last; then waits for a heartbeat. */
function follow(conversationId: string): Promise<string[]> {
  const { path, method } = descriptorOf(subscribe);
  const heard: string[] = [];
  const say = (content: string) => call(sendMessage, { conversationId, message: { content } });
  return new Promise((resolve, reject) => {
    const stream = client.serverStreaming(path, create(subscribe.input, { conversationId }), metadata, method);
    stream.on("data", ({ event }) => {
      if (event === undefined) {
        if (heard.length < 8) return;
        stream.cancel();
        resolve(heard);
      } else if (event.change.case === "messageSent") {
        heard.push(event.change.value.content);
        if (heard.length >= 2 && heard.length < 8) say(`${"ü".repeat(heard.length)}`).catch(reject);
      }
    });
    stream.on("error", reject);
  });
}

/** The text of a reply, and how the stream ended. */
function hear(conversationId: string, content: string): Promise<{ reply: string; status: number }> {
  const { path, method } = descriptorOf(chat);
  let reply = "";
  return new Promise((resolve) => {
    const stream = client.serverStreaming(
      path,
      create(chat.input, { conversationId, message: { content } }),
      metadata,
      method,
    );
    stream.on("data", ({ event }) => {
      if (event.case === "delta") reply += event.value.text;
    });
    stream.on("status", (status) => resolve({ reply, status: status.code }));
    stream.on("error", (error) => resolve({ reply: error.message, status: error.code }));
  });
}

try {
  const { conversationId, contents } = await talk();
  page.told = {
    contents,
    missing: await failureOf(call(getMessage, { messageId: "nothing" })),
    unknown: await failureOf(call(getMessage, {}, "/colloquy.v1.MessageService/NoSuch")),
    missingStream: await hear("nothing", "Hello"),
    heard: await follow(conversationId),
    said: await hear(conversationId, "to be or not to be"),
  };
} catch (error) {
  page.told = { refused: String(error) };
}
