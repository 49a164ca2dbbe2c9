// R16: whatever a store holds, an export of it, imported elsewhere and exported again, is equal, while writers write.
import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CallType, type ConversationSchema, ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { MessageRole, type MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { ALL_KINDS, randomParts } from "../support/random/random-parts.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

/** How many stores are made; `ROUND_TRIPS` says another number. */
const STORES = Number(process.env.ROUND_TRIPS ?? 8);
const STEPS = 60;
const MEMBERS = ["ann", "bob", "auth0|7", "ü\u{1F600}"];

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ purgeAfterDays: 30 });
});
afterAll(() => server.close());

/** The same numbers for the same seed. */
function random(seed: number) {
  let state = seed * 2_654_435_761;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * most);
  };
  return { below, of: <T>(items: readonly T[]): T | undefined => items[below(items.length)] };
}
type Random = ReturnType<typeof random>;

const TEXTS = ["x", 'a\u0001\u0007\t\n"\\', "ü\u{1F600}\u2028", "long ".repeat(30_000), "\u0002".repeat(9_000), "0"];
const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
const METADATA = [
  {},
  { a: [1, null, true, { b: -0.5 }] },
  { n: 1e308, m: -5e-324 },
  { t: "x".repeat(16_000) },
  deep(30),
];
const TIMES = [0n, -62_135_596_800n, 253_402_300_799n, 1_700_000_000n].map((seconds) => ({
  seconds,
  nanos: 7_000_000,
}));

const REACTIONS = ["\u{1F44D}", "e\u0301", "ok", "<b>", "\u{1F468}\u200d\u{1F469}\u200d\u{1F467}"];
const PARTS = fc.sample(randomParts(4), { seed: 1, numRuns: 100 });

interface Scene {
  readonly tenant: TestTenant;
  readonly conversations: string[];
  readonly messages: string[];
}

/** One call that may change something. It may be refused, for it knows nothing of what is there. */
async function step({ tenant, conversations, messages }: Scene, { below, of }: Random): Promise<void> {
  const as: Clients = below(3) === 0 ? tenant.key() : tenant.member(of(MEMBERS) ?? "", "admin");
  const conversationId = of(conversations) ?? newId();
  const messageId = of(messages) ?? newId();
  const draft = (): MessageInitShape<typeof MessageSchema> => ({
    ...{ content: of(TEXTS) ?? "x", role: of([MessageRole.USER, MessageRole.ASSISTANT, MessageRole.TOOL]) ?? 1 },
    ...(below(2) && { metadata: (of(METADATA) ?? {}) as never }),
    ...(below(3) === 0 && { clientTime: of(TIMES) as never }),
    ...(below(3) === 0 && { replyTo: messageId, mentions: [of(MEMBERS) ?? ""] }),
    ...(below(3) === 0 && { content: "", parts: of(PARTS) ?? [], kind: of(ALL_KINDS) ?? 0 }),
  });
  const conversation = (): MessageInitShape<typeof ConversationSchema> => ({
    ...{ title: of(["", "T", "ü".repeat(500)]) ?? "", mode: of(["", "m"]) ?? "", pinned: below(2) === 1 },
    ...{ maxContextLength: 1 + below(1000), callType: below(4) as CallType, agent: of(["", "x"]) ?? "" },
    ...{ metadata: (of(METADATA) ?? {}) as never, persona: (of(METADATA) ?? {}) as never },
    ...(below(2) && { entityType: "order", entityId: "7" }),
    ...(below(2) && { labels: { "a.b": of(["", "ü"]) ?? "", team: "x" } }),
  });
  switch (conversations.length < 2 ? 0 : below(20)) {
    case 0: {
      const request = { conversation: conversation(), messages: [draft(), draft()], participantIds: ["bob"] };
      const made = await as.conversations.createConversation(request);
      const id = made.conversation?.id ?? "";
      conversations.push(id);
      const { messages: sent } = await tenant.key().messages.listMessages({ conversationId: id });
      messages.push(...sent.map((message) => message.id));
      return;
    }
    case 1:
      return void (await as.messages.deleteMessage({ messageId }));
    case 2:
      return void (await as.messages.restoreMessage({ messageId }));
    case 3:
      return void (await as.participants.addParticipants({ conversationId, memberIds: [of(MEMBERS) ?? ""] }));
    case 4:
      return void (await as.participants.removeParticipant({ conversationId, memberId: of(MEMBERS) ?? "" }));
    case 5:
      return void (await as.participants.markRead({ conversationId, readSeq: BigInt(below(9)) }));
    case 6: {
      const status = of([ConversationStatus.ACTIVE, ConversationStatus.ARCHIVED, ConversationStatus.CLOSED]) ?? 1;
      const change = { ...conversation(), status, ownerId: of(MEMBERS) ?? "" };
      return void (await as.conversations.updateConversation({ conversationId, conversation: change }));
    }
    case 7:
      return void (await as.conversations.assignConversationNumbers({ conversationIds: [conversationId] }));
    case 8:
      return void (await (below(3)
        ? as.conversations.restoreConversation({ conversationId })
        : as.conversations.deleteConversation({ conversationId })));
    case 9:
      return void (await (below(2)
        ? as.messages.deleteAllMessages({ conversationId })
        : as.messages.restoreAllMessages({ conversationId })));
    case 10:
    case 11:
      return void (await as.messages.updateMessage({ messageId, message: draft() }));
    case 12:
    case 13:
      return void (await as.reactions.addReaction({ messageId, reaction: of(REACTIONS) ?? "" }));
    case 14:
      return void (await as.reactions.removeReaction({ messageId, reaction: of(REACTIONS) ?? "" }));
    case 15:
      return void (await as.messages.selectBranch({ conversationId, messageId }));
    case 16: {
      const { conversation: forked } = await as.conversations.forkConversation({
        conversationId,
        seq: BigInt(below(6)),
        conversation: conversation(),
      });
      return void conversations.push(forked?.id ?? "");
    }
    default: {
      // What an unknown or another conversation's message begins is refused; else it begins a branch.
      const parentId = below(3) === 0 ? messageId : "";
      const sent = await as.messages.sendMessage({ conversationId, message: { ...draft(), parentId } });
      messages.push(sent.message?.id ?? "");
    }
  }
}

async function steps(scene: Scene, dice: Random, count: number): Promise<number> {
  let done = 0;
  for (let n = 0; n < count; n++) {
    await step(scene, dice).then(
      () => done++,
      () => {},
    );
  }
  return done;
}

/** What a line may hold beside words, and how many lines of all stores did. */
const HELD: Record<string, number> = Object.fromEntries(
  [
    "parts",
    "parentId",
    "replyTo",
    "mentions",
    "reactions",
    "labels",
    "readSeq",
    "revisions",
    "deleteTime",
    "origin",
  ].map((name) => [name, 0]),
);

test.each(Array.from({ length: STORES }, (_, n) => n + 1))(
  "A6, F-EXPORT-IMPORTABLE: store %i comes back equal, though it changes while it is exported",
  async (seed) => {
    const dice = random(seed);
    const scene: Scene = { tenant: await server.tenant(...MEMBERS), conversations: [], messages: [] };
    await scene.tenant.addMembers({ lea: { role: "lead" } });
    expect(await steps(scene, dice, STEPS)).toBeGreaterThan(STEPS / 6);
    let writing = true;
    const writer = (async () => {
      const other = random(seed + 1_000_000);
      while (writing) await steps(scene, other, 1);
    })();
    const key = scene.tenant.key();
    const lines = await exported(key);
    const again = await exported(key);
    writing = false;
    await writer;
    for (const name of Object.keys(HELD)) {
      HELD[name] = (HELD[name] ?? 0) + lines.filter((line) => line.includes(`"${name}":`)).length;
    }
    // By turns: the second export is of what has changed meanwhile.
    for (const one of seed % 2 === 0 ? [lines] : [again]) {
      const copy = await server.tenant();
      const answer = await imported(copy.key(), one, { pieceBytes: 1 + dice.below(100_000) });
      expect(answer.errors).toEqual([]);
      const back = (await exported(copy.key())).map((line) => line.replaceAll(copy.id, scene.tenant.id));
      expect(back).toEqual(one);
      expect(await imported(copy.key(), one)).toMatchObject({ skippedCount: BigInt(one.length), errors: [] });
    }
  },
  60_000,
);

test("A6: the stores that came back held something of each kind", () => {
  for (const [name, lines] of Object.entries(HELD)) expect(lines, name).toBeGreaterThan(0);
});
