// Small bodies that unpack to 64 MiB, on every wire and in every place where one may stand: refused at 4 MiB.
import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ImportConversationsRequestSchema } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { bodyOf, frame, type RawAnswer, type RawCall, rawCall } from "../support/calls/raw-call.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import * as bombs from "./faults/bombs.ts";
import { tablesAt } from "./stage/database.ts";
import { type OwnServer, startOwnServer } from "./stage/server.ts";

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
let server: OwnServer;
let headers: Readonly<Record<string, string>>;
beforeAll(async () => {
  database = await createTestDatabase();
  server = await startOwnServer({ DATABASE_URL: database.url });
  ({ headers } = await tablesAt(database.url).tenant());
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await database.drop();
});

const PACKED: readonly (readonly [name: string, coding: string, bytes: Buffer])[] = [
  ["gzip", "gzip", bombs.gzipBomb()],
  ["brotli", "br", bombs.brotliBomb()],
  ["many gzips, one after the other", "gzip", bombs.manyGzips()],
];
const NESTED = bombs.nestedBomb();

/** A call that carries packed bytes, as their wire wants them. */
type Place = (coding: string, bytes: Buffer) => RawCall;

const SEND = "/colloquy.v1.MessageService/SendMessage";
const GET = "/colloquy.v1.ConversationService/GetConversation";
const SUBSCRIBE = "/colloquy.v1.EventService/Subscribe";
const IMPORT = "/colloquy.v1.TransferService/ImportConversations";
const PROTOCOLS = ["connect", "grpc", "grpc-web"] as const;
const PACKED_FRAME = 1;

const first = toBinary(ImportConversationsRequestSchema, create(ImportConversationsRequestSchema, { body: {} }));

/** How the protocol names the compression of messages in frames. */
function framed(protocol: (typeof PROTOCOLS)[number], coding: string): Record<string, string> {
  return { ...headers, [protocol === "connect" ? "connect-content-encoding" : "grpc-encoding"]: coding };
}

const PLACES: readonly (readonly [name: string, Place])[] = [
  ...PROTOCOLS.flatMap((protocol) => [
    ...[false, true].map((json): [string, Place] => [
      `a message of ${protocol} in ${json ? "JSON" : "Protobuf"}`,
      (coding, bytes) => ({
        path: SEND,
        protocol,
        json,
        headers: { ...headers, [protocol === "connect" ? "content-encoding" : "grpc-encoding"]: coding },
        body: bodyOf({ protocol }, bytes, PACKED_FRAME),
      }),
    ]),
    [
      `the message that begins a stream of ${protocol}`,
      (coding, bytes) => ({
        path: SUBSCRIBE,
        protocol,
        stream: true,
        headers: framed(protocol, coding),
        body: frame(bytes, PACKED_FRAME),
      }),
    ] satisfies [string, Place],
    [
      `a later message of a stream of ${protocol}`,
      (coding, bytes) => ({
        path: IMPORT,
        protocol,
        stream: true,
        headers: framed(protocol, coding),
        body: Buffer.concat([frame(first), frame(first), frame(bytes, PACKED_FRAME)]),
      }),
    ] satisfies [string, Place],
  ]),
];

/** On a machine that is busy with other tests the server may say that it has too much to do: then again. */
async function call(wanted: RawCall): Promise<RawAnswer> {
  for (;;) {
    const answer = await rawCall(server.url, wanted);
    if (answer.reason !== "OVERLOADED") return answer;
  }
}

const EXHAUSTED = ["resource_exhausted", "8"];

test.each(PLACES)("a bomb in %s is too large", async (_, place) => {
  for (const [name, coding, bytes] of PACKED) {
    const { reason, code } = await call(place(coding, bytes));
    expect({ name, reason, known: EXHAUSTED.includes(code ?? "") }).toEqual({ name, reason: "TOO_LARGE", known: true });
  }
  // Unpacked once, it is no message.
  expect((await call(place("gzip", NESTED))).reason).toBe("MALFORMED_BODY");
});

test("a bomb in the query of a GET is too large", async () => {
  for (const [coding, bytes] of [
    ["br", bombs.brotliBomb()],
    ["gzip", bombs.gzipBomb(8 << 20)],
  ] as const) {
    const message = bytes.toString("base64url");
    const path = `${GET}?connect=v1&encoding=proto&base64=1&compression=${coding}&message=${message}`;
    const answer = await call({ path, protocol: "connect", method: "GET", headers });
    expect(answer).toMatchObject({ status: 429, code: "resource_exhausted", reason: "TOO_LARGE" });
  }
});

function post(path: string, coding: string, body: Buffer, type = "application/json"): Promise<Response> {
  const packed = { ...headers, "content-type": type, "content-encoding": coding };
  return fetch(`${server.url}${path}`, { method: "POST", headers: packed, body: new Uint8Array(body) });
}

test("a bomb in a body of REST is too large", async () => {
  for (const [name, coding, bytes] of [...PACKED, ["deflate", "deflate", bombs.deflateBomb()]] as const) {
    const answer = await post("/v1/conversations", coding, bytes);
    expect([name, answer.status]).toEqual([name, 413]);
    expect(await answer.text()).toContain("TOO_LARGE");
  }
  expect((await post("/v1/conversations", "gzip", NESTED)).status).toBe(400);
  expect((await post("/v1/conversations", "gzip, gzip", NESTED)).status).toBe(415);
});

test("a bomb in an import over REST is one line that is too long, or many that are empty", async () => {
  const long = await post("/v1/conversations:import", "gzip", bombs.gzipBomb(), "application/x-ndjson");
  const tooLong = expect.objectContaining({ description: "is longer than 4194304 bytes" });
  expect([long.status, await long.json()]).toEqual([200, expect.objectContaining({ errors: [tooLong] })]);
  const empty = await post("/v1/conversations:import", "gzip", bombs.linesBomb(16 << 20), "application/x-ndjson");
  expect([empty.status, await empty.json()]).toEqual([200, expect.objectContaining({ lineCount: String(16 << 20) })]);
});

test("forty at once take less memory than four of them unpacked", async () => {
  const before = mostMemory();
  const [, coding, bytes] = PACKED[0] as (typeof PACKED)[number];
  const calls = Array.from({ length: 40 }, (_, index) => {
    const [, place] = PLACES[index % PLACES.length] as (typeof PLACES)[number];
    return call(place(coding, bytes));
  });
  const reasons = new Set((await Promise.all(calls)).map(({ reason }) => reason));
  expect([...reasons]).toEqual(["TOO_LARGE"]);
  expect(mostMemory() - before).toBeLessThan(256);
});

/** The most that the server's process ever took, in MiB. */
function mostMemory(): number {
  const [, kib = "0"] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}
