// Following logs over a real socket and a real database: every entry once, in order, for those who may see it.
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Event } from "../../gen/colloquy/v1/event_pb.ts";
import type { SubscribeRequest, SubscribeResponse } from "../../gen/colloquy/v1/event_service_pb.ts";
import { EventService, SubscribeRequestSchema } from "../../gen/colloquy/v1/event_service_pb.ts";
import { callerFrom } from "../../src/domain/identity/caller.ts";
import { createFeedTails } from "../../src/live/followers/feed-tail.ts";
import { followFeed, MAX_SEQ } from "../../src/live/followers/follow-feed.ts";
import { followLog } from "../../src/live/followers/follow-log.ts";
import { createLogTails } from "../../src/live/followers/log-tail.ts";
import { Rights } from "../../src/live/followers/rights.ts";
import type { Database } from "../../src/store/database.ts";
import { overloaded } from "../../src/store/driver/errors.ts";
import { frame } from "../support/calls/raw-call.ts";
import { failureOf } from "../support/failure.ts";
import { STREAM_LANE } from "../support/servers/echo-server.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

interface Reader {
  /** The next answers with an entry. */
  next(count?: number): Promise<SubscribeResponse[]>;
  /** The next answer, whatever it holds; undefined: the stream has ended. */
  any(): Promise<SubscribeResponse | undefined>;
  close(): void;
}

function follow(clients: Clients, request: Partial<Pick<SubscribeRequest, "conversationId" | "afterSeq" | "cursor">>) {
  const controller = new AbortController();
  const stream = clients.events.subscribe(request, { signal: controller.signal })[Symbol.asyncIterator]();
  const any = async () => {
    const { value, done } = await stream.next();
    return done ? undefined : value;
  };
  const reader: Reader = {
    any,
    async next(count = 1) {
      const answers: SubscribeResponse[] = [];
      while (answers.length < count) {
        const answer = await any();
        if (answer === undefined) break;
        if (answer.event) answers.push(answer);
      }
      return answers;
    },
    close: () => controller.abort(),
  };
  return reader;
}

async function open(clients: Clients, participantIds: string[] = []): Promise<string> {
  const { conversation } = await clients.conversations.createConversation({ participantIds });
  return conversation?.id ?? "";
}

const send = (clients: Clients, conversationId: string, content: string) =>
  clients.messages.sendMessage({ conversationId, message: { content } });
const kinds = (answers: SubscribeResponse[]) => answers.map(({ event }) => event?.change.case);
const texts = (answers: SubscribeResponse[]) => answers.map(({ event }) => textOf(event));
const textOf = (event: Event | undefined) =>
  event?.change.case === "messageSent" ? event.change.value.content : event?.change.case;

describe("a conversation's log", () => {
  test("is given from the beginning, then as it grows: every kind of entry, in order, as ListEvents tells it", async () => {
    const tenant = await server.tenant("alice", "bob");
    const [alice, bob] = [tenant.member("alice"), tenant.member("bob")];
    const conversationId = await open(alice);
    const { message } = await send(alice, conversationId, "one");
    const reader = follow(alice, { conversationId });
    expect(kinds(await reader.next(2))).toEqual(["participantAdded", "messageSent"]);

    const messageId = message?.id ?? "";
    await alice.messages.updateMessage({ messageId, message: { content: "two" } });
    await alice.messages.deleteMessage({ messageId });
    await alice.messages.restoreMessage({ messageId });
    await alice.participants.addParticipants({ conversationId, memberIds: ["bob"] });
    await bob.participants.markRead({ conversationId });
    await alice.messages.deleteAllMessages({ conversationId });
    await alice.messages.restoreAllMessages({ conversationId });
    await alice.conversations.updateConversation({ conversationId, conversation: { title: "T" } });
    await alice.participants.removeParticipant({ conversationId, memberId: "bob" });
    const rest = await reader.next(9);
    expect(kinds(rest)).toEqual([
      ...["messageEdited", "messageDeleted", "messageRestored", "participantAdded", "readMarked"],
      ...["allMessagesDeleted", "allMessagesRestored", "conversationUpdated", "participantRemoved"],
    ]);
    expect(rest.map(({ event, cursor }) => [event?.seq, cursor])).toEqual(
      [3, 4, 5, 6, 7, 8, 9, 10, 11].map((seq) => [BigInt(seq), String(seq)]),
    );
    const { events } = await alice.events.listEvents({ conversationId, afterSeq: 2n });
    // Messages stand in both as they are when they are read, so what happened to one later is left out.
    const told = (event: Event | undefined) => [event?.seq, event?.actor, event?.createTime, event?.change.case];
    expect(rest.map(({ event }) => told(event))).toEqual(events.map(told));
    reader.close();
  });

  test("refuses a place and a cursor past the end of the log, which would hide what comes before", async () => {
    const alice = (await server.tenant("alice")).member("alice");
    const conversationId = await open(alice);
    const end = (await alice.events.listEvents({ conversationId, pageSize: 200 })).events.at(-1)?.seq ?? 0n;
    for (const [request, message] of [
      [{ afterSeq: end + 1n }, `after_seq: must be at most the conversation's last seq, ${end}`],
      [{ cursor: String(end + 1n) }, "cursor: is not a cursor of this tenant; begin again without it"],
      [{ cursor: "9223372036854775807" }, "cursor: is not a cursor of this tenant; begin again without it"],
    ] as const) {
      expect(await failureOf(follow(alice, { conversationId, ...request }).any())).toMatchObject({
        reason: "INVALID_FIELD",
        message: expect.stringContaining(message),
      });
    }
    const reader = follow(alice, { conversationId, cursor: String(end) });
    await send(alice, conversationId, "next");
    expect(texts(await reader.next())).toEqual(["next"]);
    reader.close();
  });

  test("goes on after a place or a cursor, of which the cursor wins", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const conversationId = await open(alice);
    for (const text of ["a", "b", "c"]) await send(alice, conversationId, text);
    const after = follow(alice, { conversationId, afterSeq: 2n });
    expect(texts(await after.next(2))).toEqual(["b", "c"]);
    const cursor = follow(alice, { conversationId, afterSeq: 1n, cursor: "3" });
    expect(texts(await cursor.next())).toEqual(["c"]);
    const end = follow(alice, { conversationId, afterSeq: 4n });
    await send(alice, conversationId, "d");
    expect(texts(await end.next())).toEqual(["d"]);
    for (const reader of [after, cursor, end]) reader.close();
  });

  test("is not given to whom may not see it, and not when it is deleted", async () => {
    const tenant = await server.tenant("alice", "bob");
    const alice = tenant.member("alice");
    const conversationId = await open(alice);
    const refused = { code: "NotFound", reason: "NOT_FOUND", message: "conversation not found" };
    expect(await failureOf(follow(tenant.member("bob"), { conversationId }).any())).toEqual(refused);
    expect(await failureOf(follow(alice, { conversationId: "no-such" }).any())).toEqual(refused);
    await alice.conversations.deleteConversation({ conversationId });
    expect(await failureOf(follow(alice, { conversationId }).any())).toEqual(refused);
    expect(await failureOf(follow(alice, { conversationId, cursor: "1.1" }).any())).toMatchObject({
      reason: "INVALID_FIELD",
    });
  });

  test("ends for whom is removed, with nothing of what came after", async () => {
    const tenant = await server.tenant("alice", "bob");
    const [alice, bob] = [tenant.member("alice"), tenant.member("bob")];
    const conversationId = await open(alice, ["bob"]);
    const reader = follow(bob, { conversationId });
    expect(kinds(await reader.next(2))).toEqual(["participantAdded", "participantAdded"]);
    await send(alice, conversationId, "for both");
    expect(texts(await reader.next())).toEqual(["for both"]);
    await alice.participants.removeParticipant({ conversationId, memberId: "bob" });
    await send(alice, conversationId, "for alice");
    expect(await failureOf(reader.any())).toMatchObject({ reason: "NOT_FOUND" });
  });

  test("ends with its deletion", async () => {
    const alice = (await server.tenant("alice")).member("alice");
    const conversationId = await open(alice);
    const reader = follow(alice, { conversationId });
    await reader.next();
    const waiting = reader.any();
    await alice.conversations.deleteConversation({ conversationId });
    expect((await waiting)?.event?.change.case).toBe("conversationDeleted");
    expect(await failureOf(reader.any())).toMatchObject({ reason: "NOT_FOUND" });
  });

  test("is given to many at once, each at its own pace", async () => {
    const alice = (await server.tenant("alice")).member("alice");
    const conversationId = await open(alice);
    const readers = Array.from({ length: 20 }, () => follow(alice, { conversationId, afterSeq: 1n }));
    const [slow, ...fast] = readers as [Reader, ...Reader[]];
    const all = Promise.all(fast.map((reader) => reader.next(1_200)));
    const sent: string[] = [];
    for (let batch = 0; batch < 12; batch++) {
      const messages = Array.from({ length: 100 }, (_, index) => ({ content: `${batch}/${index}` }));
      sent.push(...messages.map(({ content }) => content));
      await alice.messages.batchSendMessages({ conversationId, messages });
    }
    for (const heard of await all) expect(texts(heard)).toEqual(sent);
    // It has fallen behind what is kept for those at the end, and reads the rest by itself.
    expect(texts(await slow.next(1_200))).toEqual(sent);
    for (const reader of readers) reader.close();
  });

  test("is given whole to those who want it compressed, short entries and long ones in order", async () => {
    const alice = (await server.tenant("alice")).member("alice");
    const conversationId = await open(alice);
    // Clients in Node ask for compression, which only pays for what is long.
    const readers = Array.from({ length: 5 }, () => follow(alice, { conversationId, afterSeq: 1n }));
    const all = Promise.all(readers.map((reader) => reader.next(40)));
    const contents = Array.from({ length: 40 }, (_, index) => `${index} `.repeat(index % 3 === 0 ? 2_000 : 1));
    for (let sent = 0; sent < contents.length; sent += 5) {
      const messages = contents.slice(sent, sent + 5).map((content) => ({ content }));
      await alice.messages.batchSendMessages({ conversationId, messages });
    }
    for (const heard of await all) expect(texts(heard)).toEqual(contents);
    for (const reader of readers) reader.close();
  });

  test("costs bounded memory for readers that do not read, and is theirs in full once they do", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const conversationId = await open(alice);
    const body = Buffer.from(JSON.stringify({ conversationId }));
    const envelope = Buffer.alloc(5);
    envelope.writeUInt32BE(body.length, 1);
    const principal = { kind: "member", tenantId: tenant.id, memberId: "alice", role: "member" };
    const { port } = new URL(server.url);
    const head = [
      "POST /colloquy.v1.EventService/Subscribe HTTP/1.1",
      `Host: 127.0.0.1:${port}`,
      "Content-Type: application/connect+json",
      "Connect-Protocol-Version: 1",
      `X-Test-Principal: ${JSON.stringify(principal)}`,
      `Content-Length: ${envelope.length + body.length}`,
    ];
    const sockets = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const socket = connect(Number(port), "127.0.0.1");
        socket.on("error", () => {});
        socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), envelope, body]));
        // The stream has begun, and from here on nobody reads.
        await once(socket, "readable");
        return socket;
      }),
    );
    const before = memory();
    const content = "x".repeat(32_000);
    const COUNT = 600;
    for (let sent = 0; sent < COUNT; sent += 100) {
      const messages = Array.from({ length: 100 }, (_, index) => ({ content: `${sent + index} ${content}` }));
      await alice.messages.batchSendMessages({ conversationId, messages });
    }
    // These 20 MB, kept for each of them, would be 600 MB.
    expect(memory() - before).toBeLessThan(150_000_000);
    const [one] = sockets;
    let next = 0;
    let text = "";
    for await (const chunk of one ?? []) {
      text += (chunk as Buffer).toString("latin1");
      for (let mark = `"content":"${next} x`; text.includes(mark); mark = `"content":"${++next} x`) {
        text = text.slice(text.indexOf(mark) + mark.length);
      }
      if (next === COUNT) break;
    }
    expect(next).toBe(COUNT);
    for (const socket of sockets) socket.destroy();
  });
});

describe.runIf(STREAM_LANE)("a stream that stands says so by its headers, though it has nothing to tell", () => {
  const path = "/colloquy.v1.EventService/Subscribe";

  async function prepare(type: string) {
    const tenant = await server.tenant("alice");
    const conversationId = await open(tenant.member("alice"));
    const principal = { kind: "member", tenantId: tenant.id, memberId: "alice", role: "member" };
    const headers = { "content-type": type, "x-test-principal": JSON.stringify(principal) };
    const message = toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { conversationId, afterSeq: 1n }));
    return { headers, body: frame(message) };
  }

  test.each(["application/connect+proto", "application/grpc-web"])("over HTTP/1.1, %s", async (type) => {
    const { headers, body } = await prepare(type);
    const call = request(server.url, { method: "POST", path, headers });
    call.on("error", () => {});
    call.end(body);
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    expect([answer.statusCode, answer.headers["content-type"]?.split("+")[0]]).toEqual([200, type.split("+")[0]]);
    call.destroy();
  });

  test.each(["application/connect+proto", "application/grpc"])("over HTTP/2, %s", async (type) => {
    const { headers, body } = await prepare(type);
    const session = connectHttp2(server.url);
    const call = session.request({ ":method": "POST", ":path": path, ...headers });
    call.end(body);
    const [answer] = (await once(call, "response")) as [IncomingHttpHeaders & { ":status"?: number }];
    expect(answer[":status"]).toBe(200);
    session.destroy();
  });
});

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe("all conversations", () => {
  test("are followed from now on, those of one's own only, with a cursor to go on from", async () => {
    const tenant = await server.tenant("alice", "bob");
    const [alice, bob] = [tenant.member("alice"), tenant.member("bob")];
    const before = await open(alice, ["bob"]);
    await send(alice, before, "long ago");
    const reader = follow(bob, {});
    const first = await reader.any();
    expect(first?.event).toBeUndefined();
    const ofAlice = follow(alice, {});
    await ofAlice.any();

    await send(alice, before, "to both");
    const own = await open(alice);
    await send(alice, own, "to alice");
    // The feed has no order of its own between conversations that grow at once.
    expect(texts(await ofAlice.next(3)).toSorted()).toEqual(["participantAdded", "to alice", "to both"]);
    ofAlice.close();
    await send(alice, before, "again");
    const heard = await reader.next(2);
    expect(texts(heard)).toEqual(["to both", "again"]);
    reader.close();

    const replay = follow(bob, { cursor: first?.cursor ?? "" });
    expect(texts(await replay.next(2))).toEqual(["to both", "again"]);
    replay.close();
    await send(alice, before, "while away");
    await alice.participants.addParticipants({ conversationId: own, memberIds: ["bob"] });
    await send(alice, own, "welcome");
    const resumed = follow(bob, { cursor: heard.at(-1)?.cursor ?? "" });
    expect(texts(await resumed.next(3))).toEqual(["while away", "participantAdded", "welcome"]);
    resumed.close();
  });

  test("are followed by a manager with its subordinates', and by a key with the whole tenant's", async () => {
    const tenant = await server.tenant("carol");
    await tenant.addMembers({ mona: { role: "manager" }, sam: { manager: "mona" } });
    const readers = [follow(tenant.member("mona", "manager"), {}), follow(tenant.key(), {})] as const;
    await Promise.all(readers.map((reader) => reader.any()));
    const carol = await open(tenant.member("carol"));
    const sam = await open(tenant.member("sam"));
    const idsOf = (answers: SubscribeResponse[]) => answers.map(({ event }) => event?.conversationId);
    expect(idsOf(await readers[0].next())).toEqual([sam]);
    expect(idsOf(await readers[1].next(2))).toEqual([carol, sam]);
    for (const reader of readers) reader.close();
  });

  test("one that is left is heard of no more", async () => {
    const tenant = await server.tenant("alice", "bob");
    const [alice, bob] = [tenant.member("alice"), tenant.member("bob")];
    const [one, other] = [await open(alice, ["bob"]), await open(alice, ["bob"])];
    const reader = follow(bob, {});
    await reader.any();
    await alice.participants.removeParticipant({ conversationId: one, memberId: "bob" });
    await send(alice, one, "secret");
    await send(alice, other, "open");
    expect(texts(await reader.next())).toEqual(["open"]);
    reader.close();
  });

  test("a cursor that was not given out is refused", async () => {
    const alice = (await server.tenant("alice")).member("alice");
    for (const cursor of ["99999", "7.7", "x", "1.2.3", "9999999999999999999"]) {
      expect(await failureOf(follow(alice, { cursor }).any())).toMatchObject({ reason: "INVALID_FIELD" });
    }
    expect(await failureOf(follow(alice, { afterSeq: 1n }).any())).toMatchObject({ reason: "INVALID_FIELD" });
  });
});

test("a slow reader of all conversations is asked for its right again between two of them", async () => {
  const tenant = await server.tenant("alice");
  const alice = tenant.member("alice");
  const caller = callerFrom({ kind: "member", tenantId: tenant.id, memberId: "alice", role: "member" });
  const begin = follow(alice, {});
  const from = { position: BigInt((await begin.any())?.cursor ?? ""), seq: MAX_SEQ };
  await Promise.all([open(alice), open(alice), open(alice)]);
  await begin.next(3);
  begin.close();

  let asked = 0;
  const ask = async () => {
    if (asked++ > 0) throw new Error("the right has ended");
    return caller;
  };
  const feeds = createFeedTails(server.database, server.hints);
  const signal = new AbortController().signal;
  const steps = followFeed({ database: server.database, feeds }, ask, from, 1_000, signal)[Symbol.asyncIterator]();
  await steps.next();
  expect((await steps.next()).value?.item).toBeDefined();
  const now = performance.now.bind(performance);
  const late = vi.spyOn(performance, "now").mockImplementation(() => now() + 6_000);
  await expect(steps.next()).rejects.toThrow("the right has ended");
  late.mockRestore();
});

test("a reader under way waits for a database that has no room for a moment, and misses nothing", async () => {
  const tenant = await server.tenant("alice", "bob");
  const alice = tenant.member("alice");
  const conversationId = await open(alice);
  let busy = 0;
  const query: Database["query"] = (...parts) =>
    busy-- > 0 ? Promise.reject(overloaded("busy")) : server.database.query(...parts);
  const database = { query } as Database;
  const caller = callerFrom({ kind: "member", tenantId: tenant.id, memberId: "alice", role: "member" });
  const ask = async () => caller;
  const { signal } = new AbortController();
  const tails = createLogTails(server.database, server.hints);
  const rights = new Rights(database);
  const log = followLog({ database, tails, rights }, ask, conversationId, 0n, 1_000, signal)[Symbol.asyncIterator]();
  await send(alice, conversationId, "one");
  const heard: (bigint | undefined)[] = [];
  const read = async () => void heard.push((await log.next()).value?.seq);
  await read();
  busy = 3;
  // Of who takes part the log says so itself, so the right to read it is asked for again.
  await alice.participants.addParticipants({ conversationId, memberIds: ["bob"] });
  await send(alice, conversationId, "two");
  while (heard.length < 4) await read();
  expect(heard).toEqual([1n, 2n, 3n, 4n]);
  expect(busy).toBeLessThanOrEqual(0);
  await log.return?.();

  const feeds = createFeedTails(server.database, server.hints);
  const feed = followFeed({ database, feeds }, ask, undefined, 60_000, signal)[Symbol.asyncIterator]();
  await feed.next();
  busy = 3;
  await send(alice, conversationId, "three");
  expect((await feed.next()).value?.item?.entry).toMatchObject({ content: "three" });
  expect(busy).toBeLessThanOrEqual(0);
  await feed.return?.();
});

test("what hints name is told while all logs of the tenant are still being looked through", async () => {
  const tenant = await server.tenant("alice");
  const alice = tenant.member("alice");
  const conversationId = await open(alice);
  const looking = Promise.withResolvers<void>();
  const found = Promise.withResolvers<void>();
  const query: Database["query"] = async (statement, ...rest) => {
    if (statement.name === "feed_grown") {
      looking.resolve();
      await found.promise;
    }
    return server.database.query(statement, ...rest);
  };
  const database = { query, transaction: server.database.transaction.bind(server.database) } as Database;
  const tail = await createFeedTails(database, server.hints).join(tenant.id);
  const { signal } = new AbortController();
  const grown = tail.grown(60_000, signal);
  await looking.promise;
  const { position } = tail;
  await send(alice, conversationId, "meanwhile");
  await grown;
  expect(tail.position).toBeGreaterThan(position);
  // What no hint has named is found by the look.
  const next = tail.grown(60_000, signal);
  const text = "update conversation set last_seq = last_seq + 1 where tenant_id = $1 and id = $2";
  await server.database.query({ name: "subscribe_grow", text, changes: true }, [tenant.id, conversationId]);
  const before = tail.position;
  found.resolve();
  await next;
  expect(tail.position).toBeGreaterThan(before);
  tail.leave();
});

test("a reader who asks for what comes far beyond the log's end costs the others nothing", async () => {
  const tenant = await server.tenant("alice");
  const alice = tenant.member("alice");
  const conversationId = await open(alice);
  let reads = 0;
  const query: Database["query"] = (...parts) => {
    reads++;
    return server.database.query(...parts);
  };
  const database = { query } as Database;
  const caller = callerFrom({ kind: "member", tenantId: tenant.id, memberId: "alice", role: "member" });
  const tails = createLogTails(server.database, server.hints);
  const controller = new AbortController();
  const followFrom = (seq: bigint) =>
    followLog(
      { database, tails, rights: new Rights(database) },
      async () => caller,
      conversationId,
      seq,
      200,
      controller.signal,
    )[Symbol.asyncIterator]();
  const beyond = followFrom(1_000n);
  expect((await beyond.next()).value).toBeUndefined();
  const atItsEnd = followFrom(1n);
  reads = 0;
  // A sign of life says that it has waited.
  expect((await atItsEnd.next()).value).toBeUndefined();
  expect(reads).toBeLessThanOrEqual(2);
  await send(alice, conversationId, "one");
  expect((await atItsEnd.next()).value?.content).toBe("one");
  controller.abort();
});

describe("within seconds, though no log says so,", () => {
  test("a manager reads no more of whom it manages no more", async () => {
    const tenant = await server.tenant();
    await tenant.addMembers({ mia: { role: "manager" } });
    await tenant.addMembers({ sam: { manager: "mia" } });
    const [mia, sam] = [tenant.member("mia", "manager"), tenant.member("sam")];
    const conversationId = await open(sam);
    const reader = follow(mia, { conversationId });
    await reader.next();
    const text = "update member set manager_id = null where tenant_id = $1 and id = 'sam'";
    await server.database.query({ name: "test_unmanage", text }, [tenant.id]);
    expect(await failureOf(reader.any())).toMatchObject({ reason: "NOT_FOUND" });
  });

  test("the streams of a credential that has ended end", async () => {
    await using identity = await startIdentityServer();
    const tenant = await identity.tenant();
    const admin = (await tenant.key("read", "write", "admin")).credential;
    const { conversation } = await identity.client(ConversationService, admin).createConversation({});
    const key = await tenant.key("read");
    const clients = { events: identity.client(EventService, key.credential) } as Clients;
    const [one, all] = [follow(clients, { conversationId: conversation?.id ?? "" }), follow(clients, {})];
    await all.any();
    const failures = [failureOf(one.any()), failureOf(all.any())];
    await identity.client(AccessService, admin).revokeApiKey({ apiKeyId: key.id });
    for (const failure of failures) expect(await failure).toMatchObject({ reason: "CREDENTIAL_INVALID" });
  });
});
