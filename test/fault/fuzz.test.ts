// Whatever is sent gets a documented answer; the long runs are the torture runner's.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { type FuzzAnswer, judge } from "./fuzz/judge.ts";
import type { FuzzRequest } from "./fuzz/requests.ts";
import { badInput } from "./scenarios/bad-input.ts";
import { decoders } from "./scenarios/decoders.ts";
import { tablesAt } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("8,000 tokens, keys, headers, cursors and messages that are almost right are read, or refused in words", async () => {
  expect((await decoders(createRandom(1), { inputs: 8_000 })).findings).toEqual([]);
});

test("1,200 requests that are almost right, on every wire, are answered as the contract documents", async () => {
  const { findings, figures } = await badInput(tablesAt(database.url), createRandom(1), { requests: 1_200 });
  expect(findings).toEqual([]);
  expect(figures["inputs taken"]).toBeGreaterThan(50);
});

const request: FuzzRequest = {
  http: "1.1",
  verb: "POST",
  path: "/",
  headers: {},
  body: Buffer.alloc(0),
  tongue: "rest",
  method: "m",
};
const answer: FuzzAnswer = { status: 200, headers: {}, trailers: {}, body: Buffer.alloc(0) };
const json = (status: number, body: unknown): FuzzAnswer => ({
  ...answer,
  status,
  headers: { "content-type": "application/json" },
  body: Buffer.from(JSON.stringify(body)),
});
const info = (reason: string) => ({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason });

test.each([
  ["no answer", request, { ...answer, status: 0 }],
  ["a status of 500", request, json(500, { code: 3, details: [info("INVALID_FIELD")] })],
  ["an error without a reason", request, json(400, { code: 3, details: [] })],
  ["a reason that is none", request, json(400, { code: 3, details: [info("NOPE")] })],
  ["INTERNAL", request, json(400, { code: 13, details: [info("INTERNAL")] })],
  ["an error that is no JSON", request, { ...json(400, {}), body: Buffer.from("<html>") }],
  ["gRPC without a status", { ...request, tongue: "grpc" as const }, answer],
  ["gRPC's code 13", { ...request, tongue: "grpc" as const }, { ...answer, trailers: { "grpc-status": "13" } }],
  ["a stream without its end", { ...request, tongue: "connect stream" as const }, answer],
])("the judge condemns %s", (_, asked, came) => {
  expect(judge(asked, came).fault).toBeTypeOf("string");
});

test("and lets pass what is documented", () => {
  expect(judge(request, json(400, { code: 3, details: [info("INVALID_FIELD")] }))).toEqual({ reason: "INVALID_FIELD" });
  expect(judge(request, answer)).toEqual({ reason: "ok" });
  const plain = json(400, { code: 3, details: [info("INVALID_FIELD")] });
  const packed = { headers: { ...plain.headers, "content-encoding": "gzip" }, body: gzipSync(plain.body) };
  expect(judge(request, { ...plain, ...packed })).toEqual({ reason: "INVALID_FIELD" });
});
