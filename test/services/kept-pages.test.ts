// Pages that are kept in memory: whoever writes what on which server, a page is what the database has.
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { ListMessagesRequestSchema, MessageOrder, MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ReactionService } from "../../gen/colloquy/v1/reaction_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { listMessages } from "../../src/store/messages/list-statements.ts";
import { imported } from "../support/calls/transfer.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const LIST = "/colloquy.v1.MessageService/ListMessages";
const RUNS = Number(process.env.KEPT_PAGES_RUNS ?? 3);

let plain: IdentityServer;
let servers: readonly IdentityServer[];
let people: readonly Credential[];
let tenantId: string;
beforeAll(async () => {
  plain = await startIdentityServer({ environment: { COLLOQUY_CACHE_SIZE: "0" } });
  servers = [await startIdentityServer({ beside: plain }), await startIdentityServer({ beside: plain })];
  const tenant = await plain.tenant();
  tenantId = tenant.id;
  const key = await tenant.key("read", "write", "admin");
  people = [key.credential, await tenant.token("ann", "admin"), await tenant.token("bob", "admin")];
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await plain.close();
});

type Form = "json" | "proto" | "rest";

interface Page {
  readonly conversationId: string;
  readonly pageSize: number;
  readonly newestFirst: boolean;
  readonly pageToken?: string;
}

/** Status and bytes of a page. */
async function read(server: IdentityServer, form: Form, page: Page, credential: Credential) {
  const { newestFirst, ...rest } = page;
  const order = newestFirst ? MessageOrder.NEWEST_FIRST : MessageOrder.OLDEST_FIRST;
  const named = { ...rest, order: newestFirst ? "MESSAGE_ORDER_NEWEST_FIRST" : "MESSAGE_ORDER_OLDEST_FIRST" };
  const { conversationId, ...query } = named;
  const texts = Object.entries(query).map(([name, value]) => [name, String(value)]);
  const url = form === "rest" ? `/v1/conversations/${conversationId}/messages?${new URLSearchParams(texts)}` : LIST;
  const binary = () => toBinary(ListMessagesRequestSchema, create(ListMessagesRequestSchema, { ...rest, order }));
  const body = form === "proto" ? binary() : JSON.stringify(named);
  const init = form === "rest" ? {} : { method: "POST", body };
  const response = await fetch(server.url + url, {
    ...init,
    headers: { ...credential, ...(form !== "rest" && { "content-type": `application/${form}` }) },
  });
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()).toString("latin1") };
}

/** Reads a page until it would be kept, and once more, on every server; each time it is what the database has. */
async function compare(form: Form, page: Page, who: Credential): Promise<string> {
  const expected = await read(plain, form, page, who);
  for (const server of servers) {
    for (let time = 0; time < 3; time++)
      expect(await read(server, form, page, who), `${form}, ${time}`).toEqual(expected);
  }
  return expected.body;
}

/** What is counted is as many as there are, of those that are not deleted. */
async function compareCount(conversationId: string): Promise<void> {
  const list = plain.client(MessageService, people[0] as Credential);
  const wanted = { conversationId, pageSize: 100 };
  const page = await list.listMessages({ ...wanted, includeTotalSize: true }).catch(() => undefined);
  if (page === undefined) return;
  const { messages } = await list.listMessages(wanted);
  expect({ total: page.totalSize, shown: page.messages.length }).toEqual({
    total: BigInt(messages.length),
    shown: messages.length,
  });
}

async function hits(server: IdentityServer): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^colloquy_cache_reads_total\{outcome="hit"\} (\d+)$/m.exec(text)?.[1]);
}

type Step = readonly [kind: (typeof KINDS)[number], server: number, who: number, at: number, form: Form, page: number];

const KINDS = [
  ...["send", "send", "edit", "delete", "restore", "react", "unreact", "reply", "replyAway", "branch", "select"],
  ...["deleteAll", "restoreAll", "replace", "title", "remove", "putBack", "fork", "purge"],
] as const;

/** Carries out a change. Whether it is possible does not matter. */
async function act(conversationId: string, [kind, on, by, at]: Step): Promise<string> {
  const server = servers[on] as IdentityServer;
  const who = people[by] as Credential;
  const messages = server.client(MessageService, who);
  const conversations = server.client(ConversationService, who);
  const reactions = server.client(ReactionService, who);
  const { messages: there } = await plain
    .client(MessageService, people[0] as Credential)
    .listMessages({ conversationId, pageSize: 100, deleted: 2 })
    .catch(() => ({ messages: [] }));
  const chosen = there[at % Math.max(1, there.length)];
  const messageId = chosen?.id ?? "";
  const content = `${kind} ${at} ü ${"text ".repeat(at)}`;
  const change: Record<string, () => Promise<unknown>> = {
    send: () => messages.sendMessage({ conversationId, message: { content } }),
    edit: () => messages.updateMessage({ messageId, message: { content } }),
    delete: () => messages.deleteMessage({ messageId }),
    restore: () => messages.restoreMessage({ messageId }),
    react: () => reactions.addReaction({ messageId, reaction: at % 2 === 0 ? "👍" : ":ship:" }),
    unreact: () => reactions.removeReaction({ messageId, reaction: at % 2 === 0 ? "👍" : ":ship:" }),
    reply: () => messages.sendMessage({ conversationId, message: { content, replyTo: messageId } }),
    replyAway: async () => {
      const { message } = await messages.sendMessage({ conversationId, message: { content, replyTo: messageId } });
      await messages.deleteMessage({ messageId: message?.id ?? "" });
    },
    branch: () => messages.sendMessage({ conversationId, message: { content, parentId: messageId } }),
    select: () => messages.selectBranch({ conversationId, messageId }),
    deleteAll: () => messages.deleteAllMessages({ conversationId }),
    restoreAll: () => messages.restoreAllMessages({ conversationId }),
    replace: () => messages.replaceMessages({ conversationId, messages: [{ content }, { content: "second" }] }),
    title: () => conversations.updateConversation({ conversationId, conversation: { title: content } }),
    remove: () => conversations.deleteConversation({ conversationId }),
    putBack: () => conversations.restoreConversation({ conversationId }),
    fork: async () => {
      const forked = await conversations.forkConversation({ conversationId, seq: chosen?.seq ?? 0n });
      return forked.conversation?.id;
    },
    purge: () => conversations.purgeConversation({ conversationId }),
  };
  const outcome = await change[kind]?.().catch(() => undefined);
  return typeof outcome === "string" ? outcome : conversationId;
}

test("F-CACHE: a page is what the database has, whatever was changed by whom on which server", {
  timeout: 120_000,
}, async () => {
  const step: fc.Arbitrary<Step> = fc.tuple(
    fc.constantFrom(...KINDS),
    fc.nat(1),
    fc.nat(2),
    fc.nat(9),
    fc.constantFrom<Form>("json", "proto", "rest"),
    fc.nat(3),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 14 }), async (steps) => {
      const conversations = plain.client(ConversationService, people[1] as Credential);
      // Most changes are of a message, and an empty page is not kept.
      const { conversation } = await conversations.createConversation({ messages: [{ content: "first" }] });
      let conversationId = conversation?.id ?? "";
      for (const one of steps) {
        conversationId = await act(conversationId, one);
        const [, , by, , form, kind] = one;
        const page = { conversationId, pageSize: kind < 2 ? 2 : 50, newestFirst: kind % 2 === 1 };
        const body = await compare(form, page, people[by] as Credential);
        // Another caller, whose reactions are others.
        await compare(form, page, people[(by + 1) % people.length] as Credential);
        await compareCount(conversationId);
        const pageToken = /"nextPageToken":"([^"]+)"/.exec(body)?.[1];
        if (pageToken !== undefined) await compare(form, { ...page, pageToken }, people[by] as Credential);
      }
    }),
    { numRuns: RUNS },
  );
  for (const server of servers) expect(await hits(server)).toBeGreaterThan(0);
});

/** A conversation of ann, and the first and newest page of it in every form. */
async function conversationWith(count: number) {
  const ann = people[1] as Credential;
  const messages = plain.client(MessageService, ann);
  const { conversation } = await plain.client(ConversationService, ann).createConversation({});
  const conversationId = conversation?.id ?? "";
  for (let n = 0; n < count; n++) await messages.sendMessage({ conversationId, message: { content: `message ${n}` } });
  return { conversationId, ann, messages };
}

test("F-CACHE: a fork shows no message that its origin has deleted meanwhile", async () => {
  const { conversationId, ann, messages } = await conversationWith(3);
  const { conversation } = await plain.client(ConversationService, ann).forkConversation({ conversationId });
  const page = { conversationId: conversation?.id ?? "", pageSize: 50, newestFirst: false };
  expect(await compare("json", page, ann)).toContain("message 1");
  const { messages: there } = await messages.listMessages({ conversationId });
  await messages.deleteMessage({ messageId: there[1]?.id ?? "" });
  expect(await compare("json", page, ann)).not.toContain("message 1");
});

test("F-CACHE: reactions that are imported are shown", async () => {
  const { conversationId, ann, messages } = await conversationWith(2);
  const page = { conversationId, pageSize: 50, newestFirst: false };
  await compare("json", page, ann);
  const clients = { transfer: plain.client(TransferService, people[0] as Credential) };
  const { messages: there } = await messages.listMessages({ conversationId });
  const reaction = { reaction: ":ship:", actor: { type: "ACTOR_TYPE_MEMBER", id: "bob" } };
  const line = { reactions: { conversationId, messageId: there[0]?.id, reactions: [reaction] } };
  expect(await imported(clients, [line])).toMatchObject({ errors: [] });
  expect(await compare("json", page, ann)).toContain(":ship:");
});

test("F-CACHE: nobody gets a page who does not see the conversation, or no longer does", async () => {
  const { conversationId, ann } = await conversationWith(2);
  const page = { conversationId, pageSize: 50, newestFirst: false };
  await compare("rest", page, ann);
  const stranger = await (await plain.tenant()).token("ann");
  for (const server of servers) expect(await read(server, "rest", page, stranger)).toMatchObject({ status: 404 });
  await plain.client(ConversationService, ann).deleteConversation({ conversationId });
  for (const server of servers) expect(await read(server, "rest", page, ann)).toMatchObject({ status: 404 });
});

test("F-CACHE: a page that is kept is compared with the database in one statement, which reads none of its messages", async () => {
  const { conversationId, ann } = await conversationWith(30);
  const page = { conversationId, pageSize: 20, newestFirst: true };
  await compare("proto", page, ann);
  const shape = { viewer: "tenant", newestFirst: true, deleted: "exclude", filtered: false, known: true } as const;
  const { text, name } = listMessages(shape);
  const state = await plain.database.query<{ state: string }>(
    {
      name: "kept_state",
      text: "select last_seq || '.' || xmin as state from conversation where tenant_id = $1 and id = $2",
    },
    [tenantId, conversationId],
  );
  const values = [tenantId, "ann", conversationId, 0n, 2n ** 63n - 1n, 21, state[0]?.state];
  const rows = await plain.database.query(
    { name: `${name}_explained`, text: `explain (analyze, buffers off, timing off, summary off, costs off) ${text}` },
    values,
  );
  const plan = rows.map((row) => Object.values(row as object)[0]).join("\n");
  expect(plan).toMatch(/One-Time Filter/);
  // Nothing below the filter ran.
  expect(plan).not.toMatch(/on message .*actual rows=[1-9]/);
});
