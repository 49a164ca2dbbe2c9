// How other stores lost data, each case tried here.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureOf } from "../support/failure.ts";
import { failureIn, hear } from "../support/fronts/chat.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { type DialectServer, startDialects } from "../support/servers/dialect-server.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";
import { startDatabaseProxy } from "./faults/database-proxy.ts";
import { type OwnApp, startOwnApp } from "./stage/app.ts";
import { type Tables, type Tenant, tablesAt } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";
import { clientsOver, WIRES } from "./stage/wires.ts";

vi.setConfig({ testTimeout: 120_000 });

let server: StoreServer;
let openai: FakeOpenAi;
beforeAll(async () => {
  [server, openai] = await Promise.all([startStoreServer(), startFakeOpenAi()]);
});
afterAll(() => Promise.all([server.close(), openai.close()]));

/** Every text that a conversation has ever held, wherever it is now. */
async function everyText({ messages }: Pick<Clients, "messages">, conversationId: string): Promise<Set<string>> {
  const there = await messages.listMessages({ conversationId, pageSize: 200 });
  const deleted = await messages.listMessages({ conversationId, deleted: DeletedFilter.ONLY, pageSize: 200 });
  const before = await Promise.all(
    there.messages.map(({ id }) => messages.listMessageRevisions({ messageId: id, pageSize: 200 })),
  );
  const restorable = await Promise.all(
    deleted.messages.map(async ({ id }) => {
      const { message } = await messages.restoreMessage({ messageId: id });
      const { revisions } = await messages.listMessageRevisions({ messageId: id, pageSize: 200 });
      return [message?.content ?? "", ...revisions.map(({ content }) => content)];
    }),
  );
  return new Set([
    ...there.messages.map(({ content }) => content),
    ...before.flatMap(({ revisions }) => revisions.map(({ content }) => content)),
    ...restorable.flat(),
  ]);
}

describe("a whole conversation written back by two writers", () => {
  test("with the etag that each has read: the second is refused, and told to read again", async () => {
    const alice = (await server.tenant("alice")).member("alice");
    const first = [{ content: "one" }];
    const { conversation } = await alice.conversations.createConversation({ messages: first });
    const { id: conversationId = "", etag = "" } = conversation ?? {};
    const write = (content: string) =>
      alice.messages.replaceMessages({ conversationId, etag, messages: [...first, { content }] });
    await write("two, says one tab");
    expect(await failureOf(write("two, says the other tab"))).toMatchObject({ reason: "ETAG_MISMATCH" });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(["one", "two, says one tab"]);
  });

  test("with an etag from before a message was sent: it is refused, and the message stays", async () => {
    const alice = (await server.tenant("alice")).member("alice");
    const { conversation } = await alice.conversations.createConversation({ messages: [{ content: "one" }] });
    const { id: conversationId = "", etag = "" } = conversation ?? {};
    await alice.messages.sendMessage({ conversationId, message: { content: "sent meanwhile" } });
    const stale = alice.messages.replaceMessages({ conversationId, etag, messages: [{ content: "one" }] });
    expect(await failureOf(stale)).toMatchObject({ reason: "ETAG_MISMATCH" });
  });

  test("without an etag: every text of either is still there, or can be had back", async () => {
    const alice = (await server.tenant("alice")).member("alice");
    const { conversation } = await alice.conversations.createConversation({});
    const conversationId = conversation?.id ?? "";
    const random = createRandom(1);
    const acknowledged = new Set<string>();
    const writer = async (name: string) => {
      for (let round = 0; round < 12; round++) {
        if (random.chance(0.5)) {
          const texts = Array.from({ length: random.between(0, 6) }, (_, i) => `${name} ${round} ${i}`);
          await alice.messages.replaceMessages({ conversationId, messages: texts.map((content) => ({ content })) });
          for (const text of texts) acknowledged.add(text);
        } else {
          await alice.messages.sendMessage({ conversationId, message: { content: `${name} sent ${round}` } });
          acknowledged.add(`${name} sent ${round}`);
        }
      }
    };
    await Promise.all(["one", "other"].map(writer));
    const held = await everyText(alice, conversationId);
    expect(acknowledged.size).toBeGreaterThan(20);
    expect([...acknowledged].filter((text) => !held.has(text))).toEqual([]);
  });
});

describe("an old list written over a new one", () => {
  let dialects: DialectServer;
  beforeAll(async () => {
    dialects = await startDialects("assistant,callcenter");
  });
  afterAll(() => dialects.close());

  /** How each API makes a conversation, and writes its whole list back. */
  const APIS = {
    async assistant() {
      const userId = randomUUID();
      const of = { path: "/api/conversations", userId, title: "t", agentId: "a", mode: "m" };
      const { json } = await dialects.http("POST", of.path, { body: { ...of, messages: [] } });
      const conversationId: string = json.conversation.id;
      return {
        conversationId,
        write: (messages: readonly object[]) =>
          dialects.http("PUT", of.path, { body: { userId, conversationId, messages } }),
      };
    },
    async callcenter() {
      const credential = await dialects.tenant.token("ann");
      const body = { call_type: "inbound" };
      const { json } = await dialects.http("POST", "/conversations", { credential, body });
      const path = `/conversations/${json.id}`;
      return {
        conversationId: json.id as string,
        write: (messages: readonly object[]) => dialects.http("PUT", path, { credential, body: { ...body, messages } }),
      };
    },
  };

  test.each(Object.entries(APIS))("over %s: what the new one had can be had back", async (_, begin) => {
    const { conversationId, write } = await begin();
    const list = (...texts: string[]) => texts.map((content) => ({ role: "user", content }));
    for (const texts of [
      ["one", "two"],
      ["one", "two", "from the new one", "and this"],
      ["one", "two", "from the old one"],
    ]) {
      expect((await write(list(...texts))).status).toBe(200);
    }
    const { credential } = await dialects.tenant.key("read", "write", "admin");
    const admin = { messages: dialects.server.client(MessageService, credential) };
    const { messages } = await admin.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(["one", "two", "from the old one"]);
    expect(await everyText(admin, conversationId)).toEqual(
      new Set(["one", "two", "from the old one", "from the new one", "and this"]),
    );
  });
});

describe("find or create, by many at once over a line so slow that each sees none", () => {
  let database: TestDatabase;
  let tables: Tables;
  let app: OwnApp;
  let tenant: Tenant;
  let line: Awaited<ReturnType<typeof startDatabaseProxy>>;
  beforeAll(async () => {
    database = await createTestDatabase();
    tables = tablesAt(database.url);
    line = await startDatabaseProxy(database.url, createRandom(2));
    app = await startOwnApp({ url: line.url });
    tenant = await tables.tenant();
    line.faults.delayMs = 15;
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
    await line[Symbol.asyncDispose]();
    await database.drop();
  });
  const everywhere = <T>(call: (clients: ReturnType<typeof clientsOver>) => Promise<T>) =>
    Promise.allSettled([...WIRES, ...WIRES].map((wire) => call(clientsOver(wire, app.url, tenant.headers))));

  test("makes one conversation for one request id, and tells all the same or that it is under way", async () => {
    const request = { conversation: { title: "once" }, requestId: randomUUID() };
    const outcomes = await everywhere(({ conversations }) => conversations.createConversation(request));
    const ids = outcomes.flatMap((o) => (o.status === "fulfilled" ? [o.value.conversation?.id] : []));
    expect(new Set(ids).size).toBe(1);
    const reasons = await Promise.all(
      outcomes.flatMap((o) => (o.status === "rejected" ? [failureOf(Promise.reject(o.reason))] : [])),
    );
    expect(new Set(reasons.map(({ reason }) => reason))).toEqual(
      new Set(reasons.length ? ["REQUEST_IN_PROGRESS"] : []),
    );
    expect(
      await tables.sql("select 1 from conversation where tenant_id = $1 and title = 'once'", [tenant.id]),
    ).toHaveLength(1);
  });

  test("gives each conversation one number, the same to all, and no two the same", async () => {
    const { conversations } = clientsOver("gRPC", app.url, tenant.headers);
    const made = await Promise.all(Array.from({ length: 5 }, () => conversations.createConversation({})));
    const conversationIds = made.map(({ conversation }) => conversation?.id ?? "");
    const outcomes = await everywhere((by) => by.conversations.assignConversationNumbers({ conversationIds }));
    const answers = outcomes.map((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value.numbers.map(({ conversationId, number }) => `${conversationId} ${number}`).sort();
    });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(new Set(answers[0]?.map((line) => line.split(" ")[1])).size).toBe(5);
  });
});

describe("catching up", () => {
  test("by the place in the log skips nothing, though the database's clock is set back and forth", async () => {
    await using database = await createTestDatabase();
    const tables = tablesAt(database.url);
    // Sessions have a search path of their own, so PostgreSQL's functions themselves are exchanged in this database.
    await tables.sql(`set allow_system_table_mods = on;
      create schema fake;
      create table fake.clock (shift interval not null);
      insert into fake.clock values ('0');
      update pg_proc set proname = 'true_' || proname
        where oid in ('pg_catalog.clock_timestamp()'::regprocedure, 'pg_catalog.now()'::regprocedure,
          'pg_catalog.statement_timestamp()'::regprocedure);
      create function pg_catalog.clock_timestamp() returns timestamptz language sql volatile as
        'select pg_catalog.true_clock_timestamp() + shift from fake.clock';
      create function pg_catalog.statement_timestamp() returns timestamptz language sql stable as
        'select pg_catalog.true_statement_timestamp() + shift from fake.clock';
      create function pg_catalog.now() returns timestamptz language sql stable as
        'select pg_catalog.true_now() + shift from fake.clock';
      grant usage on schema fake to public;
      grant select on fake.clock to public;
      reset allow_system_table_mods`);
    await using app = await startOwnApp({ url: database.url });
    const { headers } = await tables.tenant();
    const clients = WIRES.map((wire) => clientsOver(wire, app.url, headers));
    const { conversations, events: log } = clients[0] as (typeof clients)[number];
    const conversationId = (await conversations.createConversation({})).conversation?.id ?? "";

    let writing = true;
    const writers = clients.map(async ({ messages }, writer) => {
      for (let i = 0; i < 30; i++) {
        await messages.sendMessage({ conversationId, message: { content: `${writer} ${i}` } });
      }
    });
    const clock = (async () => {
      for (let step = 0; writing; step++) {
        await tables.sql("update fake.clock set shift = $1", [["-1 hour", "2 hours", "-3 days", "0"][step % 4]]);
      }
    })();
    const seen: { seq: bigint; time: number; text: string }[] = [];
    const follow = async () => {
      const { events } = await log.listEvents({ conversationId, afterSeq: seen.at(-1)?.seq ?? 0n });
      for (const { seq, createTime, change } of events) {
        const text = change.case === "messageSent" ? change.value.content : "";
        seen.push({ seq, text, time: Number(createTime?.seconds) * 1000 + (createTime?.nanos ?? 0) / 1e6 });
      }
      return events.length;
    };
    const following = (async () => {
      while (writing || (await follow()) > 0) await follow();
    })();
    await Promise.all(writers);
    writing = false;
    await Promise.all([clock, following]);

    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => BigInt(index + 1)));
    expect(new Set(seen.map(({ text }) => text)).size).toBe(30 * WIRES.length);
    const times = seen.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    // The clock was moved: the log spans more than the test took.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(3_600_000);
  });
});

describe("cancelling a reply and sending again within milliseconds", () => {
  test("keeps every message, answers the last one, and leaves nothing running", async () => {
    const tenant = await server.tenant("alice");
    const connector = { case: "openai", value: { baseUrl: openai.url, model: "m" } } as const;
    await tenant.key().agents.createAgent({ agent: { name: "helper", connector } });
    const { conversations, messages, turns } = tenant.member("alice");
    const made = await conversations.createConversation({ conversation: { agent: "helper" } });
    const conversationId = made.conversation?.id ?? "";
    openai.answer = async (call) => {
      const asked = call.body.messages.at(-1)?.content ?? "";
      call.say(`about ${asked}: `);
      // It goes on until it is cancelled, but for the last.
      if (asked !== "last") await call.gone;
      call.finish();
    };
    const random = createRandom(3);
    const sent: string[] = [];
    const chat = async (content: string, goOn: (text: string) => boolean) => {
      for (;;) {
        const heard = await hear(turns.chat({ conversationId, message: { content } }), undefined, (so) => {
          if (so.started?.turn?.id !== undefined) turnId = so.started.turn.id;
          return goOn(so.text);
        });
        if (heard.error === undefined) return heard;
        expect(failureIn(heard)).toMatchObject({ reason: "TURN_IN_PROGRESS" });
      }
    };
    let turnId = "";
    for (let round = 0; round < 15; round++) {
      const content = `message ${round}`;
      sent.push(content);
      await chat(content, (text) => text === "" && !random.chance(0.3));
      const cancelled = turns.cancelTurn({ turnId });
      // Half of the time the next message does not wait until it is cancelled.
      if (random.chance(0.5)) await cancelled;
      cancelled.catch(() => {});
    }
    sent.push("last");
    const last = await chat("last", () => true);
    expect(last).toMatchObject({ text: "about last: ", ended: { turn: { state: TurnState.COMPLETE } } });
    const page = await messages.listMessages({ conversationId, pageSize: 200 });
    const own = page.messages.filter(({ sender }) => sender?.id === "alice").map(({ content }) => content);
    expect(own).toEqual(sent);
    expect(page.messages.at(-1)?.content).toBe("about last: ");
  });
});
