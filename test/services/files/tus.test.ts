// Uploads that go on where they stopped, with the real tus-js-client: what is stored in the end is what was sent, once.
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tus from "tus-js-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDiskStore } from "../../../src/files/disk.ts";
import { sweepLostBytes, sweepUploads } from "../../../src/jobs/files.ts";
import { openFilesIn, type Person, personOf, sha256 } from "../../support/calls/files.ts";
import {
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../../support/servers/identity-server.ts";
import { startCuttingProxy } from "../../support/services/cutting-proxy.ts";

let folder: string;
let server: IdentityServer;
let tenant: IdentityTenant;
let ann: Person;
let eve: Person;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-tus-"));
  const environment = { COLLOQUY_FILES: `disk:${folder}`, COLLOQUY_FILE_MAX: "20MiB", COLLOQUY_FILE_QUOTA: "60MiB" };
  server = await startIdentityServer({ environment });
  tenant = await server.tenant();
  await tenant.addMember("ann");
  await tenant.addMember("eve");
  [ann, eve] = [personOf(server, await tenant.token("ann")), personOf(server, await tenant.token("eve"))];
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

interface Sent {
  readonly url: string;
  /** Of the file. */
  readonly location: string;
}

function send(bytes: Buffer, options: Partial<tus.UploadOptions> = {}, at = server.url): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(bytes, {
      endpoint: `${at}/v1/uploads`,
      headers: { ...ann.credential },
      retryDelays: Array.from({ length: 20 }, () => 20),
      metadata: { filename: "pixel ü.bin", filetype: "application/x-test" },
      onError: reject,
      onSuccess: ({ lastResponse }) =>
        resolve({ url: upload.url ?? "", location: lastResponse.getHeader("content-location") ?? "" }),
      ...options,
    });
    upload.start();
  });
}

const stored = async (location: string) => sha256(await (await ann.rest(`${location}/content`)).bytes());
const direct = (method: string, path: string, headers: Record<string, string> = {}, body?: BodyInit, who = ann) =>
  who.rest(path, { method, headers: { "tus-resumable": "1.0.0", ...headers }, ...(body !== undefined && { body }) });

/** The reason and the message of an error. */
const faultOf = async (answer: Response) => {
  const { message, details } = (await answer.json()) as { message: string; details: { reason?: string }[] };
  return [details.find(({ reason }) => reason !== undefined)?.reason, message];
};

test("an upload becomes a file with its name, in one piece or in many", async () => {
  for (const [size, chunkSize] of [
    [0, Number.POSITIVE_INFINITY],
    [1, Number.POSITIVE_INFINITY],
    [700_001, 100_000],
    [5_000_000, Number.POSITIVE_INFINITY],
  ] as const) {
    const bytes = randomBytes(size);
    const metadata = { filename: "pixel ü.bin", filetype: "application/x-test", purpose: "user_data" };
    const { location } = await send(bytes, { chunkSize, metadata });
    expect(await (await ann.rest(location)).json()).toMatchObject({
      name: "pixel ü.bin",
      mediaType: size === 0 ? expect.any(String) : "application/x-test",
      size: String(size),
      purpose: "user_data",
      sha256: sha256(bytes),
    });
    expect(await stored(location)).toBe(sha256(bytes));
    expect((await eve.rest(location)).status).toBe(404);
  }
});

test("an upload whose line is cut again and again goes on, and becomes one file", async () => {
  const proxy = await startCuttingProxy(() => server.url);
  try {
    const bytes = randomBytes(12_000_000);
    let cuts = 0;
    let told = 0;
    const { location } = await send(
      bytes,
      {
        onProgress(sent) {
          if (cuts < 5 && sent - told > 1_500_000) {
            told = sent;
            cuts += proxy.cut() > 0 ? 1 : 0;
          }
        },
        onShouldRetry: () => true,
      },
      proxy.url,
    );
    expect(cuts).toBeGreaterThan(0);
    expect(await stored(location)).toBe(sha256(bytes));
    const { files } = await ann.files.listFiles({});
    expect(files.filter(({ sha256: hash }) => hash === sha256(bytes))).toHaveLength(1);
  } finally {
    await proxy.close();
  }
});

test("an upload goes on at another server, and a finished one says again what it became", async () => {
  await using other = await startIdentityServer({
    beside: server,
    environment: { COLLOQUY_FILES: `disk:${folder}`, COLLOQUY_FILE_MAX: "20MiB" },
  });
  const bytes = randomBytes(300_000);
  const begun = await direct("POST", "/v1/uploads", { "upload-length": "300000", "upload-metadata": "filename YQ==" });
  const path = begun.headers.get("location") ?? "";
  const patch = (at: number, part: Buffer, who = ann) =>
    direct(
      "PATCH",
      path,
      { "upload-offset": String(at), "content-type": "application/offset+octet-stream" },
      new Uint8Array(part),
      who,
    );
  expect([begun.status, path]).toEqual([201, expect.stringMatching(/^\/v1\/uploads\/[0-9a-f-]{36}$/)]);
  expect((await patch(0, bytes.subarray(0, 100_000))).status).toBe(204);
  const there = personOf(other, ann.credential);
  const head = await direct("HEAD", path, {}, undefined, there);
  expect([head.status, head.headers.get("upload-offset"), head.headers.get("upload-length")]).toEqual([
    200,
    "100000",
    "300000",
  ]);
  expect((await patch(0, bytes.subarray(0, 10), there)).status).toBe(409);
  const last = await patch(100_000, bytes.subarray(100_000), there);
  const location = last.headers.get("content-location") ?? "";
  expect([last.status, await stored(location)]).toEqual([204, sha256(bytes)]);
  expect((await direct("HEAD", path)).headers.get("content-location")).toBe(location);
  const again = await direct("HEAD", path, { origin: "http://localhost:3000" });
  expect(again.headers.get("upload-offset")).toBe("300000");
  const exposed = (again.headers.get("access-control-expose-headers") ?? "").toLowerCase().split(/, */);
  expect(exposed).toEqual(expect.arrayContaining(["upload-offset", "content-location", "location", "retry-after"]));
});

test("an upload is its caller's alone", async () => {
  const begun = await direct("POST", "/v1/uploads", { "upload-length": "10" });
  const path = begun.headers.get("location") ?? "";
  const answers = await Promise.all(
    ["HEAD", "DELETE"].flatMap((method) => [
      direct(method, path, {}, undefined, eve).then(({ status }) => status),
      direct(method, "/v1/uploads/01920000-0000-7000-8000-000000000001", {}, undefined, eve).then(
        ({ status }) => status,
      ),
    ]),
  );
  expect(answers).toEqual([404, 404, 404, 404]);
  const nobody = await fetch(`${server.url}${path}`, {
    method: "HEAD",
    headers: { "tus-resumable": "1.0.0", authorization: "Bearer x" },
  });
  expect(nobody.status).toBe(401);
  const reading = personOf(server, (await tenant.key("read")).credential);
  expect((await direct("POST", "/v1/uploads", { "upload-length": "10" }, undefined, reading)).status).toBe(403);
  expect((await direct("DELETE", path)).status).toBe(204);
  expect((await direct("HEAD", path)).status).toBe(404);
});

test("what is too large, has no room or a wrong name is refused before its bytes", async () => {
  const begin = async (length: number, name: string | Buffer = "a") => {
    const metadata = `filename ${Buffer.from(name).toString("base64")}`;
    const answer = await direct("POST", "/v1/uploads", {
      "upload-length": String(length),
      "upload-metadata": metadata,
    });
    return [answer.status, ...(await faultOf(answer))];
  };
  const tooLarge = "an upload may have at most 20971520 bytes, and no more than its upload-length";
  expect(await begin(21 * 2 ** 20)).toEqual([413, "TOO_LARGE", tooLarge]);
  expect(await begin(10, "../a")).toEqual([400, "INVALID_FIELD", "filename: must be a name without a path"]);
  const noText = Buffer.from([0x61, 0xff]);
  expect(await begin(10, noText)).toEqual([400, "INVALID_FIELD", "filename: must be valid UTF-8, without U+FFFD"]);
});

test("what a client says with an upload, it is told again exactly so", async () => {
  const told = async (said: string | undefined) => {
    const headers = { "upload-length": "1", ...(said !== undefined && { "upload-metadata": said }) };
    const begun = await direct("POST", "/v1/uploads", headers);
    if (begun.status !== 201) return [begun.status, ...(await faultOf(begun))];
    return (await direct("HEAD", begun.headers.get("location") ?? "")).headers.get("upload-metadata");
  };
  const longest = `filename YQ==,note ${"YWFh".repeat(1_019)}`;
  expect(longest).toHaveLength(4_095);
  for (const said of ["filename YQ==", "is_mine,ttl NjBz,filename YQ==,bytes /w==,empty ", longest, undefined]) {
    expect(await told(said)).toBe(said?.trim() ?? null);
  }
  const rule = "upload-metadata: must be at most 4096 bytes";
  expect(await told(`${longest}YWFh`)).toEqual([400, "INVALID_FIELD", rule]);
});

test("a piece that has another checksum than its request says is not kept", async () => {
  const begun = await direct("POST", "/v1/uploads", { "upload-length": "10" });
  const path = begun.headers.get("location") ?? "";
  const type = { "content-type": "application/offset+octet-stream" };
  const of = (algorithm: string, bytes: string) => createHash(algorithm).update(bytes).digest("base64");
  const put = async (at: number, bytes: string, headers: Record<string, string>) => {
    const answer = await direct("PATCH", path, { ...type, "upload-offset": String(at), ...headers }, bytes);
    return answer.ok ? [answer.status] : [answer.status, (await faultOf(answer))[1]];
  };
  const wrong = "must be that of the bytes that have come";
  const refused: [headers: Record<string, string>, status: number, message: string][] = [
    [{ "upload-checksum": `sha1 ${of("sha1", "hell")}` }, 460, `upload-checksum: ${wrong}`],
    [{ "content-md5": of("md5", "x") }, 460, `content-md5: ${wrong}`],
    [
      { "upload-checksum": `crc32 ${of("md5", "hello")}` },
      400,
      "upload-checksum: must have one of sha1, sha256, sha512, md5",
    ],
    [{ "upload-checksum": "sha1" }, 400, "upload-checksum: must be such as sha1 base64"],
  ];
  for (const [headers, status, message] of refused) expect(await put(0, "hello", headers)).toEqual([status, message]);
  expect((await direct("HEAD", path)).headers.get("upload-offset")).toBe("0");
  expect(await put(0, "hello", { "upload-checksum": `sha1 ${of("sha1", "hello")}` })).toEqual([204]);
  const last = {
    "upload-checksum": `sha256 ${of("sha256", "world")}`,
    "content-digest": `md5=:${of("md5", "world")}:`,
  };
  expect(await put(5, "world", last)).toEqual([204]);
  const options = await ann.rest("/v1/uploads", { method: "OPTIONS" });
  expect(options.headers.get("tus-checksum-algorithm")).toBe("sha1,sha256,sha512,md5");
  expect(options.headers.get("tus-extension")?.split(",")).toContain("checksum");
});

test("of a piece with a checksum that breaks off, nothing is kept", async () => {
  const begun = await direct("POST", "/v1/uploads", { "upload-length": "10" });
  const path = begun.headers.get("location") ?? "";
  const put = async (headers: Record<string, string>) => {
    const cut = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(Buffer.from("hello"));
        await expect.poll(() => openFilesIn(folder)).not.toEqual([]);
        cut.abort();
      },
    });
    const type = { "content-type": "application/offset+octet-stream", "upload-offset": "0", "tus-resumable": "1.0.0" };
    const init = { method: "PATCH", headers: { ...type, ...headers }, body, duplex: "half", signal: cut.signal };
    await expect(ann.rest(path, init as RequestInit)).rejects.toThrow();
    await expect.poll(() => openFilesIn(folder)).toEqual([]);
    return (await direct("HEAD", path)).headers.get("upload-offset");
  };
  expect(await put({ "upload-checksum": `sha1 ${createHash("sha1").update("hello").digest("base64")}` })).toBe("0");
  expect(await put({})).toBe("5");
});

test("of an upload that fails before its client has its address, nothing stays", async () => {
  const { id, key } = await server.tenant();
  const own = personOf(server, (await key("read", "write")).credential);
  const begun = async () => {
    const text = "select count(*)::integer as uploads from upload where tenant_id = $1";
    const [row] = await server.database.query<{ uploads: number }>({ name: "test_uploads", text }, [id]);
    return row?.uploads;
  };
  const type = { "content-type": "application/offset+octet-stream", "upload-length": "5" };
  const post = (headers: Record<string, string>, body: BodyInit) =>
    direct("POST", "/v1/uploads", { ...type, ...headers }, body, own);
  expect((await post({ "upload-checksum": "sha1 AAAA" }, "hello")).status).toBe(460);
  expect((await post({ "upload-checksum": "crc32 AAAA" }, "hello")).status).toBe(400);
  expect((await post({}, "more than five")).status).toBe(413);
  expect(await begun()).toBe(0);
  const cut = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(Buffer.from("he"));
      await expect.poll(() => openFilesIn(folder)).not.toEqual([]);
      cut.abort();
    },
  });
  const init = {
    method: "POST",
    headers: { ...type, "tus-resumable": "1.0.0" },
    body,
    duplex: "half",
    signal: cut.signal,
  };
  await expect(own.rest("/v1/uploads", init as RequestInit)).rejects.toThrow();
  await expect.poll(begun).toBe(0);
  expect(openFilesIn(folder)).toEqual([]);
  // One that has come in part has an address.
  const part = await post({}, "he");
  expect([part.status, await begun()]).toEqual([201, 1]);
  expect((await direct("DELETE", part.headers.get("location") ?? "", {}, undefined, own)).status).toBe(204);
});

test("a client that can send POST alone says the method in a header", async () => {
  const begun = await direct("POST", "/v1/uploads", { "upload-length": "5" });
  const path = begun.headers.get("location") ?? "";
  const as = (method: string, headers: Record<string, string> = {}, body?: string) =>
    direct("POST", path, { "x-http-method-override": method, ...headers }, body);
  const type = { "content-type": "application/offset+octet-stream", "upload-offset": "0" };
  expect((await as("PATCH", type, "hel")).status).toBe(204);
  expect((await as("HEAD")).headers.get("upload-offset")).toBe("3");
  expect([(await as("DELETE")).status, (await direct("HEAD", path)).status]).toEqual([204, 404]);
  const bytes = randomBytes(1_000);
  const { location } = await send(bytes, { overridePatchMethod: true });
  expect(await stored(location)).toBe(sha256(bytes));
});

/** The quota is 60 MiB. */
test("room is taken by what has come, and not by what is announced", async () => {
  const { addMember, token } = await server.tenant();
  await Promise.all(["mia", "noa"].map((id) => addMember(id)));
  const [mia, noa] = [personOf(server, await token("mia")), personOf(server, await token("noa"))];
  const begin = (who: Person, length: number) =>
    direct("POST", "/v1/uploads", { "upload-length": String(length) }, undefined, who);
  const begun = await Promise.all(Array.from({ length: 8 }, () => begin(mia, 20 * 2 ** 20)));
  expect(begun.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
  // 160 MiB are announced, and 59 of them come.
  const type = { "content-type": "application/offset+octet-stream", "upload-offset": "0" };
  for (const [index, size] of [
    [0, 19],
    [1, 19],
    [2, 19],
    [3, 2],
  ] as const) {
    const path = begun[index]?.headers.get("location") ?? "";
    const part = new Uint8Array(size * 2 ** 20);
    expect((await direct("PATCH", path, type, part, mia)).status).toBe(index === 3 ? 429 : 204);
  }
  const room = "the files of the tenant may take at most 62914560 bytes together";
  expect(await faultOf(await begin(noa, 4 * 2 ** 20))).toEqual(["FILE_QUOTA_EXCEEDED", room]);
  // Files that are whole wait for no upload.
  expect((await noa.upload(new Uint8Array(4 * 2 ** 20))).size).toBe(BigInt(4 * 2 ** 20));
  expect((await direct("DELETE", begun[0]?.headers.get("location") ?? "", {}, undefined, mia)).status).toBe(204);
  expect((await begin(noa, 4 * 2 ** 20)).status).toBe(201);
  for (const { headers } of begun.slice(1)) {
    expect((await direct("DELETE", headers.get("location") ?? "", {}, undefined, mia)).status).toBe(204);
  }
});

test("a caller has begun 100 uploads at most, also where all begin at the same time", async () => {
  const { key } = await server.tenant();
  const own = personOf(server, (await key("read", "write")).credential);
  const begin = () => direct("POST", "/v1/uploads", { "upload-length": "10" }, undefined, own);
  const begun = await Promise.all(Array.from({ length: 104 }, begin));
  expect(begun.filter(({ status }) => status === 201)).toHaveLength(100);
  const refused = await begin();
  expect([refused.status, (await faultOf(refused))[0]]).toEqual([429, "OVERLOADED"]);
  const path = begun.find(({ status }) => status === 201)?.headers.get("location") ?? "";
  expect((await direct("DELETE", path, {}, undefined, own)).status).toBe(204);
  expect((await begin()).status).toBe(201);
});

test("what tus refuses is JSON with a reason, under the status that tus says", async () => {
  const begun = await direct("POST", "/v1/uploads", { "upload-length": "10" });
  const path = begun.headers.get("location") ?? "";
  const type = { "content-type": "application/offset+octet-stream" };
  const answers = [
    direct("POST", "/v1/uploads"),
    direct("POST", "/v1/uploads", { "upload-length": "ten" }),
    direct("POST", "/v1/uploads", { "upload-length": "10", "upload-metadata": "a b c" }),
    direct("POST", "/v1/uploads", { "upload-defer-length": "1" }),
    ann.rest("/v1/uploads", { method: "POST", headers: { "upload-length": "10" } }),
    direct("POST", "/v1/uploads", { "upload-length": "10", "tus-resumable": "2.0.0" }),
    direct("PATCH", path, type, "x"),
    direct("PATCH", path, { ...type, "upload-offset": "5" }, "x"),
    direct("PATCH", path, { ...type, "upload-offset": "-1" }, "x"),
    direct("PATCH", path, { "upload-offset": "0", "content-type": "text/plain" }, "x"),
    direct("PATCH", path, { ...type, "upload-offset": "0" }, "more than ten bytes"),
    direct("PATCH", "/v1/uploads/01920000-0000-7000-8000-000000000001", { ...type, "upload-offset": "0" }, "x"),
    direct("PUT", "/v1/uploads"),
  ].map(async (asked) => {
    const answer = await asked;
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("tus-version")).toBe(answer.status === 412 ? "1.0.0" : null);
    return [answer.status, ...(await faultOf(answer))];
  });
  expect(await Promise.all(answers)).toEqual([
    [400, "INVALID_FIELD", "upload-length: must be given"],
    [400, "INVALID_FIELD", "upload-length: must be a number of bytes"],
    [400, "INVALID_FIELD", "upload-metadata: must be keys with values in base64, between commas"],
    [501, "UNSUPPORTED", "this extension of tus is not supported"],
    [412, "INVALID_FIELD", "tus-resumable: must be 1.0.0"],
    [412, "INVALID_FIELD", "tus-resumable: must be 1.0.0"],
    [403, "INVALID_FIELD", "upload-offset: must be given"],
    [409, "ETAG_MISMATCH", "upload-offset: must be where the upload stands: ask by HEAD"],
    [400, "INVALID_FIELD", "upload-offset: must be a number of bytes"],
    [400, "INVALID_FIELD", "content-type: must be application/offset+octet-stream"],
    [413, "TOO_LARGE", "an upload may have at most 20971520 bytes, and no more than its upload-length"],
    [404, "NOT_FOUND", "upload not found"],
    [404, "NOT_FOUND", "upload not found"],
  ]);
});

test("an upload that cannot become a file for want of room leaves no file open, and becomes one once there is room", async () => {
  const { id, key } = await server.tenant();
  const own = personOf(server, (await key("read", "write")).credential);
  const begun = await direct("POST", "/v1/uploads", { "upload-length": String(2 ** 20) }, undefined, own);
  const path = begun.headers.get("location") ?? "";
  await own.upload(Buffer.from("x"));
  const used = (bytes: number) =>
    server.database.query(
      { name: "test_used", changes: true, text: "update file_usage set bytes = $2::bigint where tenant_id = $1" },
      [id, bytes],
    );
  const bytes = randomBytes(2 ** 20);
  // There is room when it begins, and none any more when it is whole.
  const body = new ReadableStream<Uint8Array>(
    {
      async start(controller) {
        controller.enqueue(new Uint8Array(bytes.subarray(0, 1_000)));
        await expect.poll(() => openFilesIn(folder)).not.toEqual([]);
        await used(60 * 2 ** 20);
        controller.enqueue(new Uint8Array(bytes.subarray(1_000)));
        controller.close();
      },
    },
    { highWaterMark: 1_000 },
  );
  const headers = { "tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream", "upload-offset": "0" };
  const brought = await own.rest(path, { method: "PATCH", headers, body, duplex: "half" } as RequestInit);
  expect(brought.status).toBe(429);
  expect(openFilesIn(folder)).toEqual([]);
  await used(1);
  const location = (await direct("HEAD", path, {}, undefined, own)).headers.get("content-location") ?? "";
  expect(sha256(await (await own.rest(`${location}/content`)).bytes())).toBe(sha256(bytes));
});

test("uploads that never end are forgotten, with what has come of them", async () => {
  const begun = await direct("POST", "/v1/uploads", { "upload-length": "10" });
  const path = begun.headers.get("location") ?? "";
  const type = { "content-type": "application/offset+octet-stream", "upload-offset": "0" };
  expect((await direct("PATCH", path, type, "12345")).status).toBe(204);
  const store = createDiskStore(folder);
  expect(await sweepUploads(server.database, store, tenant.id, undefined, 0)).toBeGreaterThan(0);
  expect((await direct("HEAD", path)).status).toBe(404);
  // No piece of any upload has stayed, neither of this one nor of those that became files.
  expect(await sweepLostBytes(server.database, store, undefined, -60_000)).toBe(0);
});
