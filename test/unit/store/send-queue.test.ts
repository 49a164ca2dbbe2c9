// Sends that meet: they go together, and each has the outcome that it would have had alone.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { type Caller, callerFrom } from "../../../src/domain/identity/caller.ts";
import type { Role } from "../../../src/domain/identity/principal.ts";
import { newId, newIds } from "../../../src/domain/ids/id.ts";
import type { Database } from "../../../src/store/database.ts";
import { SendQueue } from "../../../src/store/messages/send-batcher.ts";
import type { Send } from "../../../src/store/messages/sends.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

let own: TestDatabase;
let database: Database;
let roundTrips = 0;
const tenantId = newId();
beforeAll(async () => {
  own = await createTestDatabase();
  database = await own.open({ observer: { onRoundTrip: () => roundTrips++ } });
  await run("insert into tenant (id, slug, secret) values ($1, $2, $3)", [tenantId, "t", randomBytes(32)]);
  const member = "insert into member (tenant_id, id, manager_id) values ($1, $2, $3)";
  for (const [id, manager] of [
    ["boss", null],
    ["ada", "boss"],
    ["bob", null],
    ["eve", null],
  ])
    await run(member, [tenantId, id, manager]);
});
afterAll(() => own.drop());

let statements = 0;
function run(text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
  return database.query({ name: `send_queue_test_${statements++}`, text }, values);
}

/** A conversation of ada's, in which bob takes part. */
async function conversation(status = 1): Promise<string> {
  const id = newId();
  const text = "insert into conversation (tenant_id, id, owner_id, creator, status) values ($1, $2, 'ada', 'ada', $3)";
  await run(text, [tenantId, id, status]);
  const join = "insert into participant (tenant_id, conversation_id, member_id, join_seq) values ($1, $2, 'bob', 1)";
  await run(join, [tenantId, id]);
  return id;
}

function as(memberId: string, role: Role = "member"): Caller {
  return callerFrom({ kind: "member", tenantId, memberId, role });
}

function sendOf(caller: Caller, conversationId: string, contents: readonly string[], key?: string): Send {
  const drafts = contents.map((content) => ({
    role: MessageRole.USER,
    content,
    metadata: undefined,
    clientTime: undefined,
    kind: MessageKind.MESSAGE,
    parts: undefined,
    clientId: undefined,
    senderName: undefined,
  }));
  const fingerprint = new Uint8Array([1]);
  return {
    caller,
    conversationId,
    ids: newIds(drafts.length),
    drafts,
    key: key === undefined ? undefined : { method: "m", key, fingerprint },
    participantsOnly: false,
  };
}

async function logOf(conversationId: string): Promise<{ seq: bigint; sender: string; content: string; id: string }[]> {
  const text =
    "select seq, sender, content, id from message where tenant_id = $1 and conversation_id = $2 order by seq";
  return (await run(text, [tenantId, conversationId])) as never;
}

/** Makes the next sends meet: the queue is busy until the returned function is called. */
async function hold(
  queue: SendQueue,
  conversationId: string,
): Promise<{ first: Promise<unknown>; release(): Promise<void> }> {
  let free = () => {};
  const freed = new Promise<void>((resolve) => {
    free = resolve;
  });
  let locked = () => {};
  const isLocked = new Promise<void>((resolve) => {
    locked = resolve;
  });
  const transaction = database.transaction(undefined, async (tx) => {
    const text = "select id from conversation where tenant_id = $1 and id = $2 for update";
    await tx.query({ name: "send_queue_test_lock", text }, [tenantId, conversationId]);
    locked();
    await freed;
  });
  await isLocked;
  const first = queue.send(sendOf(as("ada"), conversationId, ["first"]));
  return {
    first,
    async release() {
      free();
      await transaction;
    },
  };
}

describe("sends to one conversation that meet", () => {
  it("go together in the order of their arrival, each answered with its own numbers", async () => {
    const id = await conversation();
    const queue = new SendQueue(database);
    const held = await hold(queue, id);
    const wanted = Array.from({ length: 60 }, (_, i) =>
      sendOf(
        as(i % 2 === 0 ? "ada" : "bob"),
        id,
        Array.from({ length: 1 + (i % 3) }, (_, j) => `${i}.${j}`),
      ),
    );
    const before = roundTrips;
    const rows = wanted.map((one) => queue.send(one));
    await held.release();
    await held.first;
    const answered = await Promise.all(rows);
    // The commit of the lock, the first send, and one statement for all the others.
    expect(roundTrips - before).toBe(3);
    let seq = 1n;
    for (const [index, { ids }] of wanted.entries()) {
      seq += BigInt(ids.length);
      expect(answered[index]).toMatchObject({ last_seq: seq, writable: true, claimed: true, in_progress: false });
    }
    const log = await logOf(id);
    expect(log.map((entry) => entry.seq)).toEqual(Array.from({ length: log.length }, (_, i) => BigInt(i + 1)));
    expect(log.slice(1).map((entry) => entry.id)).toEqual(wanted.flatMap(({ ids }) => ids));
    expect(log.slice(1).map((entry) => entry.content)).toEqual(
      wanted.flatMap(({ drafts }) => drafts.map((d) => d.content)),
    );
    expect(new Set(log.map((entry) => entry.sender))).toEqual(new Set(["ada", "bob"]));
    const [{ last_seq, message_count }] = (await run(
      "select last_seq, message_count from conversation where tenant_id = $1 and id = $2",
      [tenantId, id],
    )) as [Record<string, unknown>];
    expect([last_seq, message_count]).toEqual([BigInt(log.length), BigInt(log.length)]);
  });

  it("are judged each by itself", async () => {
    const id = await conversation();
    const queue = new SendQueue(database);
    const held = await hold(queue, id);
    const good = queue.send(sendOf(as("bob"), id, ["good"]));
    const stranger = queue.send(sendOf(as("eve"), id, ["no"]));
    const boss = queue.send(sendOf(as("boss", "manager"), id, ["sees, but takes no part"]));
    const last = queue.send(sendOf(as("ada"), id, ["last"]));
    await held.release();
    expect(await good).toMatchObject({ last_seq: 2n, writable: true });
    expect(await stranger).toBeUndefined();
    expect(await boss).toMatchObject({ last_seq: null, writable: false });
    expect(await last).toMatchObject({ last_seq: 3n });
    expect((await logOf(id)).map(({ content }) => content)).toEqual(["first", "good", "last"]);
  });

  it("of managers are written for those who take part alone", async () => {
    const id = await conversation();
    const queue = new SendQueue(database);
    const held = await hold(queue, id);
    const [bob, boss] = [as("bob", "manager"), as("boss", "manager")];
    const rows = [sendOf(bob, id, ["takes part"]), sendOf(boss, id, ["only sees"])].map((one) => queue.send(one));
    await held.release();
    expect(await Promise.all(rows)).toMatchObject([
      { last_seq: 2n, writable: true },
      { last_seq: null, writable: false },
    ]);
    expect((await logOf(id)).map(({ content }) => content)).toEqual(["first", "takes part"]);
  });

  it("may each be for those who take part alone", async () => {
    const id = await conversation();
    const queue = new SendQueue(database);
    const held = await hold(queue, id);
    const rows = [
      { ...sendOf(as("bob"), id, ["takes part"]), participantsOnly: true },
      { ...sendOf(as("ada"), id, ["owns it"]), participantsOnly: true },
      sendOf(as("ada"), id, ["owns it, too"]),
    ].map((one) => queue.send(one));
    await held.release();
    const [bob, ada, adaAgain] = await Promise.all(rows);
    expect([bob?.last_seq, ada, adaAgain?.last_seq]).toEqual([2n, undefined, 3n]);
    expect((await logOf(id)).map(({ content }) => content)).toEqual(["first", "takes part", "owns it, too"]);
  });

  it("add nothing to a closed conversation, and find none that is not there", async () => {
    const id = await conversation(3);
    const queue = new SendQueue(database);
    const held = await hold(queue, id);
    const two = [queue.send(sendOf(as("ada"), id, ["a"])), queue.send(sendOf(as("bob"), id, ["b"], "key-closed"))];
    await held.release();
    for (const row of await Promise.all(two)) expect(row).toMatchObject({ status: 3, last_seq: null });
    expect(await logOf(id)).toEqual([]);
    // A refused send keeps no claim.
    const claims = await run("select 1 from idempotency where tenant_id = $1 and key = 'key-closed'", [tenantId]);
    expect(claims).toEqual([]);
    expect(await queue.send(sendOf(as("ada"), newId(), ["x"]))).toBeUndefined();
  });

  it("act once for one request id, also when both came at once", async () => {
    const id = await conversation();
    const queue = new SendQueue(database);
    const held = await hold(queue, id);
    const sends = ["once", "once", "other"].map((key) => queue.send(sendOf(as("ada"), id, [key], key)));
    const sameOfBob = queue.send(sendOf(as("bob"), id, ["bob's own"], "once"));
    await held.release();
    const rows = await Promise.all(sends);
    expect(rows.map((row) => row?.claimed)).toEqual([true, false, true]);
    expect(rows[1]?.last_seq).toBeNull();
    expect(await sameOfBob).toMatchObject({ claimed: true });
    expect((await logOf(id)).map(({ content }) => content).sort()).toEqual(["bob's own", "first", "once", "other"]);
    // What is kept is what a repeat is answered with.
    const text = "select message_ids from idempotency where tenant_id = $1 and key = 'other'";
    expect(await run(text, [tenantId])).toEqual([
      { message_ids: [(await logOf(id)).find((m) => m.content === "other")?.id] },
    ]);
  });

  it("do not fall with one that the database refuses", async () => {
    const id = await conversation();
    const queue = new SendQueue(database);
    const held = await hold(queue, id);
    const good = queue.send(sendOf(as("ada"), id, ["good"]));
    const bad = queue.send(sendOf(as("ada"), id, ["\0"])).catch((error: { code?: string }) => error.code);
    const also = queue.send(sendOf(as("bob"), id, ["also good"], "also"));
    await held.release();
    expect(await bad).toBe("22021");
    expect(await good).toMatchObject({ last_seq: 2n });
    expect(await also).toMatchObject({ last_seq: 3n, claimed: true });
    expect((await logOf(id)).map(({ content }) => content)).toEqual(["first", "good", "also good"]);
  });

  it("let go of a caller that goes away, and of no other", async () => {
    const id = await conversation();
    const queue = new SendQueue(database);
    const held = await hold(queue, id);
    const gone = new AbortController();
    const leaving = queue.send(sendOf(as("ada"), id, ["gone"]), gone.signal);
    const staying = queue.send(sendOf(as("ada"), id, ["stays"]), new AbortController().signal);
    gone.abort(new Error("went away"));
    await expect(leaving).rejects.toThrow("went away");
    await held.release();
    expect(await staying).toMatchObject({ last_seq: 2n });
    expect((await logOf(id)).map(({ content }) => content)).toEqual(["first", "stays"]);
    await expect(queue.send(sendOf(as("ada"), id, ["late"]), gone.signal)).rejects.toThrow("went away");
  });

  it("leave nothing behind", async () => {
    const id = await conversation();
    const queue = new SendQueue(database);
    await Promise.all(Array.from({ length: 20 }, (_, i) => queue.send(sendOf(as("ada"), id, [String(i)]))));
    const before = roundTrips;
    expect(await queue.send(sendOf(as("ada"), id, ["alone"]))).toMatchObject({ last_seq: 21n });
    expect(roundTrips - before).toBe(1);
  });
});

it("sends to different conversations do not wait for each other", async () => {
  const [busy, free] = [await conversation(), await conversation()];
  const queue = new SendQueue(database);
  const held = await hold(queue, busy);
  expect(await queue.send(sendOf(as("ada"), free, ["at once"]))).toMatchObject({ last_seq: 1n });
  await held.release();
  await held.first;
});
