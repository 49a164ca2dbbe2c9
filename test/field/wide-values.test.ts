// Values that a JSON library takes too widely: numbers of millions of digits, and times that no calendar has.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import { readJson } from "../../src/codec/json/json-values.ts";
import { ShapeFault } from "../../src/codec/shape-fault.ts";
import { readMessage } from "../../src/protocols/rest/request/json/read.ts";
import { type IdentityServer, startIdentityServer } from "../support/identity-server.ts";

let server: IdentityServer;
let headers: Record<string, string>;
let conversation: string;

async function call(path: string, body: string, more: Record<string, string> = {}): Promise<[number, string]> {
  const zipped = gzipSync(body);
  const answer = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { ...headers, "content-encoding": "gzip", ...more },
    body: zipped,
  });
  return [answer.status, await answer.text()];
}

beforeAll(async () => {
  server = await startIdentityServer();
  headers = { ...(await (await server.tenant()).token("ann")), "content-type": "application/json" };
  const [, made] = await call("/v1/conversations", "{}");
  conversation = (JSON.parse(made) as { id: string }).id;
});
afterAll(() => server.close());

const TIMES = [
  "2023-02-29T10:00:00Z",
  "2023-02-31T10:00:00Z",
  "2024-02-30T10:00:00Z",
  "1900-02-29T10:00:00Z",
  "2023-04-31T10:00:00.5+02:00",
  "2023-11-31T10:00:00-02:00",
  "2023-01-01T24:00:00Z",
  "2023-01-01T10:00:00+24:00",
  "2023-01-01T10:00:00+02:60",
  "2023-13-01T10:00:00Z",
  "2023-00-01T10:00:00Z",
  "2023-01-00T10:00:00Z",
  "2023-01-32T10:00:00Z",
  "2023-01-01T10:60:00Z",
];

describe("A1: numbers of many digits", () => {
  test.each([41, 30_000, 4_000_000])("are refused before they are converted: %i digits", async (digits) => {
    const number = "9".repeat(digits);
    const rest = await call(`/v1/conversations/${conversation}/messages`, `{"content":"a","seq":"${number}"}`);
    expect(rest).toEqual([400, expect.stringContaining("seq")]);
    expect(rest[1].length).toBeLessThan(1_000);
    const body = `{"conversationId":"${conversation}","afterSeq":"${number}"}`;
    const connect = await call("/colloquy.v1.EventService/ListEvents", body);
    expect(connect).toEqual([400, expect.stringContaining("after_seq")]);
    expect(connect[1].length).toBeLessThan(1_000);
  });
});

describe("F-TIMES: times that no calendar has", () => {
  const record = (time: string) => ({ conversation: { conversation: { id: "a", createTime: time } } });

  test.each(TIMES)("%s is refused", (time) => {
    expect(() => readJson(RecordSchema, record(time))).toThrow();
    expect(() => readMessage(RecordSchema, JSON.stringify(record(time)), { ignoreUnknownFields: false })).toThrow(
      expect.objectContaining({ kind: "invalid" }),
    );
  });

  test.each(["2024-02-29T23:59:59.123456789Z", "2000-02-29T00:00:00+23:59", "0001-01-01T00:00:00Z"])(
    "%s is taken",
    (time) => {
      expect(readJson(RecordSchema, record(time))).toMatchObject({ kind: { case: "conversation" } });
    },
  );

  test.each(["2026-01-31t12:00:00.5z", "2026-01-31T12:00:00.500z", "2026-01-31t13:30:00.5+01:30"])(
    "%s is taken, for RFC 3339 has small letters too",
    async (time) => {
      const capital = readJson(RecordSchema, record("2026-01-31T12:00:00.5Z"));
      expect(readJson(RecordSchema, record(time))).toEqual(capital);
      expect(readMessage(RecordSchema, JSON.stringify(record(time)), { ignoreUnknownFields: false })).toEqual(capital);
      const messages = [
        `{"content":"a","createTime":"${time}"}`,
        `{"content":"${"a".repeat(40_000)}","createTime":"${time}"}`,
      ];
      for (const message of messages) {
        const path = `/v1/conversations/${conversation}/messages`;
        expect(await call(path, message)).toEqual([201, expect.anything()]);
      }
    },
  );

  test("the fault names the field", () => {
    expect(() => readJson(RecordSchema, record("2023-02-31T10:00:00Z"))).toThrow(ShapeFault);
    expect(() => readJson(RecordSchema, record("2023-02-31T10:00:00Z"))).toThrow(
      expect.objectContaining({ field: "conversation.conversation.create_time" }),
    );
  });

  test("neither over REST nor over Connect, long or short", async () => {
    for (const content of ["a", "a".repeat(40_000)]) {
      const message = `{"content":"${content}","createTime":"2024-02-30T10:00:00Z"}`;
      expect(await call(`/v1/conversations/${conversation}/messages`, message)).toEqual([
        400,
        expect.stringContaining("create_time"),
      ]);
      const body = `{"conversationId":"${conversation}","messages":[{"content":"a"},${message}]}`;
      expect(await call("/colloquy.v1.MessageService/BatchSendMessages", body)).toEqual([
        400,
        expect.stringContaining("messages[1].create_time"),
      ]);
    }
  });
});
