// BatchListMessages: the messages of many conversations at once.
import { toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchListMessagesResponseSchema } from "../../gen/colloquy/v1/message_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function create(clients: Clients, ...contents: string[]): Promise<string> {
  const messages = contents.map((content) => ({ content }));
  return (await clients.conversations.createConversation({ messages })).conversation!.id;
}

interface Answer {
  conversations: readonly { conversationId: string; messages: readonly { content: string }[] }[];
}
const texts = ({ conversations }: Answer) =>
  conversations.map(({ conversationId, messages }) => [conversationId, messages.map((m) => m.content).join(" ")]);

describe("the messages of many conversations", () => {
  test("come in the order asked for, oldest first in each, and equal to what ListMessages answers", async () => {
    const ada = (await server.tenant("ada")).member("ada");
    const [a, b, empty] = [await create(ada, "1", "2", "3"), await create(ada, "4", "5"), await create(ada)];
    const answer = await ada.messages.batchListMessages({ conversationIds: [b, empty, a, b.toUpperCase()] });
    expect(texts(answer)).toEqual([
      [b, "4 5"],
      [empty, ""],
      [a, "1 2 3"],
    ]);
    expect([answer.missingIds, answer.remainingIds, answer.nextAfterSeq]).toEqual([[], [], 0n]);
    const { messages } = await ada.messages.listMessages({ conversationId: a });
    expect(answer.conversations[2]?.messages).toEqual(messages);
  });

  test("can be only the latest of each, without deleted ones", async () => {
    const ada = (await server.tenant("ada")).member("ada");
    const [a, b] = [await create(ada, "1", "2", "3", "4"), await create(ada, "5")];
    const { messages } = await ada.messages.listMessages({ conversationId: a });
    await ada.messages.deleteMessage({ messageId: messages[2]!.id });
    const answer = await ada.messages.batchListMessages({ conversationIds: [a, b], latest: 2 });
    expect(texts(answer)).toEqual([
      [a, "2 4"],
      [b, "5"],
    ]);
  });

  test("leave out, and name, what does not exist, is deleted or may not be seen", async () => {
    const tenant = await server.tenant("ada", "bob");
    const [ada, bob] = [tenant.member("ada"), tenant.member("bob")];
    const [hers, his, deleted] = [await create(ada, "a"), await create(bob, "b"), await create(bob, "c")];
    await bob.conversations.deleteConversation({ conversationId: deleted });
    const unknown = newId();
    const answer = await bob.messages.batchListMessages({ conversationIds: [hers, unknown, "x", his, deleted] });
    expect(texts(answer)).toEqual([[his, "b"]]);
    expect(answer.missingIds).toEqual([hers, unknown, "x", deleted]);
  });

  test("are answered in whole conversations up to the limit, and go on from there", async () => {
    const ada = (await server.tenant("ada")).member("ada");
    const ids = [await create(ada, "1", "2"), await create(ada, "3"), await create(ada), await create(ada, "4", "5")];
    const first = await ada.messages.batchListMessages({ conversationIds: ids, maxMessages: 4 });
    expect(texts(first).map(([, text]) => text)).toEqual(["1 2", "3", ""]);
    expect([first.remainingIds, first.nextAfterSeq]).toEqual([[ids[3]], 0n]);
    const next = await ada.messages.batchListMessages({ conversationIds: first.remainingIds, maxMessages: 4 });
    expect([texts(next), next.remainingIds]).toEqual([[[ids[3], "4 5"]], []]);
    const exact = await ada.messages.batchListMessages({ conversationIds: ids, maxMessages: 5 });
    expect(exact.remainingIds).toEqual([]);
  });

  test("of a conversation that is longer than the limit come in parts", async () => {
    const ada = (await server.tenant("ada")).member("ada");
    const [long, short] = [await create(ada, "1", "2", "3", "4", "5"), await create(ada, "6")];
    const parts: string[] = [];
    let request = { conversationIds: [long, short], maxMessages: 2, afterSeq: 0n };
    for (let i = 0; request.conversationIds.length > 0 && i < 9; i++) {
      const answer = await ada.messages.batchListMessages(request);
      parts.push(
        texts(answer)
          .map(([id, text]) => `${id === long ? "long" : "short"} ${text}`)
          .join(", "),
      );
      request = { ...request, conversationIds: answer.remainingIds, afterSeq: answer.nextAfterSeq };
    }
    expect(parts).toEqual(["long 1 2", "long 3 4", "long 5, short 6"]);
  });

  test("end where the text gets too large, without losing any", async () => {
    const ada = (await server.tenant("ada")).member("ada");
    const big = "x".repeat(250_000);
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) ids.push(await create(ada, ...Array.from({ length: 15 }, () => big)));
    let request = { conversationIds: ids, afterSeq: 0n };
    const read: string[] = [];
    for (let calls = 0; request.conversationIds.length > 0 && calls < 30; calls++) {
      const answer = await ada.messages.batchListMessages(request);
      // Clients of gRPC take messages of 4 MiB.
      expect(toBinary(BatchListMessagesResponseSchema, answer).length).toBeLessThan(4 << 20);
      for (const { conversationId, messages } of answer.conversations) read.push(...messages.map(() => conversationId));
      request = { conversationIds: answer.remainingIds, afterSeq: answer.nextAfterSeq };
    }
    expect(read).toEqual(ids.flatMap((id) => Array.from({ length: 15 }, () => id)));
  });
});
