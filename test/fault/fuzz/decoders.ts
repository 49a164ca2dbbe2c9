// What reads bytes or text of strangers, each called directly, many thousand times a second.
import { randomBytes } from "node:crypto";
import { create, type DescMethod, fromJson, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ListMessagesRequestSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { readCredential } from "../../../src/access/credential.ts";
import { makeApiKey, parseApiKey } from "../../../src/access/keys/api-key.ts";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { bindingOf, openCursor, sealCursor } from "../../../src/domain/lists/page-token.ts";
import { checkEtag, checkLogEtag } from "../../../src/domain/updates/etag.ts";
import { decodeHints, encodeHints } from "../../../src/live/hints/encode.ts";
import { parseTimeout } from "../../../src/pipeline/call/deadline.ts";
import { validate } from "../../../src/pipeline/validation/validation.ts";
import { acceptCoding, acceptMedia, readMediaType } from "../../../src/protocols/http/accept.ts";
import { readCondition } from "../../../src/protocols/rest/binding/entity-tag.ts";
import { decodeQuery, decodeSegment } from "../../../src/protocols/rest/binding/percent.ts";
import { RestProblem } from "../../../src/protocols/rest/binding/problem.ts";
import { readText } from "../../../src/protocols/rest/request/json/body.ts";
import { readMessage } from "../../../src/protocols/rest/request/json/read.ts";
import { createCodec } from "../../../src/protocols/rpc/codec.ts";
import { ownServices } from "../../support/servers/contract.ts";
import type { Random } from "../stage/random.ts";
import { almostMessage, bend, bendBytes, type Known } from "./almost.ts";

/** Draws an input and reads it; answers what is wrong with what came of it. */
export type Decoder = (random: Random) => string | undefined | Promise<string | undefined>;

const SCOPE = {
  tenantId: newId(),
  secret: randomBytes(32),
  binding: bindingOf(ListMessagesRequestSchema, create(ListMessagesRequestSchema), "somebody"),
};
const TOKEN = sealCursor(SCOPE, [12, "abc"]);
const KEY = makeApiKey(newId(), newId()).text;
const KNOWN: Known = { ids: [newId(), "alice"], pageTokens: [TOKEN], etags: ["1.0", "7"] };
const METHODS: readonly DescMethod[] = ownServices.flatMap(({ methods }) => methods);
const codec = createCodec({ readMaxBytes: 4 << 20, writeMaxBytes: 64 << 20 });

const HEADERS = [
  "application/json",
  "text/html;q=0.5, */*;q=0",
  "br;q=1.0, gzip;q=0",
  '"1.0", W/"2"',
  "Bearer x",
  "1S",
];
const PIECES = [
  "",
  " ",
  ",",
  ";",
  "=",
  "q=",
  '"',
  "\\",
  "\t",
  "*",
  "/",
  "%",
  "%2",
  "%zz",
  "%ff",
  "é",
  "0",
  "9".repeat(30),
];

/** A header's value that is right in places. */
function header(random: Random, likely: string): string {
  let text = random.chance(0.5) ? likely : random.pick(HEADERS);
  for (let n = random.below(4); n > 0; n--) {
    const at = random.below(text.length + 1);
    text = text.slice(0, at) + random.pick(PIECES) + text.slice(at + random.below(2));
  }
  return text;
}

/** Only a documented error may come. */
function faultOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return wordsOf(error);
  }
}

/** Undefined: the error is a documented one. */
function wordsOf(error: unknown): string | undefined {
  if (error instanceof RestProblem) return undefined;
  if (error instanceof DomainError && error.reason !== ErrorReason.INTERNAL) return undefined;
  if (error instanceof ConnectError && error.code !== Code.Internal && error.code !== Code.Unknown) return undefined;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function said(input: string | Uint8Array, fault: string | undefined): string | undefined {
  if (fault === undefined) return undefined;
  return `${JSON.stringify(typeof input === "string" ? input : Buffer.from(input).toString("latin1"))}: ${fault}`;
}

function ofText(draw: (random: Random) => string, read: (text: string) => unknown): Decoder {
  return (random) => {
    const text = draw(random);
    return said(
      text,
      faultOf(() => read(text)),
    );
  };
}

/** What is decoded must pass validation, or be refused by it, and can be encoded again. */
function message(encoding: "json" | "proto"): Decoder {
  return (random) => {
    const method = random.pick(METHODS);
    const json = almostMessage(method.input, random, KNOWN);
    let bytes: Buffer = Buffer.from(JSON.stringify(json));
    if (encoding === "proto") {
      try {
        bytes = Buffer.from(toBinary(method.input, fromJson(method.input, json, { ignoreUnknownFields: true })));
      } catch {
        bytes = Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256)));
      }
    }
    if (random.chance(0.5)) bytes = bendBytes(bytes, random);
    // Large bodies are read in turns with others.
    const judged = async () => {
      const decoded = await codec.decode(method, encoding, bytes);
      validate(method.input, decoded);
      toBinary(method.input, decoded);
    };
    return judged().then(
      () => undefined,
      (error) => said(bytes, wordsOf(error)),
    );
  };
}

export const DECODERS = {
  "page tokens": ofText(
    (random) => bend(TOKEN, random),
    (text) => {
      const cursor = openCursor(SCOPE, text);
      if (text !== TOKEN) throw new Error(`a token that was never given out opens: ${JSON.stringify(cursor)}`);
    },
  ),
  "API keys": ofText(
    (random) => bend(KEY, random),
    (text) => {
      if (parseApiKey(text) !== undefined && text !== KEY) throw new Error("a key with a wrong checksum is taken");
    },
  ),
  credentials: ofText(
    (random) => header(random, `Bearer ${KEY}`),
    (text) => readCredential({ header: (name: string) => (name === "authorization" ? text : undefined) }),
  ),
  etags: ofText(
    (random) => bend(random.pick(KNOWN.etags), random),
    (text) => {
      checkEtag(text, 1);
      checkLogEtag(text, 1, 0n);
    },
  ),
  timeouts: ofText(
    (random) => header(random, random.pick(["1S", "99999999m", "1000"])),
    (text) => {
      for (const wire of ["grpc", "grpc-web", "connect", "rest"] as const) parseTimeout(wire, text);
    },
  ),
  "accepted media": ofText(
    (random) => header(random, "application/json, text/event-stream;q=0.9"),
    (text) => {
      acceptMedia(text, ["application/json", "text/event-stream"]);
      acceptCoding(text, ["br", "gzip"]);
      readMediaType(text);
    },
  ),
  conditions: ofText(
    (random) => header(random, '"1.0", W/"2"'),
    (text) => readCondition("if-match", text),
  ),
  "path segments": ofText(
    (random) => header(random, "a%2Fb"),
    (text) => [decodeSegment(text, true), decodeSegment(text, false), decodeQuery(text)],
  ),
  "hints of other servers": ofText(
    (random) => bend(encodeHints([{ kind: "log", tenantId: newId(), conversationId: newId() }]), random),
    decodeHints,
  ),
  "messages in JSON": message("json"),
  "messages in Protobuf": message("proto"),
  "bodies of REST": (random) => {
    const method = random.pick(METHODS);
    let bytes: Buffer = Buffer.from(JSON.stringify(almostMessage(method.input, random, KNOWN)));
    if (random.chance(0.5)) bytes = bendBytes(bytes, random);
    return said(
      bytes,
      faultOf(() => readMessage(method.input, readText(bytes), { ignoreUnknownFields: random.chance(0.5) })),
    );
  },
} as const satisfies Record<string, Decoder>;
