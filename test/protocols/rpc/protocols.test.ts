// The pipeline over the three protocols, called by Connect's own clients.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { echoClient, PROTOCOLS, type Protocol } from "../../support/calls/clients.ts";
import { failureOf } from "../../support/errors.ts";
import { type EchoServer, startEchoServer } from "../../support/servers/echo-server.ts";

let server: EchoServer;
beforeAll(async () => {
  server = await startEchoServer();
});
afterAll(() => server.close());

const ways = PROTOCOLS.flatMap((protocol) =>
  (["2", "1.1"] as const)
    .filter((httpVersion) => protocol !== "grpc" || httpVersion === "2")
    .flatMap((httpVersion) => [false, true].map((json) => ({ protocol, httpVersion, json }))),
);

describe.each(ways)("$protocol over HTTP/$httpVersion, json: $json", ({ protocol, httpVersion, json }) => {
  const client = () => echoClient(server.url, protocol, { httpVersion, json });

  it("answers a unary call with what was sent", async () => {
    const metadata = { a: [1, "zwei", null, { b: true }] };
    const answer = await client().echo({
      text: "grüße 👋",
      metadata,
      data: new Uint8Array([0, 255]),
      number: 2n ** 60n,
    });
    expect(answer).toMatchObject({ text: "grüße 👋", metadata, number: 2n ** 60n, caller: "member:ada" });
    expect([...answer.data]).toEqual([0, 255]);
  });

  it("streams answers in order", async () => {
    const indexes: number[] = [];
    for await (const { index } of client().repeat({ text: "x", times: 100 })) indexes.push(index);
    expect(indexes).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("collects a client's stream", async () => {
    async function* requests() {
      for (const text of ["a", "b", "c"]) yield { text };
    }
    expect((await client().collect(requests())).texts).toEqual(["a", "b", "c"]);
  });

  it.runIf(httpVersion === "2")("converses both ways", async () => {
    async function* requests() {
      for (const text of ["a", "b", "c"]) yield { text };
    }
    const texts: string[] = [];
    for await (const { text } of client().converse(requests())) texts.push(text);
    expect(texts).toEqual(["a", "b", "c"]);
  });

  it("answers with the request's own id, and with a new one for a malformed one", async () => {
    const seen: Array<string | null> = [];
    const onHeader = (headers: Headers) => void seen.push(headers.get("x-request-id"));
    await client().echo({ text: "" }, { headers: { "x-request-id": "a.b:c-1_" }, onHeader });
    await client().echo({ text: "" }, { headers: { "x-request-id": "not ok" }, onHeader });
    expect(seen[0]).toBe("a.b:c-1_");
    expect(seen[1]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it("takes the idempotency key from the request, else from the header", async () => {
    const headers = { "idempotency-key": "key-1" };
    expect((await client().echo({ requestId: "own" })).idempotencyKey).toBe("own");
    expect((await client().echo({}, { headers })).idempotencyKey).toBe("key-1");
    expect((await client().echo({ requestId: "key-1" }, { headers })).idempotencyKey).toBe("key-1");
    expect(await failureOf(client().echo({ requestId: "other" }, { headers }))).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_FIELD",
      fields: ["request_id"],
    });
    expect(await failureOf(client().echo({ requestId: "x".repeat(129) }))).toMatchObject({ fields: ["request_id"] });
    expect(await failureOf(client().echo({ requestId: "a b" }))).toMatchObject({ fields: ["request_id"] });
  });

  it("refuses a caller without a credential, and one with a bad one", async () => {
    const without = echoClient(server.url, protocol, { httpVersion, json, token: null });
    expect(await failureOf(without.echo({}))).toMatchObject({ code: "Unauthenticated", reason: "CREDENTIAL_MISSING" });
    const bad = echoClient(server.url, protocol, { httpVersion, json, token: "bad" });
    expect(await failureOf(bad.echo({}))).toMatchObject({ code: "Unauthenticated", reason: "CREDENTIAL_INVALID" });
    const { entered } = server.seen;
    const stream = without.repeat({ times: 1 })[Symbol.asyncIterator]();
    expect(await failureOf(stream.next())).toMatchObject({ code: "Unauthenticated" });
    expect(server.seen.entered).toBe(entered);
  });

  it("carries a failure's reason and details", async () => {
    expect(await failureOf(client().echo({ behave: "fail:TURN_IN_PROGRESS" }))).toEqual({
      code: "Aborted",
      reason: "TURN_IN_PROGRESS",
      message: "failed with TURN_IN_PROGRESS",
      fields: [],
      rules: [],
      metadata: { turn_id: "t1" },
      retrySeconds: 1.5,
    });
  });

  it("carries a failure that comes after answers of a stream", async () => {
    const stream = client().repeat({ text: "x", times: 3, behave: "missing" })[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) expect((await stream.next()).value).toMatchObject({ index: i });
    expect(await failureOf(stream.next())).toMatchObject({ code: "NotFound", reason: "NOT_FOUND" });
  });

  it("hides what went wrong inside", async () => {
    expect(await failureOf(client().echo({ behave: "crash" }))).toMatchObject({
      code: "Internal",
      reason: "INTERNAL",
      message: "internal error",
    });
  });

  it("cuts a long message, so that every client can read the error", async () => {
    const { code, message } = await failureOf(client().echo({ behave: "long" }));
    expect(code).toBe("FailedPrecondition");
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
    expect(message.endsWith("…")).toBe(true);
  });

  it("names every broken rule", async () => {
    const { code, reason, fields, rules } = await failureOf(
      client().echo({ text: "x".repeat(100_001), behave: "y".repeat(101) }),
    );
    expect({ code, reason, fields, rules }).toEqual({
      code: "InvalidArgument",
      reason: "INVALID_FIELD",
      fields: ["text", "behave"],
      rules: ["STRING_MAX_LEN", "STRING_MAX_LEN"],
    });
  });

  it("lets a handler set a header of the answer", async () => {
    let header: string | null = null;
    await client().echo({ behave: "header" }, { onHeader: (headers) => (header = headers.get("x-echo")) });
    expect(header).toBe("yes");
  });

  it("does not begin a call whose time is up", async () => {
    const { entered } = server.seen;
    const headers = timeout(protocol, "0", "0m");
    expect(await failureOf(client().echo({}, { headers }))).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    expect(server.seen.entered).toBe(entered);
  });

  it("takes the longest timeout there is", async () => {
    expect((await client().echo({ text: "ok" }, { headers: timeout(protocol, "9999999999", "99999999H") })).text).toBe(
      "ok",
    );
  });

  it("ends a call at its deadline, even if the service does not listen", async () => {
    const headers = timeout(protocol, "50", "50m");
    const { entered, aborted } = server.seen;
    const failure = failureOf(client().echo({ behave: "deaf" }, { headers }));
    await expect.poll(() => server.seen.entered).toBe(entered + 1);
    // Timers of this process, which is the server's too, that began after that of the call: however late they are, they
    // are later.
    for (let i = 0; i < 4; i++) await delay(20);
    expect(server.seen.aborted).toBe(aborted + 1);
    expect(await failure).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" });
    const stream = client().repeat({ times: 2, behave: "deaf" }, { headers })[Symbol.asyncIterator]();
    await stream.next();
    await stream.next();
    expect(await failureOf(stream.next())).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  it("refuses a timeout that is none", async () => {
    const headers = timeout(protocol, "soon", "soon");
    expect(await failureOf(client().echo({}, { headers }))).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_FIELD",
      fields: [Object.keys(headers)[0]],
    });
  });

  it("aborts the service when the caller goes away", async () => {
    const controller = new AbortController();
    const { aborted, entered } = server.seen;
    const call = client().echo({ behave: "hang" }, { signal: controller.signal });
    await expect.poll(() => server.seen.entered).toBeGreaterThan(entered);
    controller.abort();
    await failureOf(call);
    await expect.poll(() => server.seen.aborted).toBe(aborted + 1);
  });
});

function timeout(protocol: Protocol, connect: string, grpc: string): Record<string, string> {
  return protocol === "connect" ? { "connect-timeout-ms": connect } : { "grpc-timeout": grpc };
}
