// What scenarios of webhooks share: a server that delivers, clients of an administrator, and a fast receiver.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ConversationService } from "../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../gen/colloquy/v1/message_service_pb.ts";
import { WebhookService } from "../gen/colloquy/v1/webhook_service_pb.ts";
import type { Stage } from "./stage.ts";

export type WebhookStage = Awaited<ReturnType<typeof setWebhookStage>>;

/** @param token of an administrator of the tenant whose events are delivered */
export async function setWebhookStage(stage: Stage, token = stage.token("admin")) {
  const served = await stage.colloquy("colloquy with webhooks");
  const receiver = await startReceiver();
  const headers = { authorization: `Bearer ${token}` };
  const transport = createConnectTransport({ baseUrl: `http://127.0.0.1:${served.port}`, httpVersion: "2" });
  const hooks = createClient(WebhookService, transport);
  const conversations = createClient(ConversationService, transport);
  const messages = createClient(MessageService, transport);
  const made = new Set<string>();
  const remove = async (endpointId: string) => {
    made.delete(endpointId);
    await hooks.deleteWebhookEndpoint({ endpointId }, { headers }).catch(() => {});
  };
  return {
    served,
    receiver,
    hooks,
    messages,
    headers,
    /** An endpoint for the conversations of a mode, and its id. */
    async register(batchSize: number, mode: string, url = receiver.url): Promise<string> {
      const endpoint = { target: { case: "url", value: url } as const, batchSize, filter: { mode } };
      const { endpoint: registered } = await hooks.createWebhookEndpoint({ endpoint }, { headers });
      const id = registered?.id ?? "";
      made.add(id);
      return id;
    },
    /** A conversation of a mode, with so many messages. */
    async conversation(mode: string, count = 0): Promise<string> {
      const initial = Array.from({ length: count }, (_, index) => ({ content: `message ${index}` }));
      const request = { conversation: { mode }, messages: initial };
      return (await conversations.createConversation(request, { headers })).conversation?.id ?? "";
    },
    send: (conversationId: string, content: string) =>
      messages.sendMessage({ conversationId, message: { content } }, { headers }),
    remove,
    async close(): Promise<void> {
      for (const id of made) await remove(id);
      receiver.server.close();
      receiver.server.closeAllConnections();
    },
  };
}

export interface Receiver {
  readonly server: Server;
  readonly url: string;
  events: number;
  /** The body of a request, and when it was whole. */
  onEvent: ((text: string, at: number) => void) | undefined;
}

async function startReceiver(): Promise<Receiver> {
  const receiver = {
    events: 0,
    onEvent: undefined as Receiver["onEvent"],
    server: createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const at = performance.now();
        response.writeHead(204).end();
        const text = Buffer.concat(chunks).toString();
        receiver.events += text.match(/"conversationId":"[^"]*","seq":"\d+","createTime"/g)?.length ?? 0;
        receiver.onEvent?.(text, at);
      });
    }),
  };
  await new Promise<void>((resolve) => receiver.server.listen(0, "127.0.0.1", resolve));
  return Object.assign(receiver, { url: `http://127.0.0.1:${(receiver.server.address() as AddressInfo).port}/` });
}
