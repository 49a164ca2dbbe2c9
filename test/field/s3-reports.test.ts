// F-S3-STORES: what S3-compatible stores, and the ways to them, have done to other products' files. Each test names the
// reports.
import { randomBytes } from "node:crypto";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { ErrorReason } from "../../src/domain/errors.ts";
import { newId } from "../../src/domain/ids/id.ts";
import type { ByteStore, FileKey } from "../../src/files/byte-store.ts";
import { openFiles } from "../../src/files/open.ts";
import { endWithTest } from "../support/run/child.ts";
import {
  error,
  type FaultyS3,
  type S3Answer,
  type S3Request,
  startFaultyS3,
  xml,
} from "../support/services/faulty-s3.ts";

let s3: FaultyS3;
let store: ByteStore;

async function open(more = ""): Promise<ByteStore> {
  const place = `s3://files/prefix?endpoint=${encodeURIComponent(s3.endpoint)}${more}`;
  const { files } = loadConfig({ COLLOQUY_FILES: place });
  const opened = await openFiles(files.place, files.maxBytes);
  endWithTest(() => opened.close());
  return opened;
}

beforeAll(async () => {
  process.env.AWS_ACCESS_KEY_ID = "key";
  process.env.AWS_SECRET_ACCESS_KEY = "secret";
  s3 = await startFaultyS3();
  store = await open();
});
beforeEach(() => {
  s3.requests.length = 0;
  s3.fault = () => undefined;
});

const keyOf = (): FileKey => ({ tenantId: newId(), id: newId() });
const pathOf = ({ tenantId, id }: FileKey) => `/files/prefix/${tenantId}/${id}`;
const LARGE = randomBytes(6 * 2 ** 20);

async function write(key: FileKey, bytes: Buffer): Promise<void> {
  const writer = await store.create(key);
  try {
    await writer.write(bytes);
    await writer.commit();
  } catch (failure) {
    await writer.abort();
    throw failure;
  }
}

const read = async (key: FileKey, length: number) =>
  Buffer.concat(await Array.fromAsync(store.read(key, { offset: 0, length })));

/** Answers the first requests that fit by these, one each. */
function first(fits: (request: S3Request) => boolean, ...answers: S3Answer[]): void {
  const left = [...answers];
  s3.fault = (request) => (fits(request) ? left.shift() : undefined);
}

const isPart = ({ method, query }: S3Request) => method === "PUT" && query.has("partNumber");
const isCompletion = ({ method, query }: S3Request) => method === "POST" && query.has("uploadId");
const isAbort = ({ method, query }: S3Request) => method === "DELETE" && query.has("uploadId");
const UNAVAILABLE = { reason: ErrorReason.FILES_UNAVAILABLE };

test("scality/cloudserver#5553, fleetdm/fleet#47850, multica-ai/multica#6261: no checksum goes as a trailer, and each body has its length", async () => {
  for (const bytes of [randomBytes(1_000), LARGE]) await write(keyOf(), bytes);
  const puts = s3.requests.filter(({ method }) => method === "PUT");
  expect(puts.map(({ headers }) => Number(headers["content-length"]))).toEqual([1_000, 5 * 2 ** 20, 2 ** 20]);
  for (const { headers } of s3.requests) {
    const names = Object.keys(headers).filter((name) =>
      /trailer|checksum|^content-encoding$|^transfer-encoding$/.test(name),
    );
    expect([names, headers["x-amz-content-sha256"]]).toEqual([[], expect.stringMatching(/^[0-9a-f]{64}$/)]);
  }
});

test("logto-io/logto#7004, drakkan/sftpgo#1624: with an endpoint the bucket is in the path, and the host is the endpoint's", async () => {
  const key = keyOf();
  await write(key, randomBytes(10));
  const { host } = new URL(s3.endpoint);
  expect(s3.requests.map(({ headers, path }) => [headers.host, path])).toEqual([[host, pathOf(key)]]);
});

test("minio/minio-js#1386, SaltwaterC/aws2js#88: a file without bytes is one request, and no upload in parts", async () => {
  const key = keyOf();
  await write(key, Buffer.of());
  expect(s3.requests.map(({ method, headers }) => [method, headers["content-length"]])).toEqual([["PUT", "0"]]);
  expect(s3.objects.get(pathOf(key))).toEqual(Buffer.of());
});

test("aws/aws-sdk-js-v3#2208, aws/aws-sdk-net#211: a clock that is an hour late is corrected by the store's own", async () => {
  const key = keyOf();
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  const skewed = error(403, "RequestTimeTooSkewed");
  first(({ method }) => method === "PUT", { ...skewed, headers: { ...skewed.headers, date } });
  await write(key, LARGE.subarray(0, 100));
  expect(s3.objects.get(pathOf(key))).toEqual(LARGE.subarray(0, 100));
  const [before = "", after = ""] = s3.requests.map(({ headers }) => String(headers["x-amz-date"]));
  const hours = (text: string) => Number(text.slice(6, 8)) * 24 + Number(text.slice(9, 11));
  expect(Math.abs(hours(after) - hours(before))).toBeGreaterThan(0);
});

test("goharbor/harbor#23005, aws/aws-sdk-js-v3#5479, #6770: a part that is turned away with 503 is sent again, with the same bytes", async () => {
  const key = keyOf();
  first(isPart, error(503, "SlowDown"), error(500, "InternalError"));
  await write(key, LARGE);
  expect(s3.objects.get(pathOf(key))?.equals(LARGE)).toBe(true);
  expect(s3.requests.filter(isPart).map(({ query }) => query.get("partNumber"))).toEqual(["1", "1", "1", "2"]);
});

test("apache/arrow-rs-object-store#122, scylladb/scylladb#20517: an error under the status 200 of a completion is an error", async () => {
  const failed = { ...error(200, "InternalError"), status: 200 };
  const once = keyOf();
  first(isCompletion, failed);
  await write(once, LARGE);
  expect(s3.objects.get(pathOf(once))?.equals(LARGE)).toBe(true);
  const never = keyOf();
  s3.fault = (request) => (isCompletion(request) ? failed : undefined);
  await expect(write(never, LARGE)).rejects.toMatchObject(UNAVAILABLE);
  expect([s3.objects.has(pathOf(never)), s3.requests.filter(isAbort).length]).toEqual([false, 1]);
});

test("TileDB-Inc/TileDB#1068, hesprs/sync-engine#283, aws/aws-sdk-js-v3#8299: an upload whose part is refused leaves no parts", async () => {
  const key = keyOf();
  s3.fault = (request) => (isPart(request) ? error(400, "EntityTooSmall") : undefined);
  await expect(write(key, LARGE)).rejects.toMatchObject(UNAVAILABLE);
  expect([s3.objects.has(pathOf(key)), s3.requests.filter(isAbort).length]).toEqual([false, 1]);
});

test("apache/texera#5281, ente/ente#13105, globaldatanet/aws-firewall-factory#613: a list goes on to its last page", async () => {
  const keys = Array.from({ length: 5 }, keyOf);
  const contents = (of: readonly FileKey[]) =>
    of
      .map(
        (key) =>
          `<Contents><Key>${pathOf(key).slice(7)}</Key><LastModified>2020-01-01T00:00:00Z</LastModified></Contents>`,
      )
      .join("");
  const token = "a+b/c=&d";
  s3.fault = ({ query }) => {
    if (!query.has("list-type")) return undefined;
    if (query.get("continuation-token") === token)
      return xml(`<ListBucketResult><IsTruncated>false</IsTruncated>${contents(keys.slice(3))}</ListBucketResult>`);
    const next = token.replace("&", "&amp;");
    return xml(
      `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>` +
        `${contents(keys.slice(0, 3))}</ListBucketResult>`,
    );
  };
  expect(await Array.fromAsync(store.list(new Date()))).toEqual(keys);
});

test("aws/aws-sdk-js-v3#4897, zhaofengli/attic#341: a download whose line is cut goes on from there, of the same object", async () => {
  const key = keyOf();
  await write(key, LARGE);
  s3.requests.length = 0;
  let cuts = 0;
  s3.fault = ({ method, headers }) => {
    if (method !== "GET" || cuts++ > 1) return undefined;
    const from = Number(/\d+/.exec(headers.range ?? "")?.[0]);
    return { status: 206, headers: { etag: '"one\\2"' }, body: LARGE.subarray(from), cutAfter: 1_000_000 };
  };
  expect((await read(key, LARGE.length)).equals(LARGE)).toBe(true);
  const asked = s3.requests.map(({ headers }) => headers["if-match"]);
  // The tag as it was given, quotes and all.
  expect([asked.length, asked[0], new Set(asked.slice(1))]).toEqual([3, undefined, new Set(['"one\\2"'])]);
  expect(s3.requests.every(({ headers }) => headers.range?.endsWith(`-${LARGE.length - 1}`))).toBe(true);
});

test("an object that is another one when the download goes on is no end of the first", async () => {
  const key = keyOf();
  await write(key, LARGE);
  let asked = 0;
  s3.fault = () =>
    asked++ === 0
      ? { status: 206, headers: { etag: '"one"' }, body: LARGE, cutAfter: 1_000_000 }
      : error(412, "PreconditionFailed");
  await expect(read(key, LARGE.length)).rejects.toMatchObject(UNAVAILABLE);
});

test("boto/boto3#4360, aptly-dev/aptly#209: a bucket of another region ends the start in the words of the store", async () => {
  s3.fault = () => error(301, "PermanentRedirect", "must be addressed using the specified endpoint");
  await expect(open()).rejects.toThrow(
    "COLLOQUY_FILES: the bucket files cannot be used: PermanentRedirect: must be addressed using the specified endpoint",
  );
});

test("minio/minio-js#820, #1040, boto/botocore#956: a link's disposition is signed with every character encoded", async () => {
  const linked = await open("&presign=60");
  const contentDisposition = `attachment; filename="a_!.png"; filename*=UTF-8''a%C3%BC%21.png`;
  const link = (await linked.link?.(keyOf(), { contentType: "image/png", contentDisposition })) ?? "";
  expect(new URL(link).searchParams.get("response-content-disposition")).toBe(contentDisposition);
  const [said = ""] = /response-content-disposition=[^&]*/.exec(link) ?? [];
  expect(said).not.toMatch(/[*'!;" ]/);
});
