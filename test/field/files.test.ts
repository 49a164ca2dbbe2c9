// Faults of files in other products, tried here. Each names the report that showed it.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CreateFileRequestSchema, FileService } from "../../gen/colloquy/v1/file_service_pb.ts";
import { openFilesIn, type Person, PIXEL, personOf, pieces, sha256 } from "../support/calls/files.ts";
import { resetCalls } from "../support/calls/raw-http2.ts";
import {
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
  WIRES,
} from "../support/servers/identity-server.ts";

let server: IdentityServer;
let tenant: IdentityTenant;
let folder: string;
let ann: Person;
let bob: Person;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-files-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}` } });
  tenant = await server.tenant();
  for (const id of ["ann", "bob"]) await tenant.addMember(id);
  ann = personOf(server, await tenant.token("ann"));
  bob = personOf(server, await tenant.token("bob"));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const pathOf = (id: string) => join(folder, tenant.id, id.slice(-2), id);
const unfinished = () => readdir(join(folder, "unfinished"));
const uploads = async () => (await ann.files.listFiles({ pageSize: 200 })).files.length;

test("filebrowser#3538, owncloud/files_primary_s3#620: an upload that breaks off leaves nothing, on any wire", async () => {
  const before = await uploads();
  const bytes = new Uint8Array(300_000);
  for (const wire of WIRES) {
    const client = server.client(FileService, ann.credential, wire);
    await expect(
      client.createFile(
        (async function* () {
          yield* pieces(bytes, { name: "half" });
          throw new Error("the line is cut");
        })(),
      ),
    ).rejects.toThrow();
  }
  const { port, hostname } = new URL(server.url);
  for (const framing of ["content-length: 300000", "transfer-encoding: chunked"]) {
    const socket = connect(Number(port), hostname);
    const head = `POST /v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: ${ann.credential.authorization}\r\n${framing}\r\n\r\n`;
    socket.write(`${head}${framing.startsWith("transfer") ? "5\r\nabcde\r\n" : "abcde"}`);
    await expect.poll(async () => (await unfinished()).length).toBe(1);
    socket.destroy();
    await expect.poll(unfinished).toEqual([]);
  }
  await expect.poll(unfinished).toEqual([]);
  expect(await uploads()).toBe(before);
});

test("ktorio/ktor#1589, logicleai/logicle#1013: a download whose reader leaves leaves no file open, on any wire", async () => {
  const { id: fileId } = await ann.upload(new Uint8Array(8_000_000));
  for (const wire of WIRES) {
    for await (const { body } of server.client(FileService, ann.credential, wire).downloadFile({ fileId })) {
      expect(body?.data.byteLength).toBeGreaterThan(0);
      break;
    }
  }
  const leaving = new AbortController();
  const { body } = await ann.rest(`/v1/files/${fileId}/content`, { signal: leaving.signal });
  await body?.getReader().read();
  leaving.abort();
  await ann.rest(`/v1/files/${fileId}/content`, { method: "HEAD" });
  await expect.poll(() => openFilesIn(folder)).toEqual([]);
});

test("seanmonstar/warp#383, oven-sh/bun#34960: what is too large by its head is refused before its body is asked for", async () => {
  const { port, hostname } = new URL(server.url);
  for (const [type, length, said] of [
    ["application/octet-stream", 100 * 2 ** 20 + 1, /^HTTP\/1\.1 413 .*at most 104857600 bytes/s],
    ["multipart/form-data; boundary=x", 102 * 2 ** 20, /^HTTP\/1\.1 413 .*at most 104857600 bytes/s],
    ["application/octet-stream", 10, /^HTTP\/1\.1 100 Continue/],
  ] as const) {
    const socket = connect(Number(port), hostname);
    const { authorization } = ann.credential;
    const lines = [`authorization: ${authorization}`, `content-type: ${type}`, `content-length: ${length}`];
    socket.write(`POST /v1/files HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n${lines.join("\r\n")}\r\n\r\n`);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    await expect.poll(() => text).toMatch(said);
    socket.destroy();
  }
});

test("an HTTP/2 stream that is reset after bytes, and before its end, is no whole upload, nor a whole body of any other call", async () => {
  const before = await uploads();
  const frame = Buffer.from(toBinary(CreateFileRequestSchema, create(CreateFileRequestSchema, { name: "half" })));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(frame.length, 1);
  const calls: readonly [path: string, type: string, body: Buffer][] = [
    ["/v1/files", "application/octet-stream", Buffer.alloc(1_000, "a")],
    ["/colloquy.v1.FileService/CreateFile", "application/grpc", Buffer.concat([head, frame])],
    ["/colloquy.v1.FileService/CreateFile", "application/connect+proto", Buffer.concat([head, frame])],
    ["/v1/conversations", "application/json", Buffer.from('{"conversation":{"title":"half"}}')],
    [
      "/colloquy.v1.ConversationService/CreateConversation",
      "application/json",
      Buffer.from('{"conversation":{"title":"half"}}'),
    ],
  ];
  const all = Array.from({ length: 21 }, () => calls).flat();
  const { host } = new URL(server.url);
  const opening = { ":method": "POST", ":scheme": "http", ":authority": host };
  await resetCalls(
    server.url,
    all.map(([path, type, body]) => ({
      headers: { ...opening, ":path": path, "content-type": type, te: "trailers", ...ann.credential },
      body,
    })),
  );
  await expect.poll(unfinished).toEqual([]);
  expect(await uploads()).toBe(before);
  const { conversations } = await ann.conversations.listConversations({});
  expect(conversations.filter(({ title }) => title === "half").length).toBe(0);
});

test("block/buzz#7565, RocketChat/Rocket.Chat#8003: who was removed gets no file by its id, nor by naming it elsewhere", async () => {
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  const file = await ann.upload(PIXEL);
  await ann.send(conversationId, file.id);
  expect(await bob.sees(file.id)).toBe(true);
  await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
  const own = await bob.conversations.createConversation({});
  await expect(bob.send(own.conversation?.id ?? "", file.id)).rejects.toThrow("is not a file");
  expect(await bob.sees(file.id)).toBe(false);
});

test("mattermost#9404: a file of a deleted message is not served any more", async () => {
  const { conversation } = await ann.conversations.createConversation({});
  const file = await ann.upload(PIXEL);
  const messageId = await ann.send(conversation?.id ?? "", file.id);
  await ann.messages.deleteMessage({ messageId });
  expect(await ann.sees(file.id)).toBe(false);
});

test("open-webui#4855: a list has no files of others, and one with a foreign page token is refused", async () => {
  await ann.upload(PIXEL);
  await ann.upload(PIXEL);
  expect((await bob.files.listFiles({})).files).toEqual([]);
  const { nextPageToken } = await ann.files.listFiles({ pageSize: 1 });
  await expect(bob.files.listFiles({ pageSize: 1, pageToken: nextPageToken })).rejects.toThrow("page_token");
});

test("multica#4831: bytes that cannot be read are an error, and not an empty file", async () => {
  const file = await ann.upload(PIXEL);
  await rm(pathOf(file.id));
  for (const headers of [{}, { range: "bytes=5-9" }] as Record<string, string>[]) {
    const response = await ann.rest(`/v1/files/${file.id}/content`, { headers });
    expect([response.status, response.headers.get("content-type")]).toEqual([503, "application/json"]);
  }
});

test("httpie#515: a range at the end of a file is 416 with its size, and never an empty 206", async () => {
  const file = await ann.upload(PIXEL);
  const headers = { range: `bytes=${PIXEL.length}-` };
  const response = await ann.rest(`/v1/files/${file.id}/content`, { headers });
  expect([response.status, response.headers.get("content-range")]).toEqual([416, `bytes */${PIXEL.length}`]);
});

test("quarkus#55025, rustypaste#2: a name with a path in a form names no place on the disk", async () => {
  const form = '--x\r\ncontent-disposition: form-data; name="f"; filename="../../../evil.txt"\r\n\r\nhi\r\n--x--\r\n';
  const headers = { "content-type": "multipart/form-data; boundary=x" };
  const response = await ann.rest("/v1/files", { method: "POST", body: form, headers });
  const file = (await response.json()) as { id: string; name: string };
  expect([response.status, file.name]).toEqual([201, "evil.txt"]);
  expect(existsSync(pathOf(file.id))).toBe(true);
  expect(existsSync(join(folder, "..", "evil.txt"))).toBe(false);
});

test("paperclip#7493: a name that is not ASCII comes back as it was, and the header is ASCII", async () => {
  const file = await ann.upload(PIXEL, { name: "한글.png" });
  const response = await ann.rest(`/v1/files/${file.id}/content`);
  expect(response.headers.get("content-disposition")).toBe(
    `inline; filename="__.png"; filename*=UTF-8''%ED%95%9C%EA%B8%80.png`,
  );
});

test("multica#3022, appwrite#13404: SVG is saved, not shown, and the policy that forbids scripts is well formed", async () => {
  const file = await ann.upload(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), {
    type: "image/svg+xml",
  });
  const { headers } = await ann.rest(`/v1/files/${file.id}/content`);
  expect(headers.get("content-disposition")).toBe("attachment");
  expect(headers.get("content-security-policy")).toMatch(/default-src 'none';.* sandbox$/);
});

test("converse.js#1607: an empty file is stored and comes back on every wire", async () => {
  for (const wire of WIRES) {
    const client = server.client(FileService, ann.credential, wire);
    const { file } = await client.createFile(pieces(new Uint8Array()));
    const parts = await Array.fromAsync(client.downloadFile({ fileId: file?.id ?? "" }));
    expect([file?.sha256, parts.map(({ body }) => body?.data.byteLength)]).toEqual([sha256(new Uint8Array()), [0]]);
  }
});

const tus = (method: string, path: string, headers: Record<string, string>, body?: string) =>
  ann.rest(path, { method, headers: { "tus-resumable": "1.0.0", ...headers }, ...(body !== undefined && { body }) });

test("seaweedfs/seaweedfs#10945, ankitpokhrel/tus-php#257: of two requests that bring the same place at once, one counts", async () => {
  const begun = await tus("POST", "/v1/uploads", { "upload-length": "200000" });
  const path = begun.headers.get("location") ?? "";
  const bring = (at: number, body: string) =>
    tus("PATCH", path, { "upload-offset": `${at}`, "content-type": "application/offset+octet-stream" }, body);
  const answers = await Promise.all(["a", "b", "c"].map((letter) => bring(0, letter.repeat(100_000))));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 409, 409]);
  expect((await tus("HEAD", path, {})).headers.get("upload-offset")).toBe("100000");
  const location = (await bring(100_000, "z".repeat(100_000))).headers.get("content-location");
  expect(await (await ann.rest(`${location}/content`)).text()).toMatch(/^(a{100000}|b{100000}|c{100000})z{100000}$/);
});

test("tus/tus-node-server#42, #746, directus/directus#26912: a page of another origin reads where its upload stands, and what it became", async () => {
  const origin = { origin: "http://localhost:3000" };
  const begun = await tus("POST", "/v1/uploads", { "upload-length": "0", ...origin });
  const head = await tus("HEAD", begun.headers.get("location") ?? "", origin);
  expect([head.headers.get("upload-offset"), head.headers.get("content-location")]).toEqual([
    "0",
    expect.stringMatching(/^\/v1\/files\//),
  ]);
  for (const answer of [begun, head]) {
    const exposed = (answer.headers.get("access-control-expose-headers") ?? "").toLowerCase().split(/, */);
    expect(exposed).toEqual(expect.arrayContaining(["location", "upload-offset", "content-location", "x-request-id"]));
  }
});

test("localtunnel/localtunnel#435, Pylons/waitress#442: an upload in pieces goes through two proxies, which both say how the client came", async () => {
  const begun = await tus("POST", "/v1/uploads", { "upload-length": "5", "x-forwarded-proto": "https, http" });
  const path = begun.headers.get("location") ?? "";
  expect([begun.status, path]).toEqual([201, expect.stringMatching(/^\/v1\/uploads\//)]);
  const type = { "upload-offset": "0", "content-type": "application/offset+octet-stream" };
  expect((await tus("PATCH", path, { ...type, "x-forwarded-proto": "https,https" }, "hello")).status).toBe(204);
});

test.each([
  ["pillarjs/multiparty#244: names without quotes", "x", "form-data; name=file; filename=a.txt"],
  [
    "playframework/playframework#6275: both kinds of names",
    "x",
    "form-data; name=file; filename=b; filename*=utf-8''a.txt",
  ],
  ["fdintino/nginx-upload-module#130: a boundary in quotes", '"x"', 'form-data; name="file"; filename="a.txt"'],
  ["kujirahand/nadesiko3#2494: the name of the file first", "x", 'form-data; filename="a.txt"; name="file"'],
])("%s", async (_, boundary, disposition) => {
  const body = `--x\r\ncontent-disposition: ${disposition}\r\ncontent-type: text/plain\r\n\r\nhi\r\n--x--\r\n`;
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
  const response = await ann.rest("/v1/files", { method: "POST", body, headers });
  expect([response.status, await response.json()]).toMatchObject([201, { name: "a.txt", size: "2" }]);
});

test("n8n-io/n8n#36832, drogonframework/drogon#2235: an input for a file that was left empty is none, wherever it stands", async () => {
  const part = (disposition: string, text: string) =>
    `--x\r\ncontent-disposition: form-data; ${disposition}\r\ncontent-type: application/octet-stream\r\n\r\n${text}\r\n`;
  const empty = part('name="cover"; filename=""', "");
  const file = part('name="file"; filename="a.txt"', "hi");
  const headers = { "content-type": "multipart/form-data; boundary=x" };
  const post = async (...parts: string[]) => {
    const response = await ann.rest("/v1/files", { method: "POST", body: `${parts.join("")}--x--\r\n`, headers });
    return [response.status, await response.json()];
  };
  for (const parts of [
    [empty, file],
    [file, empty],
  ]) {
    expect(await post(...parts)).toMatchObject([201, { name: "a.txt", size: "2" }]);
  }
  expect(await post(empty)).toMatchObject([400, { message: "body: must hold a file" }]);
});

test("sqlpage/SQLPage#1309, productdevbook/unemail#122: a name with quotes and semicolons adds no parameter to the header", async () => {
  const file = await ann.upload(Buffer.from("x"), { name: `report.csv"; filename*=UTF-8''evil.html` });
  const { headers } = await ann.rest(`/v1/files/${file.id}/content`);
  const unquoted = (headers.get("content-disposition") ?? "").replace(/"[^"]*"/g, '""');
  expect(unquoted).toBe(
    `attachment; filename=""; filename*=UTF-8''report.csv%22%3B%20filename%2A%3DUTF-8%27%27evil.html`,
  );
});
