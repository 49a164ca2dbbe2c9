// F-ERASURE: Public reports about the erasure of people in other products, tried here.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ActorType } from "../../gen/colloquy/v1/actor_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { createDiskStore } from "../../src/files/disk.ts";
import { sweepFiles } from "../../src/jobs/files.ts";
import { type Person, PIXEL, personOf } from "../support/calls/files.ts";
import { reasonOf } from "../support/errors.ts";
import { runJobs } from "../support/postgres/erasure.ts";
import { type IdentityServer, type IdentityTenant, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let tenant: IdentityTenant;
let folder: string;
let key: Person;
let people = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-erasure-reports-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}` } });
  tenant = await server.tenant();
  await tenant.addMember("ann");
  key = personOf(server, (await tenant.key("read", "write", "admin")).credential);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Somebody new, in a conversation of ann's. */
async function somebody() {
  const id = `person-${++people}`;
  const directory = server.client(DirectoryService, key.credential);
  await directory.upsertMember({ memberId: id, member: { displayName: `Name of ${id}` } });
  const [ann, person] = [personOf(server, await tenant.token("ann")), personOf(server, await tenant.token(id))];
  const { conversation } = await ann.conversations.createConversation({ participantIds: [id] });
  const conversationId = conversation?.id ?? "";
  return {
    ...{ id, ann, person, conversationId, directory },
    say: async (who: Person, content: string) =>
      (await who.messages.sendMessage({ conversationId, message: { content } })).message?.id ?? "",
    async erase() {
      await server.client(ErasureService, key.credential).eraseMember({ memberId: id });
      await runJobs(server.database, tenant.id);
    },
  };
}

// RocketChat/Rocket.Chat#9766: only direct messages went. Ocelot-Social-Community/Ocelot-Social#6657: the text stayed
// in the row. RocketChat/Rocket.Chat#10783: without a trace, answers seemed to be about what came before.
// matrix-org/synapse#8185 and #8189: who was there then went on reading.
test("a message in a group loses its text for those who have read it, and its place tells that somebody wrote", async () => {
  const { ann, person, conversationId, say, erase } = await somebody();
  await say(ann, "Shall we?");
  await say(person, "Never.");
  await say(ann, "Good.");
  await erase();
  const { messages } = await ann.messages.listMessages({ conversationId, deleted: DeletedFilter.INCLUDE });
  expect(messages.map(({ content, sender }) => [content, sender?.type, sender?.id])).toEqual([
    ["Shall we?", ActorType.MEMBER, "ann"],
    ["", ActorType.SYSTEM, "erased"],
    ["Good.", ActorType.MEMBER, "ann"],
  ]);
});

// matrix-org/synapse#15355 and element-hq/synapse#17076: the name stayed in entries about joining.
test("entries about its joining, leaving and reading do not name the person", async () => {
  const { id, ann, person, conversationId, say, erase } = await somebody();
  await say(ann, "Read this.");
  await person.participants.markRead({ conversationId, readSeq: 2n });
  await ann.participants.removeParticipant({ conversationId, memberId: id });
  await erase();
  const { events } = await server.client(EventService, key.credential).listEvents({ conversationId });
  const named = events.flatMap(({ change }) =>
    change.case === "participantAdded" || change.case === "participantRemoved" || change.case === "readMarked"
      ? [change.value.memberId]
      : [],
  );
  const gone = "system:erased";
  expect(named.filter((name) => name !== "ann")).toEqual([gone, gone, gone]);
});

// element-hq/synapse#19540: a later step of the erasure put the person back into the directory.
// glpi-project/glpi#21462 and #21498: who was deleted came back with the next synchronization.
test("the person is in no list of members, and a synchronization does not bring it back", async () => {
  const { id, directory, erase } = await somebody();
  await erase();
  const { members } = await directory.listMembers({ deleted: DeletedFilter.INCLUDE, pageSize: 200 });
  expect(members.map((member) => member.id)).not.toContain(id);
  expect(await reasonOf(directory.upsertMember({ memberId: id }))).toBe("CONFLICT");
  expect(await reasonOf(directory.getMember({ memberId: id, deleted: DeletedFilter.INCLUDE }))).toBe("NOT_FOUND");
});

// danny-avila/LibreChat#6733 and element-hq/element-meta#820: chats and uploads stayed.
test("what it uploaded goes from the disk, also where nobody has named it yet", async () => {
  const { person, conversationId, erase } = await somebody();
  const [sent, unsent] = [await person.upload(PIXEL), await person.upload(PIXEL)];
  await person.send(conversationId, sent.id);
  await erase();
  await sweepFiles(server.database, await createDiskStore(folder), tenant.id);
  const bytes = [sent, unsent].map(({ id }) => existsSync(join(folder, tenant.id, id.slice(-2), id)));
  expect(bytes).toEqual([false, false]);
});

// vstorm-co/agenticos#1421: nobody could say what becomes of the audit log.
test("the audit log keeps what the person did, without its name and address", async () => {
  const { id, person, say, erase } = await somebody();
  const messageId = await say(person, "Oh.");
  await person.messages.deleteMessage({ messageId });
  await erase();
  const audit = server.client(AuditService, key.credential);
  const { auditEntries } = await audit.listAuditEntries({ resourceId: messageId });
  expect(auditEntries).toMatchObject([
    { action: "message.delete", address: "", actor: { type: ActorType.SYSTEM, id: "erased" } },
  ]);
  expect((await audit.listAuditEntries({ resourceType: "member", resourceId: id })).auditEntries).toEqual([]);
});

// linagora/twake-on-matrix#1624: what is shared with others.
test("conversations of others go on, and their messages about the person stay as they wrote them", async () => {
  const { id, ann, conversationId, say, erase } = await somebody();
  await say(ann, `I wrote about ${id}`);
  await erase();
  await say(ann, "and go on");
  const { messages } = await ann.messages.listMessages({ conversationId });
  expect(messages.map(({ content }) => content)).toEqual([`I wrote about ${id}`, "and go on"]);
});
