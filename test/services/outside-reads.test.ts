// Who reads without taking part: all, with an entry in the audit log, or nobody, by each method that shows it.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { FileService } from "../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import type { PartSchema } from "../../gen/colloquy/v1/part_pb.ts";
import { OutsideReads } from "../../gen/colloquy/v1/tenant_pb.ts";
import { TenantService } from "../../gen/colloquy/v1/tenant_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { holdsFiles } from "../../src/services/files/named-in-request.ts";
import { showingOf } from "../../src/services/outside-reads/methods.ts";
import { personOf } from "../support/calls/files.ts";
import { ownServices } from "../support/servers/contract.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "openai" } });
});
afterAll(() => server.close());

const SECRET = "what ann told bob";
const { ALWAYS, AUDITED, NEVER } = OutsideReads;

async function begin(outsideReads: OutsideReads) {
  const tenant = await server.tenant();
  await tenant.addMember("chief", { role: "manager" });
  for (const id of ["ann", "bob"]) await tenant.addMember(id, { manager: "chief" });
  await tenant.addMember("admin", { role: "admin" });
  const set = async (value: OutsideReads) => {
    const tenants = server.client(TenantService, await server.superAdmin());
    await tenants.updateTenant({
      tenantId: tenant.id,
      tenant: { outsideReads: value },
      updateMask: { paths: ["outside_reads"] },
    });
  };
  await set(outsideReads);
  const ann = personOf(server, await tenant.token("ann"));
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  const { id: fileId } = await ann.upload(Buffer.from(SECRET), { name: SECRET });
  const { message } = await ann.messages.sendMessage({
    conversationId,
    message: {
      parts: [
        { content: { case: "text", value: { text: SECRET } } },
        { content: { case: "file", value: { source: { case: "fileId", value: fileId } } } },
      ],
    },
  });
  const messageId = message?.id ?? "";
  await ann.messages.updateMessage({
    messageId,
    message: { content: `${SECRET}!` },
    updateMask: { paths: ["content"] },
  });
  await ann.messages.sendMessage({ conversationId, message: { content: SECRET, replyTo: messageId } });
  const { credential } = await tenant.key("read", "write", "admin");
  const outsiders = { admin: await tenant.token("admin"), chief: await tenant.token("chief"), key: credential };
  const audit = server.client(AuditService, credential);
  return {
    ...{ tenant, set, conversationId, messageId, fileId, outsiders, ann: await tenant.token("ann") },
    async noted() {
      const { auditEntries } = await audit.listAuditEntries({ pageSize: 200 });
      return auditEntries
        .filter(({ action }) => action.endsWith(".read"))
        .map(
          ({ actor, resourceId, details }) => `${actor?.id} ${details.method} ${details.conversation_id ?? resourceId}`,
        );
    },
  };
}

type Place = { readonly conversationId: string; readonly messageId: string; readonly fileId: string };
type Read = (credential: Credential, place: Place) => Promise<unknown>;

async function first<T>(stream: AsyncIterable<T>): Promise<unknown> {
  const found: T[] = [];
  for await (const item of stream) {
    found.push(item);
    if (JSON.stringify(item, (_, value) => (typeof value === "bigint" ? `${value}` : value)).includes(SECRET)) break;
  }
  return found;
}

/** Each way to what was said; where a stream goes on, until it has come. */
const READS: Readonly<Record<string, Read>> = {
  "MessageService/GetMessage": (c, { messageId }) => server.client(MessageService, c).getMessage({ messageId }),
  "MessageService/ListMessages": (c, { conversationId }) =>
    server.client(MessageService, c).listMessages({ conversationId }),
  "MessageService/BatchListMessages": (c, { conversationId }) =>
    server.client(MessageService, c).batchListMessages({ conversationIds: [conversationId] }),
  "MessageService/SearchMessages": (c) => server.client(MessageService, c).searchMessages({ query: "bob" }),
  "MessageService/ListMessageRevisions": (c, { messageId }) =>
    server.client(MessageService, c).listMessageRevisions({ messageId }),
  "MessageService/ListReplies": (c, { messageId }) => server.client(MessageService, c).listReplies({ messageId }),
  "EventService/ListEvents": (c, { conversationId }) => server.client(EventService, c).listEvents({ conversationId }),
  "EventService/Subscribe": (c, { conversationId }) =>
    first(server.client(EventService, c).subscribe({ conversationId })),
  "TransferService/ExportConversations": (c, { conversationId }) =>
    first(server.client(TransferService, c).exportConversations({ conversationId })),
  "FileService/GetFile": (c, { fileId }) => server.client(FileService, c).getFile({ fileId }),
  "FileService/ListFiles": (c, { conversationId }) => server.client(FileService, c).listFiles({ conversationId }),
  "FileService/ListMessageFiles": (c, { messageId }) => server.client(FileService, c).listMessageFiles({ messageId }),
  "ConversationService/ForkConversation": (c, { conversationId }) =>
    server.client(ConversationService, c).forkConversation({ conversationId }),
};

/** The same where the request names more or less. */
const WIDE: typeof READS = {
  "TransferService/ExportConversations": (c) => first(server.client(TransferService, c).exportConversations({})),
  "FileService/ListMessageFiles": (c, place) => server.client(FileService, c).listMessageFiles(place),
};

/** Read by the same handlers over REST and by a front end. */
const ELSEWHERE: typeof READS = {
  "FileService/DownloadFile": (c, { fileId }) => textAt(`/v1/files/${fileId}/content`, c),
  "MessageService/ListMessages": (c, { conversationId }) => textAt(`/v1/conversations/${conversationId}/messages`, c),
  "MessageService/GetMessage": (c, { messageId }) => textAt(`/v1/messages/${messageId}`, c),
};

async function textAt(path: string, headers: Credential): Promise<string> {
  const response = await fetch(`${server.url}${path}`, { headers });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.text();
}

const CASES = [READS, WIDE, ELSEWHERE].flatMap((ways) => Object.entries(ways));

/** Whether a read brings what was said. A fork brings it to whoever owns it then. */
async function brings(read: Read, credential: Credential, place: Place): Promise<boolean> {
  const found = await read(credential, place).catch(() => "");
  const text = JSON.stringify(found, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  return text.includes(SECRET) || text.includes("colloquy.v1.ForkConversationResponse");
}

test("every method that shows what was said is called here, or by turns", () => {
  const shown = ownServices
    .flatMap(({ methods }) => methods)
    .filter((method) => showingOf(method) === "read" && method.parent.name !== "TurnService")
    .map(({ parent, name }) => `${parent.name}/${name}`);
  const called = new Set([...CASES.map(([method]) => method), "MessageService/ListMentions"]);
  expect(shown.filter((method) => !called.has(method))).toEqual([]);
});

test("by default those read who see a conversation, and the audit log is silent", async () => {
  const { outsiders, noted, ...place } = await begin(ALWAYS);
  for (const [method, read] of CASES)
    expect([method, await brings(read, outsiders.key, place)]).toEqual([method, true]);
  expect(await noted()).toEqual([]);
});

test("audited, each read from outside leaves an entry that names the conversation and the method, before it is answered", async () => {
  const { outsiders, noted, ann, tenant, ...place } = await begin(AUDITED);
  for (const [name, credential] of Object.entries(outsiders)) {
    for (const [method, read] of CASES) {
      expect([name, method, await brings(read, credential, place)]).toEqual([name, method, true]);
      const entries = (await noted()).filter((entry) => entry.endsWith(` ${method} ${place.conversationId}`));
      expect([name, method, entries.length > 0]).toEqual([name, method, true]);
    }
  }
  const before = await noted();
  for (const credential of [ann, await tenant.token("bob")])
    for (const [, read] of CASES) await brings(read, credential, place);
  expect((await noted()).filter((entry) => !before.includes(entry))).toEqual([]);
});

test("audited, what the feed of the whole tenant brings leaves entries too", async () => {
  const { outsiders, noted, ann, conversationId } = await begin(AUDITED);
  const { messages } = personOf(server, ann);
  const brought = first(server.client(EventService, outsiders.key).subscribe({}));
  let done = false;
  void brought.finally(() => {
    done = true;
  });
  await expect
    .poll(async () => {
      await messages.sendMessage({ conversationId, message: { content: SECRET } });
      return done;
    })
    .toBe(true);
  expect(await noted()).toEqual([expect.stringContaining(`EventService/Subscribe ${conversationId}`)]);
});

test("audited, a loop of reads leaves one entry a minute", async () => {
  const { outsiders, noted, conversationId } = await begin(AUDITED);
  const messages = server.client(MessageService, outsiders.admin);
  const other = await startIdentityServer({ beside: server });
  const elsewhere = other.client(MessageService, outsiders.admin);
  const reads = Array.from({ length: 40 }, (_, place) =>
    (place % 2 ? messages : elsewhere).listMessages({ conversationId }),
  );
  await Promise.all(reads);
  await other.close();
  // A minute may have ended meanwhile.
  expect([1, 2]).toContain((await noted()).length);
});

test("where nobody reads from outside, no method shows an outsider what was said, and those who take part read on", async () => {
  const { outsiders, ann, ...place } = await begin(NEVER);
  for (const [name, credential] of Object.entries(outsiders)) {
    for (const [method, read] of CASES)
      expect([name, method, await brings(read, credential, place)]).toEqual([name, method, false]);
  }
  for (const [method, read] of CASES) expect([method, await brings(read, ann, place)]).toEqual([method, true]);
});

test.each([AUDITED, NEVER])("who uploads has the file until a message names it (setting %i)", async (setting) => {
  const { outsiders, noted } = await begin(setting);
  for (const [name, credential] of Object.entries(outsiders)) {
    const own = personOf(server, credential);
    const { id: fileId } = await own.upload(Buffer.from("mine"), { name: "mine.txt" });
    const [{ file }, { files }] = [await own.files.getFile({ fileId }), await own.files.listFiles({})];
    expect([name, file?.name, files.map(({ id }) => id)]).toEqual([name, "mine.txt", [fileId]]);
    expect([name, await textAt(`/v1/files/${fileId}/content`, credential)]).toEqual([name, "mine"]);
  }
  expect(await noted()).toEqual([]);
});

test("where nobody reads from outside, a change shows nothing but itself", async () => {
  const { outsiders, messageId } = await begin(NEVER);
  const messages = server.client(MessageService, outsiders.admin);
  const { message } = await messages.deleteMessage({ messageId });
  expect(message).toMatchObject({ id: messageId, content: "", parts: [] });
});

type Part = MessageInitShape<typeof PartSchema>;

/** Each way to let a message of one's own name a file. */
const NAMINGS: Readonly<Record<string, (credential: Credential, own: Own, parts: Part[]) => Promise<unknown>>> = {
  "MessageService/SendMessage": (c, { conversationId }, parts) =>
    server.client(MessageService, c).sendMessage({ conversationId, message: { parts } }),
  "MessageService/BatchSendMessages": (c, { conversationId }, parts) =>
    server.client(MessageService, c).batchSendMessages({ conversationId, messages: [{ parts }] }),
  "MessageService/UpdateMessage": (c, { messageId }, parts) =>
    server.client(MessageService, c).updateMessage({ messageId, message: { parts }, updateMask: { paths: ["parts"] } }),
  "MessageService/ReplaceMessages": (c, { conversationId }, parts) =>
    server.client(MessageService, c).replaceMessages({ conversationId, messages: [{ parts }] }),
  "ConversationService/CreateConversation": (c, _, parts) =>
    server.client(ConversationService, c).createConversation({ messages: [{ parts }] }),
  "DraftService/ScheduleMessage": (c, { conversationId }, parts) =>
    server.client(DraftService, c).scheduleMessage({
      conversationId,
      scheduledMessage: { message: { parts }, sendTime: timestampFromMs(Date.now() + 3_600_000) },
    }),
};

interface Own {
  readonly conversationId: string;
  readonly messageId: string;
}

async function ownOf(credential: Credential): Promise<Own> {
  const { conversations, messages } = personOf(server, credential);
  const { conversation } = await conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const { message } = await messages.sendMessage({ conversationId, message: { content: "mine" } });
  return { conversationId, messageId: message?.id ?? "" };
}

const naming = (fileId: string): Part[] => [
  { content: { case: "file", value: { source: { case: "fileId", value: fileId } } } },
];

const NAMED = Object.entries(NAMINGS);

test("each method whose request can name a file is called here, or is a turn's", () => {
  const able = ownServices
    .flatMap(({ methods }) => methods)
    .filter(({ input, methodKind }) => holdsFiles(input) && methodKind !== "client_streaming")
    .filter(({ parent }) => parent.name !== "TurnService")
    .map(({ parent, name }) => `${parent.name}/${name}`);
  // A draft names nothing before it is sent, and a conversation's messages are not changed by changing it.
  const harmless = ["ConversationService/UpdateConversation", "DraftService/SetDraft"];
  expect(able.filter((method) => !(method in NAMINGS))).toEqual(harmless);
});

test("where nobody reads from outside, nobody names a file that it would read by naming it", async () => {
  const { outsiders, fileId, ann } = await begin(NEVER);
  for (const [name, credential] of Object.entries(outsiders)) {
    const own = await ownOf(credential);
    for (const [method, name_] of NAMED) {
      const outcome = await name_(credential, own, naming(fileId.toUpperCase())).then(
        () => "named",
        (error: Error) => error.message,
      );
      expect([name, method, outcome]).toEqual([name, method, expect.stringContaining("is not a file")]);
    }
    const item = { role: "user", content: [{ type: "input_file", file_id: fileId }] };
    const made = await personOf(server, credential).rest("/openai/v1/conversations", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ items: [item] }),
    });
    expect([name, made.ok, await made.text()]).toEqual([name, false, expect.stringContaining(" not found.")]);
    await expect(textAt(`/v1/files/${fileId}/content`, credential)).rejects.toThrow("404");
    const { id } = await personOf(server, credential).upload(Buffer.from("mine"), { name: "mine.txt" });
    await NAMINGS["MessageService/SendMessage"]?.(credential, own, naming(id));
  }
  const own = await ownOf(ann);
  for (const [, name_] of NAMED) await name_(ann, own, naming(fileId));
});

test("where nobody reads from outside, a key that acts for nobody gives nobody what it does not read", async () => {
  const { outsiders, fileId, tenant } = await begin(NEVER);
  await tenant.addMember("joe");
  const joe = await tenant.token("joe");
  const { conversationId } = await ownOf(joe);
  const send = NAMINGS["MessageService/SendMessage"];
  const sent = send?.(outsiders.key, { conversationId, messageId: "" }, naming(fileId));
  await expect(sent).rejects.toThrow("is not a file");
  await expect(textAt(`/v1/files/${fileId}/content`, joe)).rejects.toThrow("404");
});

test("audited, naming a file from outside leaves an entry, and of those who read it none", async () => {
  const { outsiders, noted, fileId, ann, conversationId } = await begin(AUDITED);
  // Whoever has named it once takes part in a conversation that names it: each names it in one way.
  const ways: readonly (readonly [Credential, string])[] = [
    [outsiders.admin, "MessageService/UpdateMessage"],
    [outsiders.chief, "DraftService/ScheduleMessage"],
    [outsiders.key, "MessageService/SendMessage"],
  ];
  for (const [credential, method] of ways) {
    await NAMINGS[method]?.(credential, await ownOf(credential), naming(fileId));
    expect(await noted()).toContainEqual(expect.stringContaining(` ${method} ${conversationId}`));
  }
  const before = await noted();
  const own = await ownOf(ann);
  for (const [, name_] of NAMED) await name_(ann, own, naming(fileId));
  expect(await noted()).toEqual(before);
});

/** A response of ann's with a secret in each field that is kept as the turn's note. */
async function responded(ann: Credential, key: Credential): Promise<{ turnId: string; path: string }> {
  await server
    .client(AgentService, key)
    .createAgent({ agent: { name: "echo", connector: { case: "echo", value: {} } } });
  const tools = [{ type: "function", name: "look", description: SECRET, parameters: {} }];
  const asked = { instructions: SECRET, user: SECRET, prompt_cache_key: SECRET, metadata: { about: SECRET }, tools };
  const made = await personOf(server, ann).rest("/openai/v1/responses", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "echo", input: "hello", ...asked }),
  });
  const { id } = (await made.json()) as { id: string };
  const hex = id.replace("resp_", "");
  const turnId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { turnId, path: `/openai/v1/responses/${id}` };
}

test("where nobody reads from outside, a turn is seen without what it was asked, and a response is not found", async () => {
  const { outsiders, ann } = await begin(NEVER);
  const { turnId, path } = await responded(ann, outsiders.key);
  for (const [name, credential] of Object.entries(outsiders)) {
    const { turn } = await server.client(TurnService, credential).getTurn({ turnId });
    expect([name, turn?.id, turn?.noteJson]).toEqual([name, turnId, ""]);
    for (const query of ["", "?stream=true"]) {
      const response = await personOf(server, credential).rest(`${path}${query}`);
      expect([name, query, response.status]).toEqual([name, query, 404]);
      expect(await response.text()).not.toContain(SECRET);
    }
  }
  const { turn } = await server.client(TurnService, ann).getTurn({ turnId });
  expect(turn?.noteJson).toContain(SECRET);
  expect(await textAt(`${path}?stream=true`, ann)).toContain(SECRET);
});

test("audited, a look at what a turn was asked leaves an entry", async () => {
  const { outsiders, noted, ann } = await begin(AUDITED);
  const { turnId } = await responded(ann, outsiders.key);
  const { turn } = await server.client(TurnService, outsiders.key).getTurn({ turnId });
  expect(turn?.noteJson).toContain(SECRET);
  expect(await noted()).toEqual([expect.stringContaining(` TurnService/GetTurn ${turn?.conversationId}`)]);
});

test("a stream ends once the tenant changes who may read", async () => {
  const { outsiders, conversationId, set, ann } = await begin(ALWAYS);
  const events = server.client(EventService, outsiders.admin).subscribe({ conversationId });
  const reading = Array.fromAsync(events).then(
    () => "ended",
    (error: Error) => error.message,
  );
  await set(NEVER);
  const ended = { is: false };
  void reading.then(() => {
    ended.is = true;
  });
  await expect
    .poll(
      async () => {
        await personOf(server, ann).messages.sendMessage({ conversationId, message: { content: "later" } });
        return ended.is;
      },
      { timeout: 60_000, interval: 500 },
    )
    .toBe(true);
  expect(await reading).toContain("begin again");
}, 90_000);
