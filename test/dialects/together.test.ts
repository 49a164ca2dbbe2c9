// One conversation through all five APIs and the canonical one: what they share agrees, and none of them loses
// anything.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { type DialectServer, type HttpAnswer, startDialects } from "../support/servers/dialect-server.ts";
import type { Credential } from "../support/servers/identity-server.ts";

/** The assistant API knows users by UUIDs, the helpdesk API by numbers. */
const UUID_USER = randomUUID();
const NUMBER_USER = "7";
/** By the numbers of the contract. */
const ROLES = ["", "user", "assistant", "system", "tool"];

let dialect: DialectServer;
let key: Credential;
let user: Credential;
let agentId: string;

beforeAll(async () => {
  dialect = await startDialects("callcenter,crm,assistant,workorder,helpdesk/desk");
  const { tenant, server } = dialect;
  await tenant.addMember(UUID_USER);
  await tenant.addMember(NUMBER_USER);
  key = (await tenant.key("read", "write", "admin")).credential;
  user = await tenant.token(UUID_USER);
  const made = await server.client(AgentService, key).createAgent({
    agent: { name: "echo", connector: { case: "echo", value: {} } },
  });
  agentId = made.agent?.id ?? "";
});
afterAll(() => dialect.close());

const conversations = (credential: Credential) => dialect.server.client(ConversationService, credential);
const messages = (credential: Credential) => dialect.server.client(MessageService, credential);
const http = async (method: string, path: string, credential: Credential, body?: unknown): Promise<HttpAnswer> => {
  const answer = await dialect.http(method, path, { credential, body });
  expect(answer.status, `${method} ${path} ${answer.text}`).toBeLessThan(300);
  return answer;
};

/** What all of them say of a conversation; a time is in milliseconds. */
interface Seen {
  readonly title: string;
  readonly created: number;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

const said = (list: readonly { role: string; content: string }[]) =>
  list.map(({ role, content }) => ({ role, content }));

const handTo = (conversationId: string, ownerId: string) =>
  conversations(key).updateConversation({
    conversationId,
    conversation: { ownerId },
    updateMask: { paths: ["owner_id"] },
  });

const readers: Record<string, (id: string) => Promise<Seen>> = {
  async canonical(id) {
    const { conversation } = await conversations(user).getConversation({ conversationId: id });
    const list = await messages(user).listMessages({ conversationId: id });
    const created = conversation?.createTime;
    return {
      title: conversation?.title ?? "",
      created: created ? timestampDate(created).getTime() : 0,
      messages: list.messages.map(({ role, content }) => ({ role: ROLES[role] ?? "", content })),
    };
  },
  async callcenter(id) {
    const { json } = await http("GET", `/conversations/${id}`, user);
    return { title: json.title, created: Date.parse(json.created_at), messages: said(json.messages) };
  },
  async crm(id) {
    const { json } = await http("GET", "/v1/conversation?per_page=1000", user);
    const found = json.data.find((one: { id: string }) => one.id === id);
    const list = await http("GET", `/v1/conversation/${id}/messages`, user);
    return { title: found.title ?? "", created: Date.parse(found.created_at), messages: said(list.json.data) };
  },
  async assistant(id) {
    const { json } = await http("GET", `/api/conversations?userId=${UUID_USER}`, user);
    const found = json.conversations.find((one: { id: string }) => one.id === id);
    return { title: found.title, created: found.createdAt, messages: said(found.messages) };
  },
};

/** What the work order API says has no roles. */
async function readWorkorder(id: string) {
  const { json } = await http("GET", `/api/v2/conversations/${id}`, user);
  const contents = json.messages.map(({ body }: { body: string }) => body);
  return { title: json.subject, created: Date.parse(json.created_at), contents };
}

/** What the helpdesk API says has no messages, and times to the second. */
async function readHelpdesk(id: string) {
  await handTo(id, NUMBER_USER);
  const credential = await dialect.tenant.token(NUMBER_USER);
  const { json } = await http("GET", `/desk/api/conversations?user_id=${NUMBER_USER}`, credential);
  await handTo(id, UUID_USER);
  const { number } = (await conversations(user).getConversation({ conversationId: id })).conversation ?? {};
  const found = json.data.find((one: { id: number }) => BigInt(one.id) === number);
  return { title: found.title, created: Date.parse(found.created_at), lastMessage: found.last_message_at !== null };
}

const writers: Record<string, () => Promise<string>> = {
  async canonical() {
    const request = {
      conversation: { title: "canonical" },
      messages: [{ content: "one" }, { content: "two", role: MessageRole.ASSISTANT }],
    };
    return (await conversations(user).createConversation(request)).conversation?.id ?? "";
  },
  async callcenter() {
    const list = [
      { role: "user", content: "one" },
      { role: "assistant", content: "two" },
    ];
    const body = { call_type: "inbound", title: "callcenter", messages: list };
    return (await http("POST", "/conversations", user, body)).json.id;
  },
  async crm() {
    const { json } = await http("POST", "/v1/conversation", user, { agent_id: agentId, title: "crm" });
    await http("POST", `/v1/conversation/${json.id}/chat`, user, { message: "one" });
    return json.id;
  },
  async assistant() {
    const list = [
      { role: "user", content: "one", timestamp: 1234567890 },
      { role: "assistant", content: "two" },
    ];
    const body = { userId: UUID_USER, title: "assistant", messages: list };
    return (await http("POST", "/api/conversations", user, body)).json.conversation.id;
  },
  async workorder() {
    const { json } = await http("POST", "/api/v2/conversations", user, { subject: "workorder" });
    for (const body of ["one", "two"]) await http("POST", `/api/v2/conversations/${json.id}/messages`, user, { body });
    return json.id;
  },
  async helpdesk() {
    const body = { user_id: Number(NUMBER_USER), agent: "bot", title: "helpdesk" };
    const { json } = await http("POST", "/desk/api/conversations", key, body);
    const { conversations: found } = await conversations(key).listConversations({ number: BigInt(json.data.id) });
    const id = found[0]?.id ?? "";
    await dialect.server
      .client(ParticipantService, key)
      .addParticipants({ conversationId: id, memberIds: [UUID_USER] });
    await handTo(id, UUID_USER);
    return id;
  },
};

describe("a conversation written through one API is read through every other, and they agree", () => {
  test.each(Object.keys(writers))("%s", async (writer) => {
    const id = (await writers[writer]?.()) ?? "";
    const expected = (await readers.canonical?.(id)) as Seen;
    expect(expected.title).toBe(writer);
    expect(expected.messages.map(({ content }) => content)).toEqual(
      { crm: ["one", "one"], helpdesk: [] }[writer] ?? ["one", "two"],
    );
    for (const [reader, read] of Object.entries(readers))
      expect({ reader, ...(await read(id)) }).toEqual({ reader, ...expected });
    const { title, created, messages: list } = expected;
    expect(await readWorkorder(id)).toEqual({ title, created, contents: list.map(({ content }) => content) });
    const second = Math.floor(created / 1000) * 1000;
    expect(await readHelpdesk(id)).toEqual({ title, created: second, lastMessage: list.length > 0 });
  });
});

describe("a list's total, while conversations are made and deleted,", () => {
  const SIZE = 7;
  test.each([
    ["callcenter", `/conversations/user?call_type=inbound&size=${SIZE}`],
    ["crm", `/v1/conversation?per_page=${SIZE}`],
  ])("of %s is what there was, and goes with what it shows", async (name, path) => {
    const owner = await dialect.tenant.token(`owner-${randomUUID()}`);
    // What is sure to be there, and what may be there.
    let [least, most] = [0, 0];
    const write = async (nth: number) => {
      for (let i = 0; i < 15; i++) {
        most++;
        const body = { call_type: "inbound", title: `${nth} ${i}` };
        const { json } = await http("POST", "/conversations", owner, body);
        least++;
        if (i % 3 !== 0) continue;
        least--;
        await http("DELETE", `/conversations/${json.id}`, owner);
        most--;
      }
    };
    let writing = true;
    const writers = Promise.all([0, 1, 2, 3].map(write)).finally(() => {
      writing = false;
    });
    let last = -1;
    for (let more = true; more; ) {
      more = writing;
      const sure = least;
      const { json } = await http("GET", path, owner);
      const shown = name === "crm" ? json.data : json.conversations;
      const { pagination } = json;
      const total = name === "crm" ? pagination.total : pagination.totalItems;
      const pages = name === "crm" ? pagination.total_pages : pagination.totalPages;
      expect(shown.length).toBe(Math.min(SIZE, total));
      expect(pages).toBe(Math.ceil(total / SIZE));
      // Whatever was deleted in between was there before, and each writer has one under way.
      expect(total).toBeGreaterThanOrEqual(sure - 4);
      expect(total).toBeLessThanOrEqual(most + 4);
      last = total;
    }
    await writers;
    expect(last).toBe(40);
  });
});

describe("two hundred changes at once through three APIs", () => {
  test("lose no text and leave no gap", async () => {
    const { json } = await http("POST", "/v1/conversation", user, { agent_id: agentId, title: "busy" });
    const id: string = json.id;
    /** What was acknowledged; each text is there but once. */
    const kept: string[] = [];
    const outcomes = new Map<string, number>();
    const send = async (name: string, method: string, path: string, body: unknown, texts: readonly string[]) => {
      // What is turned away for want of room has done nothing; the key makes asking again safe in any case.
      const headers = { "idempotency-key": randomUUID() };
      let answer = await dialect.http(method, path, { credential: user, body, headers });
      while (answer.status === 503 || answer.status === 429) {
        await sleep(Number(answer.headers.get("retry-after")) * 1000);
        answer = await dialect.http(method, path, { credential: user, body, headers });
      }
      const expected = [200, 404, 409].includes(answer.status);
      const outcome = `${name} ${answer.status}${expected ? "" : ` ${answer.text}`}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (answer.status === 200) kept.push(...texts);
      return answer;
    };
    const deleteSome = async () => {
      const list = await dialect.http("GET", `/v1/conversation/${id}/messages`, { credential: user });
      const { data } = list.json;
      if (data.length > 0) await send("delete", "DELETE", `/v1/message/${data.at(-1).id}`, undefined, []);
    };
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => {
        const texts = [`${i} a`, `${i} b`, `${i} c`].slice(0, 1 + (i % 3));
        const list = texts.map((content) => ({ role: "user", content }));
        switch (i % 4) {
          case 0: {
            const body = { call_type: "inbound", title: `${i}`, messages: list };
            return send("callcenter", "PUT", `/conversations/${id}`, body, texts);
          }
          case 1: {
            const body = { userId: UUID_USER, conversationId: id, messages: list };
            return send("assistant", "PUT", "/api/conversations", body, texts);
          }
          case 2:
            return send("chat", "POST", `/v1/conversation/${id}/chat`, { message: `${i} said` }, [`${i} said`]);
          default:
            return deleteSome();
        }
      }),
    );

    expect([...outcomes.keys()].filter((outcome) => !/ (200|404|409)$/.test(outcome))).toEqual([]);
    expect(outcomes.get("callcenter 200")).toBe(50);
    expect(outcomes.get("assistant 200")).toBe(50);
    expect(outcomes.get("chat 200")).toBeGreaterThan(0);

    const query = <Row>(name: string, text: string) =>
      dialect.server.database.query<Row>({ name, text }, [dialect.tenant.id, id]);
    const stored = await query<{ content: string }>(
      "test_texts",
      `select content from message where tenant_id = $1 and conversation_id = $2
       union all select content from message_revision where tenant_id = $1 and conversation_id = $2`,
    );
    const texts = new Set(stored.map(({ content }) => content));
    expect(kept.filter((text) => !texts.has(text))).toEqual([]);

    const log = await query<{ seq: bigint }>(
      "test_seqs",
      `select seq from message where tenant_id = $1 and conversation_id = $2
       union all select seq from event where tenant_id = $1 and conversation_id = $2 order by seq`,
    );
    const [{ last_seq: last } = { last_seq: 0n }] = await query<{ last_seq: bigint }>(
      "test_last",
      "select last_seq from conversation where tenant_id = $1 and id = $2",
    );
    expect(log.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: Number(last) }, (_, i) => i + 1));

    const revisions = await query<{ revision: number; kept: bigint }>(
      "test_revisions",
      `select m.revision, count(r.revision) as kept from message m left join message_revision r
         on r.tenant_id = $1 and r.conversation_id = m.conversation_id and r.seq = m.seq and r.revision < m.revision
       where m.tenant_id = $1 and m.conversation_id = $2 group by m.seq, m.revision`,
    );
    expect(revisions.filter(({ revision, kept: old }) => BigInt(revision) !== old)).toEqual([]);
  }, 120_000);
});
