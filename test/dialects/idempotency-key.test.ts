// What each API says of a bad Idempotency-Key: the header is named, not a field that its requests do not have.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectServer, type HttpAnswer, startDialects } from "../support/servers/dialect-server.ts";
import type { Credential } from "../support/servers/identity-server.ts";

const USER = randomUUID();
const FORM = "must be 1 to 128 visible ASCII characters";
const REUSED = "was used before with another request";

let dialect: DialectServer;
let user: Credential;
let desk: Credential;

beforeAll(async () => {
  dialect = await startDialects("callcenter,assistant,workorder,crm,helpdesk/desk,openai");
  await dialect.tenant.addMember(USER);
  await dialect.tenant.addMember("7");
  user = await dialect.tenant.token(USER);
  desk = await dialect.tenant.token("7");
});
afterAll(() => dialect.close());

interface Case {
  readonly path: string;
  readonly body: object;
  readonly status: number;
  /** The error of this API for what is wrong with the key. */
  readonly error: (description: string) => object;
}

const detail = (msg: string) => ({ detail: [{ loc: ["header", "idempotency-key"], msg, type: "value_error" }] });

const cases: Record<string, Case> = {
  callcenter: { path: "/conversations", body: { call_type: "inbound" }, status: 422, error: detail },
  workorder: { path: "/api/v2/conversations", body: { subject: "x" }, status: 422, error: detail },
  assistant: {
    path: "/api/conversations",
    body: { userId: USER },
    status: 400,
    error: (text) => ({ message: `idempotency-key: ${text}`, context: { field: "idempotency-key" } }),
  },
  helpdesk: {
    path: "/desk/api/conversations",
    body: { user_id: 7, agent: "bot" },
    status: 400,
    error: (text) => ({ message: `idempotency-key: ${text}` }),
  },
};

describe.each(Object.entries(cases))("%s", (name, { path, body, status, error }) => {
  const post = (key: string, title: string): Promise<HttpAnswer> =>
    dialect.http("POST", path, {
      credential: name === "helpdesk" ? desk : user,
      body: { ...body, [name === "workorder" ? "subject" : "title"]: title },
      headers: { "idempotency-key": key },
    });

  test.each(["k".repeat(129), ""])("names the header where the key has a bad form: %j", async (key) => {
    const answer = await post(key, "one");
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject(error(FORM));
  });

  test("names the header where the key was used for another request", async () => {
    const key = randomUUID();
    expect((await post(key, "one")).status).toBe(201);
    const answer = await post(key, "two");
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject(error(REUSED));
  });
});

test("crm names the header too", async () => {
  const { credential } = await dialect.tenant.key("write");
  const headers = { "idempotency-key": "k".repeat(129) };
  const { status, json } = await dialect.http("DELETE", "/v1/message/x", { credential, headers });
  expect([status, json.error.message]).toEqual([400, `idempotency-key: ${FORM}`]);
});

test("openai names the header too, and no param", async () => {
  const { credential } = await dialect.tenant.key("write");
  const ask = (key: string, topic: string) =>
    dialect.http("POST", "/openai/v1/conversations", {
      credential,
      body: { metadata: { topic } },
      headers: { "idempotency-key": key },
    });
  const key = randomUUID();
  expect((await ask(key, "one")).status).toBe(200);
  for (const [sent, text] of [
    [key, REUSED],
    ["k".repeat(129), FORM],
  ] as const) {
    const { status, json } = await ask(sent, "two");
    expect([status, json.error]).toMatchObject([400, { message: `idempotency-key: ${text}`, param: null }]);
  }
});
