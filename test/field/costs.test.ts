// What a request costs before it is refused or answered: of each field of the contract, the worst that 4 MiB let
// through.
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  toJsonString,
} from "@bufbuild/protobuf";
import { describe, expect, test, vi } from "vitest";
import { FieldRulesSchema, field as rulesOf } from "../../gen/buf/validate/validate_pb.ts";
import * as conversations from "../../gen/colloquy/v1/conversation_service_pb.ts";
import * as messages from "../../gen/colloquy/v1/message_service_pb.ts";
import { RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { Turns } from "../../src/pipeline/streams/time-slices.ts";
import { validate } from "../../src/pipeline/validation/validation.ts";
import { RestProblem } from "../../src/protocols/rest/binding/problem.ts";
import { isRawJson } from "../../src/protocols/rest/binding/raw-json.ts";
import { readText } from "../../src/protocols/rest/request/json/body.ts";
import { quoteManyRawValues } from "../../src/protocols/rest/request/json/raw-values.ts";
import { readLargeMessage } from "../../src/protocols/rest/request/json/read.ts";
import { createCodec } from "../../src/protocols/rpc/codec.ts";
import {
  isOwnMessage,
  LIMIT,
  pathsOf,
  type WorstBody,
  worstInItem,
  worstJson,
  worstProto,
  worstUnknown,
} from "../support/calls/worst-bodies.ts";
import { leastHeldBy } from "../support/measure/loop-held.ts";
import { dialectServices, ownServices } from "../support/servers/contract.ts";

vi.setConfig({ testTimeout: 240_000 });

/** So long may what one request brings hold the loop, in milliseconds of this thread's own work. */
const MAX_MS = 50;

const METHODS = [...ownServices, ...dialectServices].flatMap(({ methods }) => methods);

const codec = createCodec({ readMaxBytes: LIMIT, writeMaxBytes: LIMIT });

/** Decodes and validates as the lanes do. */
async function take(input: DescMessage, { encoding, bytes }: WorstBody): Promise<void> {
  const message = await codec.decode({ input } as DescMethod, encoding, bytes);
  validate(input, message);
}

async function takeRest(input: DescMessage, { bytes }: WorstBody, ignoreUnknownFields: boolean): Promise<void> {
  const turns = new Turns();
  const text = await quoteManyRawValues(input, readText(bytes, false));
  await turns.next();
  validate(input, await readLargeMessage(input, text, { ignoreUnknownFields }));
}

/** Refused in the terms of the contract, in few words, or taken; and how long that held the loop. */
async function cost(body: WorstBody, work: () => Promise<void>): Promise<number> {
  expect(body.bytes.length, body.name).toBeLessThanOrEqual(LIMIT);
  const { ms } = await leastHeldBy(MAX_MS, () =>
    work().catch((error: unknown) => {
      if (error instanceof DomainError) expect(error.details.violations?.length ?? 0).toBeLessThanOrEqual(20);
      else if (!(error instanceof RestProblem)) throw error;
      expect((error as Error).message.length).toBeLessThan(1_000);
    }),
  );
  return ms;
}

/** What takes the same way through the code until there is a message: a type. */
function typeOf(field: DescField): string {
  const { fieldKind, scalar } = field;
  const item = fieldKind === "list" ? field.listKind : fieldKind === "map" ? field.mapKind : "";
  const type = isOwnMessage(field) ? "message" : field.message?.typeName;
  return [fieldKind, item, scalar, field.enum && "enum", type, isRawJson(field) && "raw"].join();
}

/** And what takes the same one through its rules, whatever the numbers in them. */
function rulesFor(field: DescField): string {
  const own = hasOption(field, rulesOf) ? toJsonString(FieldRulesSchema, getOption(field, rulesOf)) : "";
  return own.replaceAll(/\d+/g, "n");
}

/** The bodies that can be read, so that rules see them. */
const READABLE = /(of \{\}|of ""|of names|of nothing|as text|many times|escapes)$/;

interface Trial {
  readonly path: readonly DescField[];
  /** Which of its bodies are tried. */
  readonly which: "all" | "readable";
}

const tried = new Set<DescField | string>();

/**
 * The first field of a type takes all bodies, the first one of other rules those that its rules see. With
 * `TEST_KINDS=all`, as in the torture run, each field takes all.
 */
function* trialsOf(schema: DescMessage): Generator<Trial> {
  for (const path of pathsOf(schema)) {
    const field = path.at(-1) as DescField;
    // A field that more requests hold is tried once.
    if (tried.has(field)) continue;
    const type = typeOf(field);
    const ruled = `${type} ${rulesFor(field)}`;
    if (!tried.has(type) || process.env.TEST_KINDS === "all") yield { path, which: "all" };
    else if (!tried.has(ruled)) yield { path, which: "readable" };
    for (const done of [field, type, ruled]) tried.add(done);
  }
}

function* bodiesOf({ path, which }: Trial): Generator<WorstBody> {
  for (const make of [worstJson, worstProto]) {
    for (const body of make(path)) if (which === "all" || READABLE.test(body.name)) yield body;
  }
}

/** The one with the largest lists has its turn first, so that it takes whatever bodies there are for its fields. */
const SCHEMAS = [
  ...new Set([messages.BatchSendMessagesRequestSchema, ...METHODS.map(({ input }) => input), RecordSchema]),
];
const TRIALS = SCHEMAS.map((schema) => [schema.typeName, schema, [...trialsOf(schema)]] as const).filter(
  ([, , trials]) => trials.length > 0,
);

describe("A1: what a body costs", () => {
  test.each(TRIALS)("of %s", async (_, schema, trials) => {
    const slow: string[] = [];
    const look = async (wire: string, body: WorstBody, work: () => Promise<void>) => {
      const ms = await cost(body, work);
      if (ms > MAX_MS) slow.push(`${wire} ${body.name} ${body.encoding}: ${Math.round(ms)} ms`);
    };
    for (const trial of trials) {
      const isScalar = trial.path.at(-1)?.fieldKind === "scalar";
      for (const body of bodiesOf(trial)) {
        await look("rpc", body, () => take(schema, body));
        if (body.encoding === "json" && (!isScalar || /as a text|raw/.test(body.name)))
          await look("rest", body, () => takeRest(schema, body, false));
      }
    }
    expect(slow).toEqual([]);
  });

  test("of what no field is", async () => {
    const slow: string[] = [];
    for (const schema of [messages.BatchSendMessagesRequestSchema, conversations.CreateConversationRequestSchema]) {
      for (const body of [...worstUnknown(), ...worstInItem()]) {
        const ways: [string, () => Promise<void>][] = [["rpc", () => take(schema, body)]];
        if (body.encoding === "json") {
          for (const lenient of [false, true]) ways.push([`rest ${lenient}`, () => takeRest(schema, body, lenient)]);
        }
        for (const [wire, work] of ways) {
          const ms = await cost(body, work);
          if (ms > MAX_MS) slow.push(`${wire} ${body.name} ${body.encoding}: ${Math.round(ms)} ms`);
        }
      }
    }
    expect(slow).toEqual([]);
  });
});
