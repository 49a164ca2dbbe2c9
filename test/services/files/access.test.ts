// Who sees a file: whoever sees a message that names it, and nobody else, on every wire and at every moment.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { type Person, PIXEL, personOf } from "../../support/calls/files.ts";
import { failureOf } from "../../support/failure.ts";
import {
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
  WIRES,
} from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let tenant: IdentityTenant;
beforeAll(async () => {
  server = await startIdentityServer();
  tenant = await server.tenant();
  for (const id of ["ann", "bob", "eve"]) await tenant.addMember(id);
  await tenant.addMember("max", { role: "manager" });
  await tenant.addMember("sub", { manager: "max" });
  await tenant.addMember("ada", { role: "admin" });
});
afterAll(() => server.close());

const as = async (id: string, role?: "manager" | "admin"): Promise<Person> =>
  personOf(server, await tenant.token(id, role));

async function scene() {
  const [ann, bob, eve, ada] = await Promise.all([as("ann"), as("bob"), as("eve"), as("ada", "admin")]);
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  const file = await ann.upload(PIXEL, { name: "pixel.png" });
  return { ann, bob, eve, ada, conversationId: conversation?.id ?? "", file };
}

const who = async (fileId: string, people: Record<string, Person>) => {
  const seen: string[] = [];
  for (const [name, person] of Object.entries(people)) if (await person.sees(fileId)) seen.push(name);
  return seen.join(" ");
};

describe("a file", () => {
  test("is its uploader's alone before a message names it, then of all who see the message", async () => {
    const { ann, bob, eve, ada, conversationId, file } = await scene();
    expect(await who(file.id, { ann, bob, eve, ada })).toBe("ann");
    await ann.send(conversationId, file.id);
    expect(await who(file.id, { ann, bob, eve, ada })).toBe("ann bob ada");
  });

  test("a list that begins after what is no id of a file is NOT_FOUND, not a failure", async () => {
    const { ann } = await scene();
    for (const afterId of ["x", `${newId()}A`]) {
      expect(await failureOf(ann.files.listFiles({ afterId }))).toMatchObject({ reason: "NOT_FOUND" });
    }
  });

  test("is gone at once for a participant who is removed, be it the uploader", async () => {
    const { ann, bob, eve, conversationId } = await scene();
    const file = await bob.upload(PIXEL);
    await bob.send(conversationId, file.id);
    expect(await who(file.id, { ann, bob, eve })).toBe("ann bob");
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    expect(await who(file.id, { ann, bob, eve })).toBe("ann");
    await ann.participants.addParticipants({ conversationId, memberIds: ["eve"] });
    expect(await who(file.id, { ann, bob, eve })).toBe("ann eve");
  });

  test("is hidden with its message or its conversation, and comes back with them", async () => {
    const { ann, bob, ada, conversationId, file } = await scene();
    const messageId = await ann.send(conversationId, file.id);
    await ann.messages.deleteMessage({ messageId });
    expect(await who(file.id, { ann, bob, ada })).toBe("");
    await ann.messages.restoreMessage({ messageId });
    expect(await who(file.id, { ann, bob, ada })).toBe("ann bob ada");
    await ann.conversations.deleteConversation({ conversationId });
    expect(await who(file.id, { ann, bob, ada })).toBe("");
    await ann.conversations.restoreConversation({ conversationId });
    expect(await who(file.id, { ann, bob, ada })).toBe("ann bob ada");
  });

  test("that an edit takes out stays with the revisions of the message", async () => {
    const { ann, bob, eve, conversationId, file } = await scene();
    const messageId = await ann.send(conversationId, file.id);
    await ann.messages.updateMessage({
      messageId,
      message: { content: "no picture" },
      updateMask: { paths: ["parts", "content"] },
    });
    expect(await who(file.id, { ann, bob, eve })).toBe("ann bob");
  });

  test("that an edit brings is seen by those who see the message", async () => {
    const { ann, bob, eve, conversationId, file } = await scene();
    const messageId = await ann.send(conversationId);
    const parts = [
      { content: { case: "file" as const, value: { source: { case: "fileId" as const, value: file.id } } } },
    ];
    await ann.messages.updateMessage({ messageId, message: { parts } });
    expect(await who(file.id, { ann, bob, eve })).toBe("ann bob");
    const foreign = await eve.upload(PIXEL);
    const worse = [
      { content: { case: "file" as const, value: { source: { case: "fileId" as const, value: foreign.id } } } },
    ];
    await expect(ann.messages.updateMessage({ messageId, message: { parts: worse } })).rejects.toThrow(
      "message.parts[0].file.file_id: is not a file",
    );
  });

  test("of two conversations is seen by those of both, until the last message goes", async () => {
    const { ann, bob, eve, conversationId, file } = await scene();
    await ann.send(conversationId, file.id);
    const { conversation } = await bob.conversations.createConversation({ participantIds: ["eve"] });
    const forwarded = await bob.send(conversation?.id ?? "", file.id);
    expect(await who(file.id, { ann, bob, eve })).toBe("ann bob eve");
    await ann.conversations.deleteConversation({ conversationId });
    expect(await who(file.id, { ann, bob, eve })).toBe("bob eve");
    await bob.messages.deleteMessage({ messageId: forwarded });
    expect(await who(file.id, { ann, bob, eve })).toBe("");
  });

  test("goes along with a fork, as it was then, and on branches that are not live", async () => {
    const { ann, bob, eve, conversationId, file } = await scene();
    const first = await ann.send(conversationId);
    await ann.send(conversationId, file.id);
    await ann.messages.sendMessage({ conversationId, message: { content: "instead", parentId: first } });
    expect(await who(file.id, { ann, bob, eve })).toBe("ann bob");
    const { branches } = await ann.messages.listBranches({ conversationId });
    expect(branches.length).toBeGreaterThan(0);
    const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
    const origin = conversation?.id ?? "";
    const other = await ann.upload(PIXEL);
    const named = await ann.send(origin, other.id);
    const late = await ann.send(origin);
    const { conversation: fork } = await ann.conversations.forkConversation({
      conversationId: origin,
      conversation: { title: "fork" },
      participantIds: ["eve"],
    });
    expect(fork?.id).not.toBe("");
    expect(await who(other.id, { ann, bob, eve })).toBe("ann bob eve");
    const added = await ann.upload(PIXEL);
    const parts = [
      { content: { case: "file" as const, value: { source: { case: "fileId" as const, value: added.id } } } },
    ];
    await ann.messages.updateMessage({ messageId: late, message: { parts } });
    expect(await who(added.id, { ann, bob, eve })).toBe("ann bob");
    const mine = await eve.upload(PIXEL);
    await eve.send(fork?.id ?? "", mine.id, other.id);
    const listed = async (person: Person, id = "") =>
      (await person.files.listFiles({ conversationId: id })).files.map(({ id: fileId }) => fileId);
    expect(await listed(eve, fork?.id)).toEqual([mine.id, other.id]);
    const ofMessage = async (person: Person, messageId: string, conversationId = "") =>
      (await person.files.listMessageFiles({ messageId, conversationId })).files.map(({ id: fileId }) => fileId);
    expect(await ofMessage(eve, named, fork?.id)).toEqual([other.id]);
    expect(await ofMessage(eve, late, fork?.id)).toEqual([]);
    expect(await ofMessage(ann, late, origin)).toEqual([added.id]);
    for (const [messageId, within] of [
      [named, ""],
      [named, origin],
      [first, fork?.id],
    ] as const) {
      await expect(ofMessage(eve, messageId, within)).rejects.toThrow("[not_found] message not found");
    }
    expect(await listed(ann, origin)).toEqual([added.id, other.id]);
    await ann.conversations.deleteConversation({ conversationId: origin });
    expect(await who(other.id, { ann, bob, eve })).toBe("ann eve");
  });

  test("is seen by managers of those who see it, and by a key that acts for one", async () => {
    const [sub, max] = [await as("sub"), await as("max", "manager")];
    const { conversation } = await sub.conversations.createConversation({});
    const file = await sub.upload(PIXEL);
    expect(await max.sees(file.id)).toBe(false);
    await sub.send(conversation?.id ?? "", file.id);
    const { credential } = await tenant.key("read", "write");
    const acting = (id: string) => personOf(server, { ...credential, "x-act-for": id });
    const people = { sub, max, key: personOf(server, credential), forSub: acting("sub"), forEve: acting("eve") };
    expect(await who(file.id, people)).toBe("sub max key forSub");
  });
});

describe("a download under way", () => {
  const size = 16 * 2 ** 20;
  let place: Awaited<ReturnType<typeof scene>>;
  let fileId: string;
  beforeAll(async () => {
    place = await scene();
    fileId = (await place.ann.upload(Buffer.alloc(size))).id;
    await place.ann.send(place.conversationId, fileId);
  });

  test("goes on when what happens is no matter of its reader's right", async () => {
    const { ann, bob, conversationId } = place;
    let read = 0;
    for await (const bytes of downloadOf(bob, "connect", fileId)) {
      if (read === 0) await ann.send(conversationId);
      read += bytes;
    }
    expect(read).toBe(size);
  });

  test.each([...WIRES, "rest"] as const)("over %s ends when its reader may not see the file any more", async (wire) => {
    const { ann, bob, conversationId } = place;
    await ann.participants.addParticipants({ conversationId, memberIds: ["bob"] });
    let read = 0;
    const download = async () => {
      for await (const bytes of downloadOf(bob, wire, fileId)) {
        if (read === 0) await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
        read += bytes;
      }
    };
    await expect(download()).rejects.toThrow(wire === "rest" ? "terminated" : "[not_found] file not found");
    expect([read > 0, read < size]).toEqual([true, true]);
  });
});

/** The sizes of the pieces that come. */
async function* downloadOf(person: Person, wire: (typeof WIRES)[number] | "rest", fileId: string) {
  if (wire === "rest") {
    const { body } = await person.rest(`/v1/files/${fileId}/content`);
    for await (const piece of body ?? []) yield piece.byteLength;
    return;
  }
  const client = server.client(FileService, person.credential, wire);
  for await (const { body } of client.downloadFile({ fileId })) yield body?.data.byteLength ?? 0;
}

describe("what names a file", () => {
  test("must see it: a foreign file, one of another tenant and none get the same error, and nothing is sent", async () => {
    const { ann, eve, ada, conversationId } = await scene();
    const foreign = await eve.upload(PIXEL);
    const other = await server.tenant();
    const elsewhere = await personOf(server, (await other.key("read", "write")).credential).upload(PIXEL);
    for (const person of [ann, ada]) {
      for (const id of [foreign.id, elsewhere.id, newId()]) {
        await expect(person.send(conversationId, id)).rejects.toThrow(
          "[invalid_argument] message.parts[0].file.file_id: is not a file",
        );
      }
    }
    expect((await ann.messages.listMessages({ conversationId })).messages).toEqual([]);
    expect((await ann.conversations.getConversation({ conversationId })).conversation?.lastSeq).toBe(2n);
    expect(await eve.sees(foreign.id)).toBe(true);
  });

  test("is named in the error by its place in the list, be it the only message or not the first", async () => {
    const { ann, eve } = await scene();
    const { id } = await eve.upload(PIXEL);
    const plain = { content: "a" };
    const naming = {
      parts: [{ content: { case: "file" as const, value: { source: { case: "fileId" as const, value: id } } } }],
    };
    const { conversation } = await ann.conversations.createConversation({ messages: [plain, plain] });
    const { conversation: empty } = await ann.conversations.createConversation({});
    const there = { conversationId: conversation?.id ?? "" };
    for (const messages of [[naming], [plain, naming], [plain, plain, naming]]) {
      const field = `messages[${messages.length - 1}].parts[0].file.file_id: is not a file`;
      await expect(ann.conversations.createConversation({ messages })).rejects.toThrow(field);
      await expect(ann.messages.batchSendMessages({ ...there, messages })).rejects.toThrow(field);
      // The first two edit what is there, the third one adds to it.
      await expect(ann.messages.replaceMessages({ ...there, messages })).rejects.toThrow(field);
      await expect(ann.messages.replaceMessages({ conversationId: empty?.id ?? "", messages })).rejects.toThrow(field);
    }
  });

  test("can be a batch, a reply, a message with a client id, and a list that replaces", async () => {
    const { ann, bob, conversationId } = await scene();
    const part = (fileId: string) => ({
      content: { case: "file" as const, value: { source: { case: "fileId" as const, value: fileId } } },
    });
    const [a, b, c, d, e, f] = await Promise.all(Array.from({ length: 6 }, () => ann.upload(PIXEL)));
    const ids = [a, b, c, d, e, f].map((file) => file?.id ?? "") as [string, string, string, string, string, string];
    const batch = await ann.messages.batchSendMessages({
      conversationId,
      messages: [
        { parts: [part(ids[0]), part(ids[1])] },
        { content: "plain" },
        { parts: [part(ids[0]), part(ids[2])] },
      ],
    });
    await ann.messages.sendMessage({
      conversationId,
      message: { parts: [part(ids[3])], replyTo: batch.messages[0]?.id ?? "" },
    });
    const named = { conversationId, message: { parts: [part(ids[4])], clientId: "x" } };
    const once = await ann.messages.sendMessage(named);
    expect((await ann.messages.sendMessage(named)).message?.id).toBe(once.message?.id);
    for (const id of ids.slice(0, 5)) expect(await bob.sees(id)).toBe(true);
    await ann.messages.replaceMessages({ conversationId, messages: [{ parts: [part(ids[5])] }] });
    expect(await bob.sees(ids[5])).toBe(true);
    const { conversation } = await ann.conversations.createConversation({ messages: [{ parts: [part(ids[5])] }] });
    expect(conversation?.messageCount).toBe(1n);
  });

  test("names at most 20 files, while ids in others' words are not counted nor looked up", async () => {
    const { ann, conversationId } = await scene();
    const files = await Promise.all(Array.from({ length: 21 }, () => ann.upload(PIXEL)));
    await expect(ann.send(conversationId, ...files.map(({ id }) => id))).rejects.toThrow(
      "[invalid_argument] message.parts: must name at most 20 files",
    );
    await ann.send(conversationId, ...files.slice(1).map(({ id }) => id));
    await ann.send(conversationId, "file-abc", "7f0c8a1e-2b3d-4c5e-8f90-123456789abc");
  });

  test("keeps a request id: a repeat gives the message of before, though the file is gone", async () => {
    const { ann, conversationId, file } = await scene();
    const parts = [
      { content: { case: "file" as const, value: { source: { case: "fileId" as const, value: file.id } } } },
    ];
    const request = { conversationId, message: { parts }, requestId: newId() };
    const { message } = await ann.messages.sendMessage(request);
    await ann.files.deleteFile({ fileId: file.id });
    expect((await ann.messages.sendMessage(request)).message?.id).toBe(message?.id);
    expect(await ann.sees(file.id)).toBe(false);
    await ann.messages.updateMessage({
      messageId: message?.id ?? "",
      message: { parts: [...parts, { content: { case: "text", value: { text: "hi" } } }] },
    });
  });
});
