// The whole server with its files in an S3-compatible store: what is gone is gone there too, older versions and unended
// parts included.
import { randomBytes } from "node:crypto";
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, test } from "vitest";
import { checkFiles } from "../../../src/cli/doctor/machine.ts";
import { loadConfig } from "../../../src/config/config.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { SettingError } from "../../../src/domain/settings/setting-error.ts";
import { openFiles } from "../../../src/files/open.ts";
import { sweepFiles, sweepLostBytes } from "../../../src/jobs/files.ts";
import { startOwnServer } from "../../fault/stage/server.ts";
import { PIXEL, personOf, sha256 } from "../../support/calls/files.ts";
import { lockWaits } from "../../support/postgres/lock-waits.ts";
import { endWithTest } from "../../support/run/child.ts";
import { startIdentityServer } from "../../support/servers/identity-server.ts";
import { freePort } from "../../support/services/free-port.ts";
import { hasSwift, type S3Server, startSwift } from "../../support/services/swift.ts";

describe.runIf(hasSwift())("files in an S3-compatible store", () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await startSwift();
  });

  const serverAt = async (place: string) => {
    const server = await startIdentityServer({ environment: { COLLOQUY_FILES: place } });
    endWithTest(() => server.close());
    const tenant = await server.tenant();
    const key = personOf(server, (await tenant.key("read", "write", "admin")).credential);
    const { conversation } = await key.conversations.createConversation({});
    return { server, tenant, key, conversationId: conversation?.id ?? "" };
  };
  const storeAt = async (place: string) => {
    const { files } = loadConfig({ COLLOQUY_FILES: place });
    const store = await openFiles(files.place, files.maxBytes);
    endWithTest(() => store.close());
    return store;
  };
  const objects = async (prefix: string) =>
    (await s3.client.send(new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: prefix }))).Contents ?? [];

  test("files come back whole and in part, and leave with their conversation", async () => {
    const { key, tenant, conversationId } = await serverAt(s3.place("whole"));
    const bytes = randomBytes(7_000_000);
    const file = await key.upload(bytes, { name: "seven.bin" });
    expect((await objects("whole/")).map(({ Key, Size }) => [Key, Size])).toEqual([
      [`whole/${tenant.id}/${file.id}`, bytes.length],
    ]);
    await key.send(conversationId, file.id);
    expect(await key.sees(file.id)).toBe(true);
    const whole = await key.rest(`/v1/files/${file.id}/content`);
    expect([whole.status, whole.headers.get("etag")]).toEqual([200, `"${sha256(bytes)}"`]);
    expect(sha256(await whole.bytes())).toBe(sha256(bytes));
    const part = await key.rest(`/v1/files/${file.id}/content`, { headers: { range: "bytes=5242870-5242890" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 5242870-5242890/7000000"]);
    expect(Buffer.compare(await part.bytes(), bytes.subarray(5_242_870, 5_242_891))).toBe(0);
    await key.conversations.purgeConversation({ conversationId });
    expect([await objects("whole/"), await key.sees(file.id)]).toEqual([[], false]);
  });

  test("the sweeper removes what no message names, objects without a file, and parts of uploads that never ended", async () => {
    const place = s3.place("swept");
    const { key, server, tenant, conversationId } = await serverAt(place);
    const [lonely, named] = [await key.upload(PIXEL), await key.upload(PIXEL)];
    await key.send(conversationId, named.id);
    const lost = `swept/${tenant.id}/${newId()}`;
    const stranger = "swept/readme.txt";
    const at = { Bucket: s3.bucket };
    await s3.client.send(new PutObjectCommand({ ...at, Key: lost, Body: "lost" }));
    await s3.client.send(new PutObjectCommand({ ...at, Key: stranger, Body: "not ours" }));
    const begun = { ...at, Key: `swept/${tenant.id}/${newId()}` };
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(begun));
    await s3.client.send(new UploadPartCommand({ ...begun, UploadId, PartNumber: 1, Body: "a part" }));
    const store = await storeAt(place);
    expect(await sweepFiles(server.database, store, tenant.id, undefined, 0)).toBe(1);
    // Of the clock of the store, whose times are whole seconds.
    expect(await sweepLostBytes(server.database, store, undefined, -3_600_000)).toBe(2);
    expect((await objects("swept/")).map((object) => object.Key)).toEqual([`swept/${tenant.id}/${named.id}`, stranger]);
    const { Uploads } = await s3.client.send(new ListMultipartUploadsCommand({ ...at, Prefix: "swept/" }));
    expect([Uploads ?? [], await key.sees(lonely.id), await key.sees(named.id)]).toEqual([[], false, true]);
  });

  test("a server that is killed leaves at worst parts, and an object without a row, and the sweeper takes both", async () => {
    const place = s3.place("killed");
    const { key, server, tenant } = await serverAt(place);
    const environment = { DATABASE_URL: server.databaseUrl, COLLOQUY_FILES: place, ...s3.credentials };
    await using killed = await startOwnServer(environment);
    const upload = (body: BodyInit) => {
      const init = { method: "POST", headers: key.credential, body, duplex: "half" } as RequestInit;
      return fetch(`${killed.url}/v1/files`, init).then(
        ({ status }) => status,
        () => "broken",
      );
    };
    const at = { Bucket: s3.bucket, Prefix: "killed/" };
    const parts = async () => (await s3.client.send(new ListMultipartUploadsCommand(at))).Uploads?.length ?? 0;
    // One whose end never comes, and one whose bytes are whole while its row has to wait.
    const endless = upload(new ReadableStream({ start: (controller) => controller.enqueue(randomBytes(7 * 2 ** 20)) }));
    await expect.poll(parts).toBe(1);
    const sql = (name: string, text: string) => ({ name: `test_${name}`, changes: true, text });
    await server.database.transaction(undefined, async (tx) => {
      await tx.query(sql("lock", "lock table file in exclusive mode"), []);
      const whole = upload(PIXEL);
      await expect.poll(async () => (await objects("killed/")).length).toBe(1);
      const waiting = () => lockWaits(server.database, "%insert into file as f%");
      await expect.poll(waiting).toHaveLength(1);
      killed.signal("SIGKILL");
      expect(await Promise.all([endless, whole])).toEqual(["broken", "broken"]);
      // PostgreSQL would go on without it.
      for (const pid of await waiting())
        await tx.query({ name: "test_end", text: "select pg_terminate_backend($1::integer)" }, [pid]);
      await expect.poll(waiting).toEqual([]);
    });
    expect((await key.files.listFiles({})).files).toEqual([]);
    expect([await parts(), (await objects("killed/")).map(({ Key }) => Key?.split("/")[1])]).toEqual([1, [tenant.id]]);
    const store = await storeAt(place);
    expect(await sweepLostBytes(server.database, store, undefined, -3_600_000)).toBe(2);
    expect([await parts(), await objects("killed/")]).toEqual([0, []]);
  });

  test("an upload that is too large, or whose caller leaves, leaves no part of it", async () => {
    const server = await startIdentityServer({
      environment: { COLLOQUY_FILES: s3.place("broken"), COLLOQUY_FILE_MAX: "8MiB" },
    });
    endWithTest(() => server.close());
    const tenant = await server.tenant();
    const key = personOf(server, (await tenant.key("read", "write")).credential);
    await expect(key.upload(randomBytes(9 * 2 ** 20))).rejects.toThrow(/at most/);
    const leaving = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(randomBytes(2 ** 20));
        const { Uploads } = await s3.client.send(
          new ListMultipartUploadsCommand({ Bucket: s3.bucket, Prefix: "broken/" }),
        );
        if (Uploads !== undefined) leaving.abort();
      },
    });
    const init = { method: "POST", body, duplex: "half", signal: leaving.signal } as RequestInit;
    await expect(key.rest("/v1/files", init)).rejects.toThrow(/abort/);
    const left = async () => {
      const at = { Bucket: s3.bucket, Prefix: "broken/" };
      const { Uploads } = await s3.client.send(new ListMultipartUploadsCommand(at));
      return [Uploads ?? [], await objects("broken/")];
    };
    await expect.poll(left).toEqual([[], []]);
  });

  test("with presign, a download over REST is a URL that ends, and every other way is as before", async () => {
    const { key, server, tenant } = await serverAt(s3.place("signed", "&presign=60"));
    const html = Buffer.from("<script>alert(1)</script>");
    const file = await key.upload(html, { name: "page's (1)* ü!.html", type: "text/html" });
    const path = `/v1/files/${file.id}/content`;
    const answer = await key.rest(path, { redirect: "manual" });
    expect([answer.status, await answer.text()]).toEqual([302, ""]);
    const location = new URL(answer.headers.get("location") ?? "");
    expect([location.origin, location.searchParams.get("X-Amz-Expires")]).toEqual([s3.endpoint, "60"]);
    const fetched = await fetch(location);
    expect([fetched.status, fetched.headers.get("content-type")]).toEqual([200, file.mediaType]);
    expect(fetched.headers.get("content-disposition")).toBe(
      `attachment; filename="page's (1)* _!.html"; filename*=UTF-8''page%27s%20%281%29%2A%20%C3%BC!.html`,
    );
    expect(await fetched.text()).toBe(String(html));
    const part = await key.rest(path, { headers: { range: "bytes=1-6" } });
    expect([part.status, await part.text()]).toEqual([206, "script"]);
    // artifact-keeper/artifact-keeper#3209, oven-sh/bun#35584: a URL that is signed for GET refuses HEAD.
    const head = await key.rest(path, { method: "HEAD", redirect: "manual" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(html.length)]);
    const known = await key.rest(path, { headers: { "if-none-match": `"${file.sha256}"` }, redirect: "manual" });
    expect(known.status).toBe(304);
    expect(await key.sees(file.id)).toBe(true);
    const other = personOf(server, await tenant.token("eve"));
    expect((await other.rest(path, { redirect: "manual" })).status).toBe(404);
  });

  test("a store that cannot be reached is UNAVAILABLE, and a bucket that is refused ends the start", async () => {
    const place = `s3://files?endpoint=${encodeURIComponent(`http://127.0.0.1:${await freePort()}`)}`;
    const { key } = await serverAt(place);
    const answer = await key.rest("/v1/files", { method: "POST", body: PIXEL });
    expect([answer.status, await answer.json()]).toMatchObject([
      503,
      { message: "the store of files cannot be reached" },
    ]);
    const nobodys = s3.place().replace("//files", "//nobodys");
    await expect(storeAt(nobodys)).rejects.toThrow(/^COLLOQUY_FILES: the bucket nobodys cannot be used: NoSuchBucket/);
    await expect(storeAt(nobodys)).rejects.toBeInstanceOf(SettingError);
    const examined = async (files: string) =>
      (await checkFiles(loadConfig({ COLLOQUY_FILES: files }))).map(({ level, text }) => `${level}: ${text}`);
    expect(await examined(s3.place())).toEqual(["ok: the bucket files can be read"]);
    const advice = "check COLLOQUY_FILES, the credentials (AWS_…), and that the store runs";
    for (const [files, why] of [
      [nobodys, "NoSuchBucket: .+"],
      [place, ".*ECONNREFUSED.*"],
    ] as const) {
      const [line] = await examined(files);
      expect(line).toMatch(new RegExp(`^fail: the bucket \\w+ of http://127.0.0.1:\\d+ cannot be read \\(${why}\\): `));
      expect(line?.endsWith(advice)).toBe(true);
    }
  });

  test("a bucket that keeps versions keeps none of what is erased", async () => {
    const versioned = (Status: "Enabled" | "Suspended") =>
      s3.client.send(new PutBucketVersioningCommand({ Bucket: s3.bucket, VersioningConfiguration: { Status } }));
    await versioned("Enabled");
    try {
      const { key } = await serverAt(s3.place("versions"));
      const file = await key.upload(PIXEL);
      const versions = () => s3.client.send(new ListObjectVersionsCommand({ Bucket: s3.bucket, Prefix: "versions/" }));
      expect((await versions()).Versions).toHaveLength(1);
      await key.files.deleteFile({ fileId: file.id });
      const { Versions = [], DeleteMarkers = [] } = await versions();
      expect([Versions, DeleteMarkers]).toEqual([[], []]);
    } finally {
      await versioned("Suspended");
    }
  });
});
