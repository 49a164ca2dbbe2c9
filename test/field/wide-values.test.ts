// Values that a JSON library takes too widely: numbers of millions of digits, and times that no calendar has.
import { gzipSync } from "node:zlib";
import type { DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import {
  DoubleValueSchema,
  DurationSchema,
  FloatValueSchema,
  Int32ValueSchema,
  Int64ValueSchema,
  UInt32ValueSchema,
  UInt64ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CreateConversationRequestSchema } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { ListMessagesRequestSchema } from "../../gen/colloquy/v1/message_service_pb.ts";
import { RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import { readJson } from "../../src/codec/json/json-values.ts";
import { LARGE_BODY } from "../../src/codec/json/walk/large-json.ts";
import { ShapeFault } from "../../src/codec/shape-fault.ts";
import { validate } from "../../src/pipeline/validation/validation.ts";
import { readLargeMessage, readMessage } from "../../src/protocols/rest/request/json/read.ts";
import { createCodec } from "../../src/protocols/rpc/codec.ts";
import { LIMIT } from "../support/calls/worst-bodies.ts";
import { leastHeldBy } from "../support/measure/loop-held.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

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

describe("F-NUMBERS: numbers as texts", () => {
  const INTEGERS = [Int32ValueSchema, UInt32ValueSchema, Int64ValueSchema, UInt64ValueSchema];
  const FLOATS = [FloatValueSchema, DoubleValueSchema];
  const NO_NUMBERS = ["0x10", "0b11", "0o7", "+5", " 5", "5 ", ".5", "5.", "1_000", "5n", "Infinity5", "-", "1e"];
  const each = <A, B>(some: readonly A[], others: readonly B[]) =>
    some.flatMap((a) => others.map((b) => [a, b] as const));
  const refused = [...each(INTEGERS, [...NO_NUMBERS, "NaN", "Infinity"]), ...each(FLOATS, [...NO_NUMBERS, "infinity"])];

  test.each(refused.map(([schema, text]) => [schema.name, text, schema] as const))(
    "%s refuses %j",
    (_, text, schema) => {
      expect(() => readJson(schema, text)).toThrow(ShapeFault);
    },
  );

  const taken = [
    ...each(INTEGERS, [
      ["5", 5],
      ["005", 5],
      ["2147483647", 2147483647],
    ] as const),
    ...each(FLOATS, [
      ["5", 5],
      ["-1.5e+2", -150],
      ["NaN", Number.NaN],
      ["-Infinity", Number.NEGATIVE_INFINITY],
    ] as const),
    [Int32ValueSchema, ["-1e2", -100]] as const,
    [Int64ValueSchema, ["-5", -5]] as const,
  ];
  test.each(taken.map(([schema, [text, value]]) => [schema.name, text, value, schema] as const))(
    "%s takes %s as %d",
    (_, text, value, schema) => {
      expect(Number((readJson(schema, text) as unknown as { value: bigint | number }).value)).toBe(value);
    },
  );

  test.each(["1s ", "1sx", "0x1s", "+1s", "1.s", "s"])("a duration refuses %j", (text) => {
    expect(() => readJson(DurationSchema, text)).toThrow(ShapeFault);
  });

  test.each([0, LARGE_BODY])(
    "are refused by the name of the field, in bodies with %i spaces and more",
    async (spaces) => {
      const body = `${" ".repeat(spaces)}{"pageSize":"0x10"}`;
      const words = "page_size: must be an integer that int32 can hold";
      const codec = createCodec({ readMaxBytes: LIMIT, writeMaxBytes: LIMIT });
      const ways = [
        async () =>
          codec.decode({ input: ListMessagesRequestSchema } as unknown as DescMethod, "json", Buffer.from(body)),
        async () =>
          (spaces > 0 ? readLargeMessage : readMessage)(ListMessagesRequestSchema, body, {
            ignoreUnknownFields: false,
          }),
      ];
      for (const read of ways) await expect(read()).rejects.toThrow(words);
    },
  );
});

describe("A1: a text of escapes, the slowest there is to parse, where none can be", () => {
  const codec = createCodec({ readMaxBytes: LIMIT, writeMaxBytes: LIMIT });
  const PLACES: readonly [place: string, schema: DescMessage, body: (text: string) => string][] = [
    ["page_size: must be an integer that int32 can hold", ListMessagesRequestSchema, (text) => `{"pageSize":${text}}`],
    ["conversation: must be an object", CreateConversationRequestSchema, (text) => `{"conversation":${text}}`],
    ["messages: must be an array", CreateConversationRequestSchema, (text) => `{"messages":${text}}`],
    ["messages[1]: must be an object", CreateConversationRequestSchema, (text) => `{"messages":[{},${text}]}`],
    ["kinds: must be an array", ListMessagesRequestSchema, (text) => `{"kinds":${text}}`],
    [
      "conversation.labels: must be an object",
      CreateConversationRequestSchema,
      (text) => `{"conversation":{"labels":${text}}}`,
    ],
    [
      'conversation.labels["a.b"]: must be at most 255 characters',
      CreateConversationRequestSchema,
      (text) => `{"conversation":{"labels":{"c":"d","a.b":${text}}}}`,
    ],
  ];

  test.each(PLACES)("%s: as of a short one, and at once", async (words, schema, body) => {
    const told = (text: string, decode: (text: string) => unknown) =>
      leastHeldBy(25, async () => {
        try {
          validate(schema, (await decode(text)) as Message);
        } catch (error) {
          return (error as Error).message;
        }
        return "taken";
      });
    const ways = [
      (text: string) => codec.decode({ input: schema } as DescMethod, "json", Buffer.from(text)),
      (text: string) =>
        (text.length > LARGE_BODY ? readLargeMessage : readMessage)(schema, text, { ignoreUnknownFields: false }),
    ];
    for (const decode of ways) {
      const short = await told(body(`"${"\\n".repeat(256)}"`), decode);
      expect(short.value).toBe(words);
      // Half of what a request may take, of which parsing took all.
      const long = await told(body(`"${"\\n".repeat(LIMIT / 2 - 1_000)}"`), decode);
      expect(long.value).toBe(words);
      expect(long.ms).toBeLessThan(25);
    }
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
