// `export --files` and `import --files`: the files of conversations go along, and come back as they were.
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Person, PIXEL, personOf, sha256 } from "../support/calls/files.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type IdentityServer, type IdentityTenant, startIdentityServer } from "../support/servers/identity-server.ts";

let folder: string;
let server: IdentityServer;
let tenant: IdentityTenant;
let ann: Person;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-export-files-"));
  server = await startIdentityServer({
    environment: { COLLOQUY_FILES: `disk:${folder}/store`, COLLOQUY_COMPAT: "openai" },
  });
  tenant = await server.tenant("first");
  await tenant.addMember("ann");
  ann = personOf(server, await tenant.token("ann"));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const command = (...words: string[]) =>
  runInProcess(words, { DATABASE_URL: server.databaseUrl, COLLOQUY_FILES: `disk:${folder}/store` });
const at = (name: string) => join(folder, name);
const lines = async (name: string) => (await readFile(at(name), "utf8")).split("\n").slice(0, -1);
const pathsIn = async (name: string) => {
  const all = await readdir(at(`${name}/bytes`), { recursive: true, withFileTypes: true });
  return all.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
};
const bytesIn = async (name: string) => {
  const files = await pathsIn(name);
  return Object.fromEntries(
    await Promise.all(files.map(async (path) => [basename(path), sha256(await readFile(path))])),
  );
};

test("what is exported, imported and exported again is the same, files included", async () => {
  const large = randomBytes(3_000_000);
  const [picture, film, before, shared] = [
    await ann.upload(PIXEL, { name: "pixel ü.png" }),
    await ann.upload(large, { name: "film.bin" }),
    await ann.upload(Buffer.from("before the edit"), { type: "text/plain" }),
    await ann.upload(Buffer.of(), { name: "empty" }),
  ];
  await ann.upload(Buffer.from("nobody names it"));
  // One after the other, for an export has them in the order of their times: only the last line names a file again.
  const begin = async () => (await ann.conversations.createConversation({})).conversation?.id ?? "";
  const [one, two] = [await begin(), await begin()];
  await ann.send(one, picture.id, film.id);
  await ann.send(one, shared.id);
  const edited = await ann.send(two, before.id, shared.id);
  const mask = { updateMask: { paths: ["parts", "content"] } };
  await ann.messages.updateMessage({ messageId: edited, message: { content: "none" }, ...mask });

  expect(await command("export", "--tenant", "first", "--files", at("a"), at("a.ndjson"))).toMatchObject({ status: 0 });
  expect(await lines("a/files.ndjson")).toHaveLength(5);
  const named = [picture, film, before, shared];
  expect(await bytesIn("a")).toEqual(Object.fromEntries(named.map((file) => [file.id, file.sha256])));

  const copy = await server.tenant("second");
  const imported = await command("import", "--tenant", "second", "--files", at("a"), at("a.ndjson"));
  expect([imported.status, imported.stdout.trim().split("\n").at(-1)]).toEqual([
    0,
    "5 uses of files added, with the bytes of 4 files, 0 already present, 0 lines failed",
  ]);
  await command("export", "--tenant", "second", "--files", at("b"), at("b.ndjson"));
  expect([await lines("b/files.ndjson"), await bytesIn("b")]).toEqual([
    await lines("a/files.ndjson"),
    await bytesIn("a"),
  ]);
  const moved = (line: string) => line.replaceAll(tenant.id, copy.id);
  expect(await lines("b.ndjson")).toEqual((await lines("a.ndjson")).map(moved));

  const there = personOf(server, await copy.token("ann"));
  for (const file of named) {
    const answer = await there.rest(`/v1/files/${file.id}/content`);
    expect([answer.status, sha256(await answer.bytes())]).toEqual([200, file.sha256]);
    expect((await there.files.getFile({ fileId: file.id })).file).toEqual(file);
  }
  expect(await personOf(server, await copy.token("eve")).sees(film.id)).toBe(false);
  const usage = { name: "test_usage", text: "select bytes, files from file_usage where tenant_id = $1" };
  const size = named.reduce((sum, file) => sum + file.size, 0n);
  expect(await server.database.query(usage, [copy.id])).toEqual([{ bytes: size, files: 4n }]);
  const key = personOf(server, (await copy.key("read", "write", "admin")).credential);
  await key.conversations.purgeConversation({ conversationId: one });
  expect([await there.sees(film.id), await there.sees(before.id)]).toEqual([false, true]);
});

test("a second import adds nothing, and a second export copies only what is new", async () => {
  const again = await command("import", "--tenant", "first", "--files", at("a"), at("a.ndjson"));
  expect(again.stdout.trim().split("\n").at(-1)).toBe(
    "0 uses of files added, with the bytes of 0 files, 5 already present, 0 lines failed",
  );
  const copies = async () => Promise.all((await pathsIn("a")).map(async (path) => [path, (await stat(path)).ino]));
  const before = [await lines("a/files.ndjson"), await copies()];
  await command("export", "--tenant", "first", "--files", at("a"), at("a.ndjson"));
  expect([await lines("a/files.ndjson"), await copies()]).toEqual(before);
});

test("bytes that are missing or others, and lines that say nothing, are told by their numbers", async () => {
  await server.tenant("third");
  const files = (await lines("a/files.ndjson")).map((line) => (JSON.parse(line) as { file: { id: string } }).file.id);
  const path = (id = "") => at(`a/bytes/${id.slice(-2)}/${id}`);
  await rm(path(files[0]));
  await writeFile(path(files[1]), "others");
  const list = await lines("a/files.ndjson");
  await writeFile(at("a/files.ndjson"), [...list, "nonsense", '{"messageSeq": "x"}', ""].join("\n"));
  const { status, stdout } = await command("import", "--tenant", "third", "--files", at("a"), at("a.ndjson"));
  expect([
    status,
    stdout
      .trim()
      .split("\n")
      .filter((line) => !/messages? and/.test(line)),
  ]).toEqual([
    1,
    [
      `files.ndjson line 1: file.id: ${files[0]} has no bytes in the folder`,
      `files.ndjson line 2: file.sha256: the bytes of ${files[1]} are others`,
      "files.ndjson line 6: is no JSON",
      "files.ndjson line 7: file.id: must be a UUID",
      "3 uses of files added, with the bytes of 2 files, 0 already present, 4 lines failed",
    ],
  ]);
});

test("files go without --files nowhere, and not with another format", async () => {
  await command("export", "--tenant", "first", at("c.ndjson"));
  expect(await readdir(folder)).not.toContain("c");
  const { status, stderr } = await command("import", "--format", "openai", "--files", at("a"), at("a.ndjson"));
  expect([status, stderr]).toEqual([2, expect.stringContaining("--files needs --format colloquy")]);
});

test("what another system's export has in place becomes files, once, and comes back as it was", async () => {
  const copy = await server.tenant("fourth");
  const base64 = Buffer.concat([PIXEL, randomBytes(1_200_000)]).toString("base64");
  const image = { type: "input_image", image_url: `data:image/png;base64,${base64}`, detail: "auto" };
  const items = [
    {
      type: "message",
      id: "m_1",
      status: "completed",
      role: "user",
      content: [image, { ...image, image_url: "data:,x" }],
    },
    { type: "image_generation_call", id: "ig_1", status: "completed", result: base64 },
    { type: "function_call", id: "fc_1", call_id: "c", name: "look", arguments: "{}", status: "completed" },
    { type: "function_call_output", id: "fco_1", call_id: "c", status: "completed", output: [image] },
  ];
  const values = [{ id: "conv_18", object: "conversation", created_at: 1_756_310_400, metadata: {} }, ...items];
  await writeFile(at("items.jsonl"), values.map((value) => JSON.stringify(value)).join("\n"));
  const said: string[][] = [];
  for (let times = 0; times < 2; times++) {
    const { stdout } = await command("import", "--tenant", "fourth", "--format", "openai", at("items.jsonl"));
    said.push(stdout.trim().split("\n"));
  }
  expect(said).toEqual([
    [
      "1 conversation, 4 messages and 0 events added, 0 already present, 0 values failed",
      "3 uses of files added, with the bytes of 3 files, 0 already present, 0 lines failed",
    ],
    [
      "0 conversations, 0 messages and 0 events added, 5 already present, 0 values failed",
      "0 uses of files added, with the bytes of 0 files, 3 already present, 0 lines failed",
    ],
  ]);
  const key = personOf(server, (await copy.key("read", "write", "admin")).credential);
  const json = async (path: string) => (await key.rest(`/openai/v1/conversations${path}`)).json();
  const [conversation] = ((await json("")) as { data: { id: string }[] }).data;
  const { data } = (await json(`/${conversation?.id}/items?order=asc`)) as { data: unknown[] };
  expect(data.map((item, index) => isDeepStrictEqual(item, items[index]))).toEqual(items.map(() => true));
});
