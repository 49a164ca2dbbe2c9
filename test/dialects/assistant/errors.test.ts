// What fails before or beside the work of the assistant API, each in the documented shape.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { administer } from "../../support/postgres/postgres.ts";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import { expectError, PATH } from "./answers.ts";

let server: DialectServer;
beforeAll(async () => {
  server = await startDialects("assistant");
});
afterAll(() => server.close());

const userId = randomUUID();

describe("S2-5 errors", () => {
  test.each([
    ["a path below the base path", "GET", `${PATH}/${randomUUID()}`],
    ["a deeper path", "POST", `${PATH}/a/b/c`],
  ])("say 404 for %s", async (_, method, path) => {
    expectError(await server.http(method, path), 404, "NOT_FOUND");
  });

  test.each(["PATCH", "PROPFIND"])("say 405 for the method %s, and which there are", async (method) => {
    const answer = await server.http(method, PATH);
    expectError(answer, 405, "METHOD_NOT_ALLOWED");
    expect(answer.headers.get("allow")).toBe("DELETE, GET, HEAD, OPTIONS, POST, PUT");
  });

  test.each([
    ["no JSON", "{"],
    ["an empty string", '""'],
    ["a list", "[]"],
    ["null", "null"],
    ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
  ])("say 400 for a body that is %s", async (_, raw) => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      expectError(await server.http(method, PATH, { raw }), 400, "VALIDATION_ERROR");
    }
  });

  test("say 400 for a name that is there twice", async () => {
    const raw = `{"userId":"${userId}","userId":"${userId}"}`;
    expectError(await server.http("POST", PATH, { raw }), 400, "VALIDATION_ERROR");
  });

  test("say 413 for a body over 4 MiB, and take one of just that", async () => {
    const raw = (bytes: number) => {
      const [head, tail] = [`{"userId":"${userId}","padding":"`, '"}'];
      return head + "x".repeat(bytes - head.length - tail.length) + tail;
    };
    expectError(await server.http("POST", PATH, { raw: raw(4 * 1024 * 1024 + 1) }), 413, "PAYLOAD_TOO_LARGE");
    expect((await server.http("POST", PATH, { raw: raw(4 * 1024 * 1024) })).status).toBe(201);
  });

  test("say 415 for a body that is not said to be JSON: a page of another origin could send it without asking", async () => {
    const call = { body: { userId }, headers: { "content-type": "text/plain;charset=UTF-8" } };
    expectError(await server.http("POST", PATH, call), 415, "UNSUPPORTED_MEDIA_TYPE");
  });

  test("say 409 for messages to a closed conversation", async () => {
    const { conversation } = (await server.http("POST", PATH, { body: { userId } })).json;
    const text = "update conversation set status = 3 where tenant_id = $1 and id = $2";
    await server.server.database.query({ name: "test_close", text }, [server.tenant.id, conversation.id]);
    const body = { userId, conversationId: conversation.id, messages: [{ role: "user", content: "late" }] };
    expectError(await server.http("PUT", PATH, { body }), 409, "CONFLICT");
  });

  test("keep the request id of the caller where it has the documented form", async () => {
    const id = "req_0123456789abcdefghij";
    const answer = await server.http("GET", PATH, { headers: { "x-request-id": id } });
    expect([answer.json.requestId, answer.headers.get("x-request-id")]).toEqual([id, id]);
    expectError(await server.http("GET", PATH, { headers: { "x-request-id": "mine" } }), 400, "VALIDATION_ERROR", {
      field: "userId",
    });
  });

  test("say 500 and nothing of the database while it is down", async () => {
    const broken = await startDialects("assistant");
    const known = randomUUID();
    expect((await broken.http("GET", `${PATH}?userId=${known}`)).status).toBe(200);
    const name = { name: "test_name", text: "select current_database() as name" };
    const [row] = await broken.server.database.query<{ name: string }>(name as never, []);
    await administer(broken.postgresUrl, `drop database ${row?.name} with (force)`);
    // One user is remembered, the other would have to be looked up.
    for (const user of [known, randomUUID()]) {
      const answers = [
        await broken.http("GET", `${PATH}?userId=${user}`),
        await broken.http("POST", PATH, { body: { userId: user } }),
        await broken.http("PUT", PATH, { body: { userId: user, conversationId: randomUUID() } }),
        await broken.http("DELETE", PATH, { body: { userId: user, conversationId: randomUUID() } }),
      ];
      for (const answer of answers) expectError(answer, 500, "DATABASE_ERROR", {}, "Database operation failed");
    }
    await broken.close();
  });
});
