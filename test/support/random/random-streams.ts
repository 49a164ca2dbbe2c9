// Random and adversarial streaming calls; the same seed gives the same call.
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { RepeatRequestSchema } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { frame } from "../calls/raw-call.ts";
import {
  ACCEPTED,
  COMPRESSIONS,
  commonHeaders,
  compressed,
  Picker,
  put,
  type RandomCall,
  REASONS,
  WORDS,
} from "./random-calls.ts";

const PATH = "/colloquy.test.v1.EchoService/Repeat";
const END_FLAGS = { connect: 0x02, grpc: 0x80, "grpc-web": 0x80 };
const TIMEOUTS = {
  connect: ["60000", "0", "-1", "1e3", "99999999999", "9999999999"],
  grpc: ["60S", "0m", "1", "5000000u", "123456789S", "-1S"],
};
const JSON_BODIES = [
  "",
  "{}",
  "null",
  "[]",
  "{",
  '{"times":1.5}',
  '{"times":2,"times":3}',
  '{"times":-1}',
  '{"unknown":[1],"times":1}',
];

/** The bytes of a request, which its fields make a proper message as a rule. */
function messageOf(pick: Picker, json: boolean): Buffer {
  if (json && pick.chance(0.1)) return Buffer.from(pick.one(JSON_BODIES));
  const request = create(RepeatRequestSchema, {
    // Some are long enough to be compressed, some too long to be sent.
    text: pick.one([...WORDS, "y".repeat(25_000)]),
    times: pick.chance(0.04) ? pick.one([-1, 100_001]) : pick.one([0, 1, 1, 2, 3, 20]),
    behave: pick.chance(0.7)
      ? ""
      : pick.one(["header", "missing", "crash", "long", `fail:${pick.one(REASONS)}`, "x".repeat(101)]),
  });
  const bytes = Buffer.from(json ? toJsonString(RepeatRequestSchema, request) : toBinary(RepeatRequestSchema, request));
  if (!pick.chance(0.1)) return bytes;
  const at = pick.below(bytes.length + 1);
  return pick.one([
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes, pick.bytes(3)]),
    () => pick.bytes(20),
    () => Buffer.alloc(70_000, 0x61),
  ])();
}

function bodyOf(pick: Picker, message: Buffer, isCompressed: boolean, endFlag: number): Buffer {
  const flags = isCompressed === pick.chance(0.95) ? 1 : 0;
  let body = pick.chance(0.02)
    ? Buffer.alloc(0)
    : frame(message, flags | (pick.chance(0.03) ? pick.one([0x80, 0x02, endFlag]) : 0));
  if (pick.chance(0.03)) body = Buffer.concat([body, frame(message, flags)]);
  if (pick.chance(0.05)) body = Buffer.concat([body, frame(Buffer.from("{}"), endFlag)]);
  if (pick.chance(0.03)) body = Buffer.concat([body, pick.bytes(pick.one([1, 4, 5, 9]))]);
  return pick.chance(0.03) ? body.subarray(0, pick.below(body.length + 1)) : body;
}

/** Makes a call. */
export function randomStreamCall(seed: number): RandomCall {
  const pick = new Picker(seed);
  const http = pick.one(["1.1", "2"] as const);
  const headers = commonHeaders(pick, seed);
  const kind = pick.one(["connect", "connect", "grpc", "grpc-web"] as const);
  // HTTP/1.1 cannot carry the trailers of gRPC; it is refused or served, but no lane for either.
  const protocol = kind === "grpc" && http === "1.1" ? "grpc-web" : kind;
  const json = pick.chance(0.5);
  const verb = pick.chance(0.03) ? pick.one(["PUT", "DELETE", "GET"]) : "POST";
  const compression = pick.one(COMPRESSIONS);
  const accepted = pick.one(ACCEPTED);
  const message = compressed(pick, compression, messageOf(pick, json));
  const prefix = protocol === "connect" ? "connect" : "grpc";
  const types = protocol !== "connect" ? (json ? ["+json"] : ["", "+proto"]) : json ? ["+json"] : ["+proto"];
  const odd = ["-text", "+xml", "+JSON", "+json; charset=utf-8", ""];
  headers["content-type"] = `application/${protocol}${pick.chance(0.97) ? pick.one(types) : pick.one(odd)}`;
  put(headers, protocol === "connect" ? "connect-content-encoding" : "grpc-encoding", compression);
  put(headers, `${prefix}-accept-encoding`, accepted);
  if (protocol === "connect") put(headers, "connect-protocol-version", pick.one(["1", undefined, "2"]));
  if (pick.chance(0.3))
    headers[prefix === "connect" ? "connect-timeout-ms" : "grpc-timeout"] = pick.one(TIMEOUTS[prefix]);
  const body = bodyOf(pick, message, compression !== undefined, END_FLAGS[protocol]);
  const target = `${PATH}${pick.chance(0.05) ? "?a=b" : ""}`;
  return { http, verb, target, headers, body: verb === "GET" ? Buffer.alloc(0) : body };
}
