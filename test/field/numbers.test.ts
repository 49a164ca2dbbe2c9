// F-NUMBERS: a number that a double cannot hold is refused, not made another one.
import { afterAll, beforeAll, expect, test } from "vitest";
import { mayHoldFault, numberFault } from "../../src/codec/json/json-number.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "workorder" } });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

const REFUSED = ["9007199254740993", "-9007199254740993", "12345678901234567890", "9007199254740993.0"];
const MORE_REFUSED = ["9.007199254740993e15", "90071992547409930e-1", "18446744073709551617", "1e-400"];
const TAKEN = ["9007199254740992", "9007199254740994", "1.0", "-0", "0.1", "1e3", "1E+22", "1e23", "0e999"];
const MORE_TAKEN = ["0.1000000000000000055511151231257827", "3.141592653589793238", "100000000000000000000"];
const RULE = "must hold only numbers that a double can: beyond 2^53 write an integer as a string";
/** Enough for a body to be read piece by piece. */
const PADDING = " ".repeat(40_000);

async function post(path: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const all = { ...key, "content-type": "application/json", ...headers };
  const response = await fetch(server.url + path, { method: "POST", headers: all, body });
  return { status: response.status, text: await response.text() };
}

const bodyOf = (number: string) => `{"conversation":{"metadata":{"a":[{"n":${number}}]}}}`;
const CREATE = "/colloquy.v1.ConversationService/CreateConversation";

const WIRES: readonly (readonly [string, (body: string) => Promise<{ status: number; text: string }>])[] = [
  ["REST", (body) => post("/v1/conversations", body)],
  ["REST, a large body", (body) => post("/v1/conversations", PADDING + body)],
  ["Connect", (body) => post(CREATE, body)],
  ["Connect, a large body", (body) => post(CREATE, PADDING + body)],
  ["Connect, from a page", (body) => post(CREATE, body, { origin: "http://localhost:5173" })],
];

test.each(WIRES.flatMap(([wire, send]) => [...REFUSED, ...MORE_REFUSED].map((number) => ({ wire, number, send }))))(
  "F-NUMBERS: $wire refuses $number by the field's name",
  async ({ number, send }) => {
    const { status, text } = await send(bodyOf(number));
    expect(status).toBe(400);
    expect(text).toContain("INVALID_FIELD");
    expect(text).toContain(`conversation.metadata.a[0].n: ${RULE}`);
  },
);

test.each(WIRES.flatMap(([wire, send]) => [...TAKEN, ...MORE_TAKEN].map((number) => ({ wire, number, send }))))(
  "F-NUMBERS: $wire takes $number and gives it back",
  async ({ number, send }) => {
    const { status, text } = await send(bodyOf(number));
    expect(status).toBeLessThan(300);
    expect(text).toContain(`"metadata":{"a":[{"n":${JSON.stringify(Number(number))}}]}`);
  },
);

test.each(WIRES)("F-NUMBERS: %s refuses 1e400", async (_, send) => {
  const { status, text } = await send(bodyOf("1e400"));
  expect(status).toBe(400);
  expect(text).toContain("conversation.metadata.a[0].n: must be a number that JSON can carry: not NaN, not infinite");
});

test("F-NUMBERS: a 64-bit field that is written as a number is refused, and taken as a string", async () => {
  const { text } = await post("/v1/conversations", '{"conversation":{}}');
  const { id } = JSON.parse(text);
  const mark = (readSeq: string) => post(`/v1/conversations/${id}:markRead`, `{"readSeq":${readSeq}}`);
  expect((await mark("9007199254740993")).text).toContain(`read_seq: ${RULE}`);
  expect((await mark('"9007199254740993"')).text).not.toContain(RULE);
});

test("F-NUMBERS: names that Connect skips may hold any number", async () => {
  expect((await post(CREATE, '{"newer":{"n":9007199254740993},"conversation":{}}')).status).toBe(200);
  expect((await post(CREATE, '{"conversation":{"title":"n: 9007199254740993, 1e5"}}')).status).toBe(200);
});

test.each(["", PADDING])("F-NUMBERS: a line of an import with such a number is not added", async (padding) => {
  const line = `{"conversation":${padding}{"conversation":{"metadata":{"n":9007199254740993}}}}`;
  const { text } = await post("/v1/conversations:import", `${line}\n`, { "content-type": "application/x-ndjson" });
  expect(JSON.parse(text)).toMatchObject({
    errorCount: "1",
    errors: [{ line: "1", description: `conversation.conversation.metadata.n: ${RULE}` }],
  });
});

test("F-NUMBERS: an integer is inexact exactly where it is not what JSON writes of it", () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let i = 0; i < 20_000; i++) {
    let digits = String(1 + random(9));
    for (let left = 14 + random(12); left > 0; left--) digits += random(3) === 0 ? "0" : String(random(10));
    const exact = BigInt(digits) === BigInt(Number(digits).toLocaleString("fullwide", { useGrouping: false }));
    expect([digits, numberFault(digits, false) === undefined]).toEqual([digits, exact]);
    if (!exact) expect(mayHoldFault(`{"a":-${digits}}`)).toBe(true);
  }
});
