// examples/indexer: what it holds is what there is to read, also after it was killed.
import { once } from "node:events";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { createTestDatabase } from "../support/postgres/postgres.ts";
import { startChild } from "../support/run/child.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { freePort } from "../support/services/free-port.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes" } });
});
afterAll(() => server.close());

test("the indexer follows what is sent, edited, deleted, restored and purged, of all branches, over a kill", async () => {
  await using own = await createTestDatabase("template0");
  const index = new pg.Client({ connectionString: own.url });
  await index.connect();
  const tenant = await server.tenant();
  const { credential, text: KEY } = await tenant.key("read", "write", "admin");
  const hooks = server.client(WebhookService, credential);
  const conversations = server.client(ConversationService, credential);
  const messages = server.client(MessageService, credential);
  const make = async (...contents: string[]) => {
    const { conversation } = await conversations.createConversation({
      messages: contents.map((content) => ({ content })),
    });
    return conversation?.id ?? "";
  };
  const [one, two] = [await make("a", "b"), await make("c")];
  const port = await freePort();
  const { endpoint, secret } = await hooks.createWebhookEndpoint({
    endpoint: { target: { case: "url", value: `http://127.0.0.1:${port}/` }, batchSize: 100 },
    start: { place: { case: "beginning", value: true } },
  });
  const endpointId = endpoint?.id ?? "";
  const start = () =>
    startChild(process.execPath, [join(import.meta.dirname, "../../examples/indexer/indexer.ts")], {
      env: {
        PATH: process.env.PATH,
        KEY,
        SECRET: secret,
        PORT: String(port),
        COLLOQUY: server.url,
        INDEX_URL: own.url,
      },
      stdio: ["ignore", "ignore", "inherit"],
    });
  const indexed = async () => {
    // While the indexer was away, the endpoint waits for its next attempt.
    await hooks.resumeWebhookEndpoint({ endpointId });
    const { rows } = await index
      .query("select content from message_index order by content")
      .catch(() => ({ rows: [] }));
    return rows.map(({ content }) => content as string).join("");
  };
  const eventually = { timeout: 30_000, interval: 500 };

  const first = start();
  await expect.poll(indexed, eventually).toBe("abc");
  first.kill("SIGKILL");
  await once(first, "close");
  const { messages: found } = await messages.listMessages({ conversationId: one });
  await messages.updateMessage({ messageId: found[0]?.id ?? "", message: { content: "A" } });
  await messages.deleteMessage({ messageId: found[1]?.id ?? "" });
  await conversations.purgeConversation({ conversationId: two });
  // An alternative to the first message, with which another branch begins.
  await messages.sendMessage({ conversationId: one, message: { content: "z", parentId: one } });
  const second = start();
  await expect.poll(indexed, eventually).toBe("Az");
  await conversations.deleteConversation({ conversationId: one });
  await expect.poll(indexed, eventually).toBe("");
  await conversations.restoreConversation({ conversationId: one });
  await expect.poll(indexed, eventually).toBe("Az");
  second.kill("SIGKILL");
  await once(second, "close");
  await index.end();
});
