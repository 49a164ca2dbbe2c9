// Export of a person: everything of and about one member in one archive, and nothing that others wrote to each other.
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { ReactionService } from "../../gen/colloquy/v1/reaction_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { PIXEL, personOf } from "../support/calls/files.ts";
import { reasonOf } from "../support/errors.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const run = promisify(execFile);
const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) process.stderr.write("skipped: python3, which reads the archives of persons, is not installed\n");
let server: IdentityServer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-member-export-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${join(folder, "files")}` } });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** The archive as Python reads it: its files by name. */
async function unpacked(archive: Uint8Array): Promise<Map<string, Buffer>> {
  const into = await mkdtemp(join(folder, "archive-"));
  await writeFile(join(into, "a.zip"), archive);
  const program = `import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
z.extractall(sys.argv[2])
print(json.dumps(z.namelist()))`;
  const { stdout } = await run("python3", ["-c", program, join(into, "a.zip"), into]);
  const names = JSON.parse(stdout) as string[];
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(into, name))] as const)));
}

const linesOf = (file: Buffer | undefined) =>
  (file?.toString() ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test.skipIf(!hasPython)(
  "the archive has all of a person and what is about it, and tells in words what is where",
  async () => {
    const tenant = await server.tenant();
    for (const id of ["ann", "bob"]) await tenant.addMember(id);
    const [ann, bob] = [personOf(server, await tenant.token("ann")), personOf(server, await tenant.token("bob"))];
    const { credential } = await tenant.key("read", "write", "admin");
    const created = await ann.conversations.createConversation({ participantIds: ["bob"] });
    const conversationId = created.conversation?.id ?? "";
    const say = async (who: typeof ann, message: object) =>
      (await who.messages.sendMessage({ conversationId, message })).message?.id ?? "";
    const private_ = await ann.conversations.createConversation({ conversation: { title: "Of ann alone" } });
    const own = await say(bob, { content: "first" });
    await bob.messages.updateMessage({ messageId: own, message: { content: "second" } });
    const others = await say(ann, { content: "to nobody" });
    await say(ann, { content: "to bob", mentions: ["bob"] });
    await server.client(ReactionService, bob.credential).addReaction({ messageId: others, reaction: "👍" });
    const drafts = server.client(DraftService, bob.credential);
    await drafts.setDraft({ conversationId, message: { content: "not yet" } });
    const sendTime = timestampFromMs(Date.now() + 3_600_000);
    await drafts.scheduleMessage({ conversationId, scheduledMessage: { message: { content: "later" }, sendTime } });
    const file = await bob.upload(PIXEL, { name: "me.png" });
    await bob.send(conversationId, file.id);
    const deleted = await say(bob, { content: "deleted" });
    await bob.messages.deleteMessage({ messageId: deleted });

    const agents = server.client(AgentService, credential);
    await agents.createAgent({ agent: { name: "echo", connector: { case: "echo", value: {} } } });
    const asked = { noteJson: '{"why":"noted"}', options: { instructions: "Be brief", parametersJson: '{"top_p":1}' } };
    const turns = server.client(TurnService, bob.credential);
    await turns.createTurn({ conversationId, messages: [{ content: "asked" }], agent: "echo", ...asked });

    const answer = await fetch(`${server.url}/v1/members/bob:export`, { headers: credential });
    expect([answer.status, answer.headers.get("content-type"), answer.headers.get("content-disposition")]).toEqual([
      200,
      "application/zip",
      'attachment; filename="member.zip"',
    ]);
    const files = await unpacked(new Uint8Array(await answer.arrayBuffer()));
    const conversation = `conversations/${conversationId}.ndjson`;
    expect([...files.keys()]).toEqual([
      "member.ndjson",
      conversation,
      "files.ndjson",
      `files/${file.id}.png`,
      "audit.ndjson",
      "README.txt",
    ]);
    expect(files.get(`files/${file.id}.png`)).toEqual(PIXEL);
    expect(linesOf(files.get("member.ndjson"))[0]).toMatchObject({ member: { id: "bob" } });
    const lines = linesOf(files.get(conversation));
    expect(lines[0]).toMatchObject({ conversation: { participants: [{ memberId: "bob" }] } });
    const messages = lines.flatMap(({ message }) =>
      message ? [(message as { message: { content?: string; role?: string } }).message] : [],
    );
    // The reply to it may be there already.
    const words = messages.filter(({ role }) => role !== "MESSAGE_ROLE_ASSISTANT").map(({ content }) => content ?? "");
    expect(words).toEqual(["second", "to bob", "", "deleted", "asked"]);
    const exported = lines.find(({ turn }) => turn);
    expect(exported).toMatchObject({ turn: { conversationId, noteJson: asked.noteJson } });
    // They may hold credentials.
    expect(exported).not.toHaveProperty("options");
    const kinds = lines.map((line) => Object.keys(line)[0]);
    expect(new Set(kinds)).toEqual(
      new Set(["conversation", "message", "turn", "revisions", "event", "reactions", "draft", "scheduledMessage"]),
    );
    expect(JSON.stringify(lines)).toContain("first");
    expect(JSON.stringify([...files.values()].map(String))).not.toContain("to nobody");
    expect([...files.keys()].join()).not.toContain(private_.conversation?.id);
    expect(linesOf(files.get("audit.ndjson"))).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ auditEntry: expect.objectContaining({ action: "message.delete" }) }),
      ]),
    );
    const readme = files.get("README.txt")?.toString() ?? "";
    expect(readme).toMatch(/^Data of bob, exported at 20/);
    expect(readme).toMatch(/ 4 {2}conversations\/ +messages that you wrote\n/);
    expect(readme).toMatch(/ 1 {2}files\.ndjson +files that you uploaded/);

    const { auditEntries } = await server
      .client(AuditService, credential)
      .listAuditEntries({ action: "member.export" });
    expect(auditEntries).toMatchObject([{ resourceId: "bob" }]);
    const parts = server.client(TransferService, credential, "grpc").exportMember({ memberId: "bob" });
    const bytes = Buffer.concat((await Array.fromAsync(parts)).map(({ body }) => body?.data ?? new Uint8Array()));
    expect([...(await unpacked(bytes)).keys()]).toEqual([...files.keys()]);
  },
);

test("there is no archive of somebody who does not exist", async () => {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("admin");
  const parts = server.client(TransferService, credential).exportMember({ memberId: "nobody" });
  expect(await reasonOf(Array.fromAsync(parts))).toBe("NOT_FOUND");
});

test.skipIf(!hasPython)("a long history is read at the reader's pace, in small parts", async () => {
  const tenant = await server.tenant();
  await tenant.addMember("bob");
  const bob = personOf(server, await tenant.token("bob"));
  const { credential } = await tenant.key("admin");
  const created = await bob.conversations.createConversation({});
  const conversationId = created.conversation?.id ?? "";
  const messages = Array.from({ length: 600 }, (_, n) => ({ content: `${n} ${"x".repeat(5_000)}` }));
  for (let at = 0; at < messages.length; at += 100) {
    await bob.messages.batchSendMessages({ conversationId, messages: messages.slice(at, at + 100) });
  }
  let largest = 0;
  const pieces: Uint8Array[] = [];
  for await (const { body } of server.client(TransferService, credential).exportMember({ memberId: "bob" })) {
    largest = Math.max(largest, body?.data.byteLength ?? 0);
    pieces.push(body?.data ?? new Uint8Array());
  }
  expect(largest).toBeLessThanOrEqual(256 * 1024);
  const files = await unpacked(Buffer.concat(pieces));
  const lines = linesOf(files.get(`conversations/${conversationId}.ndjson`));
  expect(lines.filter(({ message }) => message !== undefined)).toHaveLength(600);
});
