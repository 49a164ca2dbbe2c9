// The client's uploads and downloads in Node: over broken connections, with their progress, and cancelled.
import { createHash, randomBytes } from "node:crypto";
import { openAsBlob } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Code, createClient, ErrorReason, reasonOf } from "../../src/client/index.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/services/cutting-proxy.ts";

const MIB = 2 ** 20;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

let folder: string;
let server: IdentityServer;
let proxy: CuttingProxy;
let client: ReturnType<typeof createClient>;
let apiKey: string;
let tenantId: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-client-files-"));
  const environment = { COLLOQUY_FILES: `disk:${folder}/files`, COLLOQUY_FILE_MAX: "20MiB" };
  server = await startIdentityServer({ environment });
  proxy = await startCuttingProxy(() => server.url);
  const tenant = await server.tenant();
  tenantId = tenant.id;
  apiKey = (await tenant.key("read", "write")).text;
  client = createClient({ baseUrl: proxy.url, apiKey, retry: { initialMs: 1, maxMs: 20 } });
});
afterAll(async () => {
  await proxy.close();
  await server.close();
  await rm(folder, { recursive: true });
});

/** Cuts all lines when so many MiB have passed. */
function cutAfter(...marks: number[]) {
  let cuts = 0;
  const see = (bytes: number) => {
    const mark = marks[cuts];
    if (mark !== undefined && bytes > mark * MIB && proxy.cut() > 0) cuts++;
  };
  return { see, cuts: () => cuts };
}

test("uploads bytes, Blobs, files on disk and streams, with their name and type, and tells of all bytes", async () => {
  const large = randomBytes(5 * MIB);
  const path = join(folder, "large.bin");
  await writeFile(path, large);
  const small = randomBytes(100_000);
  async function* parts() {
    for (let at = 0; at < small.length; at += 30_000) yield small.subarray(at, at + 30_000);
  }
  for (const [source, bytes, total] of [
    [small, small, small.length],
    [new Uint8Array(), Buffer.of(), 0],
    [new File([small], "ü.bin", { type: "application/x-test" }), small, small.length],
    [await openAsBlob(path, { type: "application/x-test" }), large, large.length],
    [parts(), small, undefined],
    [new Blob([small]).stream(), small, undefined],
  ] as const) {
    const told: [number, number | undefined][] = [[0, total]];
    const named = source instanceof File ? {} : { name: "ü.bin", type: "application/x-test" };
    const onProgress = (...now: [number, number | undefined]) => void told.push(now);
    const file = await client.uploadFile(source, { ...named, purpose: "user_data", onProgress });
    expect(file).toMatchObject({
      name: "ü.bin",
      purpose: "user_data",
      size: BigInt(bytes.length),
      sha256: sha256(bytes),
    });
    if (bytes.length > 0) expect(file.mediaType).toBe("application/x-test");
    expect([told.at(-1), told.every(([sent]) => sent <= bytes.length)]).toEqual([[bytes.length, total], true]);
    const answer = await client.downloadFile(file.id);
    expect(answer.headers.get("content-type")).toBe(file.mediaType);
    expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(file.sha256);
  }
});

test("an upload whose line is cut again and again goes on where it stopped", async () => {
  const bytes = randomBytes(12 * MIB);
  const cutting = cutAfter(1, 3, 5, 7);
  const file = await client.uploadFile(bytes, { pieceBytes: 4 * MIB, onProgress: cutting.see });
  expect([cutting.cuts(), file.sha256]).toEqual([4, sha256(bytes)]);
  const { files } = await client.files.listFiles({});
  expect(files.filter((one) => one.sha256 === file.sha256)).toHaveLength(1);
});

test("xorbitsai/xagent#1695, buildinternet/uploads#835: a small upload whose answer is lost is one file", async () => {
  const bytes = randomBytes(1_000);
  let asked = 0;
  const lossy = createClient({
    baseUrl: server.url,
    apiKey,
    retry: { initialMs: 1 },
    async fetch(...call) {
      const answer = await fetch(...call);
      asked++;
      if (asked < 3) throw new TypeError("fetch failed");
      return answer;
    },
  });
  const file = await lossy.uploadFile(bytes);
  const { files } = await client.files.listFiles({});
  expect([asked, files.filter((one) => one.sha256 === sha256(bytes)).map(({ id }) => id)]).toEqual([3, [file.id]]);
});

test("a download whose line is cut again and again goes on where it stopped", async () => {
  const bytes = randomBytes(8 * MIB);
  const file = await client.uploadFile(bytes);
  const cutting = cutAfter(1, 3, 5);
  const answer = await client.downloadFile(file.id, {
    onProgress(received, total) {
      expect(total).toBe(bytes.length);
      cutting.see(received);
    },
  });
  expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(file.sha256);
  expect(cutting.cuts()).toBe(3);
});

test("an upload that is cancelled ends at once, and nothing of it stays", async () => {
  const reason = new Error("never mind");
  const ends = new AbortController();
  const before = (await client.files.listFiles({ pageSize: 200 })).files.length;
  const upload = client.uploadFile(randomBytes(10 * MIB), {
    signal: ends.signal,
    onProgress: (sent) => {
      if (sent > MIB) ends.abort(reason);
    },
  });
  const cancelled = { name: "ConnectError", code: Code.Canceled, rawMessage: "never mind", cause: reason };
  await expect(upload).rejects.toMatchObject(cancelled);
  const uploads = async () => {
    const text = "select count(*)::int as n from upload where tenant_id = $1 and file_id is null";
    return (await server.database.query<{ n: number }>({ name: "test_uploads", text }, [tenantId]))[0]?.n;
  };
  await expect.poll(uploads).toBe(0);
  await expect.poll(() => readdir(join(folder, "files/unfinished"))).toEqual([]);
  expect((await client.files.listFiles({ pageSize: 200 })).files).toHaveLength(before);
  await expect(client.uploadFile(Buffer.from("x"), { signal: AbortSignal.abort(reason) })).rejects.toMatchObject(
    cancelled,
  );
  const late = AbortSignal.abort(new DOMException("too late", "TimeoutError"));
  await expect(client.uploadFile(Buffer.from("x"), { signal: late })).rejects.toMatchObject({
    code: Code.DeadlineExceeded,
    cause: late.reason,
  });
});

test("failures have the code and the reason of any other call, and are not tried again", async () => {
  const tooLarge = await client.uploadFile(new Uint8Array(21 * MIB)).catch((error: unknown) => error);
  expect(tooLarge).toMatchObject({ code: Code.ResourceExhausted });
  const named = await client.uploadFile(Buffer.from("x"), { name: "../x" }).catch((error: unknown) => error);
  expect([named, reasonOf(named)]).toEqual([
    expect.objectContaining({ code: Code.InvalidArgument, rawMessage: "name: must be a name without a path" }),
    ErrorReason.INVALID_FIELD,
  ]);
  const none = await client.downloadFile("01920000-0000-7000-8000-000000000001").catch((error: unknown) => error);
  expect([none, reasonOf(none)]).toEqual([
    expect.objectContaining({ code: Code.NotFound, rawMessage: "file not found" }),
    ErrorReason.NOT_FOUND,
  ]);
});

test("a token that the server refuses is renewed", async () => {
  const asked: string[] = [];
  const renewing = createClient({
    baseUrl: server.url,
    token: () => {
      asked.push(asked.length === 0 ? "clq_gone" : apiKey);
      return asked.at(-1) ?? "";
    },
  });
  const file = await renewing.uploadFile(Buffer.from("x"));
  expect([file.size, asked.slice(0, 2)]).toEqual([1n, ["clq_gone", apiKey]]);
});
