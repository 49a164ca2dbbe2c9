// Followers of logs in which nothing happens.
import { expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import * as log from "../../src/store/log/statements.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";

const FOLLOWED = 40;

test("A11: quiet logs are looked at together, whatever their number, and growth comes all the same", async () => {
  const sent: string[] = [];
  await using server = await startIdentityServer({ onStatement: (text) => sent.push(text) });
  const tenant = await server.tenant();
  const ann = await tenant.token("ann");
  const conversations = server.client(ConversationService, ann);
  const messages = server.client(MessageService, ann);
  const closing = new AbortController();
  const ids: string[] = [];
  const followers: AsyncIterator<{ event?: unknown }>[] = [];
  const begin = async () => {
    const { conversation } = await conversations.createConversation({ conversation: {} });
    const conversationId = conversation?.id ?? "";
    await messages.sendMessage({ conversationId, message: { content: "first" } });
    const follower = server
      .client(EventService, ann)
      .subscribe({ conversationId }, { signal: closing.signal })
      [Symbol.asyncIterator]();
    expect((await follower.next()).value).toMatchObject({ event: expect.anything() });
    ids.push(conversationId);
    followers.push(follower);
  };
  await Promise.all(Array.from({ length: FOLLOWED }, begin));
  const looks = () => sent.filter((text) => text === log.readEnds.text).length;
  const before = looks();
  await expect.poll(looks).toBeGreaterThan(before + 1);
  sent.length = 0;
  await expect.poll(looks).toBeGreaterThanOrEqual(3);
  // One look for each log would be this many in one round.
  expect(looks()).toBeLessThan(FOLLOWED);
  await expect.poll(() => sent.includes(log.readVisible.member.text)).toBe(true);
  const reads: string[] = Object.values(log.readLog).map(({ text }) => text);
  expect(sent.filter((text) => reads.includes(text))).toEqual([]);
  const grown = followers[FOLLOWED - 1]?.next();
  await messages.sendMessage({ conversationId: ids.at(-1) ?? "", message: { content: "second" } });
  expect((await grown)?.value).toMatchObject({ event: expect.anything() });
  closing.abort();
});
