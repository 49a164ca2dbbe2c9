// Calls of every form to every wire, and random framings for them; the same seed gives the same call.
import { gzipSync } from "node:zlib";
import { create, type DescMessage, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  CollectRequestSchema,
  ConverseRequestSchema,
  EchoRequestSchema,
  RepeatRequestSchema,
} from "../../gen/colloquy/test/v1/echo_pb.ts";
import { type Picker, WORDS } from "../random/random-calls.ts";
import { TOKEN } from "../servers/echo-server.ts";
import { type BodyFraming, cut, type FramedCall } from "./framed-http1.ts";
import type { DataFraming, Http2Framing } from "./framed-http2.ts";
import { frame } from "./raw-call.ts";

export interface WireCall extends FramedCall {
  readonly name: string;
  /** gRPC's trailers and calls that stream both ways. */
  readonly needsHttp2: boolean;
}

const WIRES = ["connect", "grpc", "grpc-web", "grpc-web-text", "rest"] as const;
const METHODS = ["Echo", "Repeat", "Collect", "Gather", "Converse"] as const;
type Method = (typeof METHODS)[number];

export interface Form {
  readonly wire: (typeof WIRES)[number];
  readonly method: Method;
  readonly json: boolean;
  readonly gzip: boolean;
}

/** Every form that there is. REST has no binary one, and nothing that streams both ways. */
export const FORMS: readonly Form[] = WIRES.flatMap((wire) =>
  METHODS.flatMap((method) =>
    [false, true].flatMap((json) => [false, true].map((gzip) => ({ wire, method, json, gzip }))),
  ),
).filter(({ wire, method, json }) => (wire === "rest" ? json && method !== "Converse" : method !== "Gather"));

export function nameOf({ wire, method, json, gzip }: Form): string {
  return `${wire} ${method} ${json ? "JSON" : "proto"}${gzip ? " gzip" : ""}`;
}

/** The bytes of each request message of a call. */
function messagesOf(method: Method, json: boolean, texts: readonly string[]): Buffer[] {
  const encode = <T extends DescMessage>(desc: T, init: MessageInitShape<T>) => {
    const message = create(desc, init);
    return Buffer.from(json ? toJsonString(desc, message) : toBinary(desc, message));
  };
  const [text = "", second = ""] = texts;
  switch (method) {
    case "Echo":
      // Cut between its fields, it is a message too: a part of it would be taken for the whole.
      return [encode(EchoRequestSchema, { text, data: Buffer.from(second), number: 42n, tags: [...texts] })];
    case "Repeat":
      return [encode(RepeatRequestSchema, { text, times: 3 })];
    case "Collect":
      return texts.map((each) => encode(CollectRequestSchema, { text: each }));
    case "Converse":
      return texts.map((each) => encode(ConverseRequestSchema, { text: each }));
    case "Gather":
      return [Buffer.from(texts.join("\n"))];
  }
}

/** Bytes as text of gRPC-Web, from pieces of these lengths that are base64 each; what is left is the last one. */
export function textOf(bytes: Buffer, lengths: readonly number[]): Buffer {
  return Buffer.from(
    cut(bytes, lengths)
      .map((piece) => piece.toString("base64"))
      .join(""),
  );
}

/**
 * The call of a form that says these texts.
 * @param pieces how a body of text is cut before it is encoded, see {@link textOf}
 */
export function callOf(form: Form, texts: readonly string[], pieces: readonly number[] = [1, 5, 2, 9]): WireCall {
  const { wire, method, json, gzip } = form;
  const messages = messagesOf(method, json, texts);
  const format = json ? "json" : "proto";
  const base = { authorization: `Bearer ${TOKEN}`, "x-request-id": "framed" };
  const path = wire === "rest" ? `/e1/${method.toLowerCase()}` : `/colloquy.test.v1.EchoService/${method}`;
  const call = (type: string, body: Buffer, headers: Record<string, string>): WireCall => ({
    name: nameOf(form),
    path,
    headers: { ...base, "content-type": type, ...headers },
    body,
    needsHttp2: wire === "grpc" || method === "Converse",
  });
  if (wire === "rest") {
    const type = { Collect: "application/x-ndjson", Gather: "application/octet-stream" }[method as string];
    const body = Buffer.concat(messages.map((message) => Buffer.concat([message, Buffer.from("\n")])));
    return call(type ?? "application/json", gzip ? gzipSync(body) : body, gzip ? { "content-encoding": "gzip" } : {});
  }
  if (wire === "connect" && method === "Echo") {
    const [body = Buffer.alloc(0)] = messages;
    const headers = gzip ? { "content-encoding": "gzip" } : undefined;
    return call(`application/${format}`, gzip ? gzipSync(body) : body, headers ?? {});
  }
  const framed = Buffer.concat(messages.map((message) => (gzip ? frame(gzipSync(message), 1) : frame(message))));
  const body = wire === "grpc-web-text" ? textOf(framed, pieces) : framed;
  const encoding = wire === "connect" ? "connect-content-encoding" : "grpc-encoding";
  return call(`application/${wire}+${format}`, body, { ...(gzip && { [encoding]: "gzip" }), te: "trailers" });
}

export const TEXTS = WORDS.filter((word) => word.isWellFormed() && word.length < 1_000);

/** A call of any form; one of eight is damaged. */
export function randomWireCall(pick: Picker): WireCall {
  const form = pick.one(FORMS);
  const texts = Array.from({ length: 1 + pick.below(5) }, () => pick.one(TEXTS));
  const call = callOf(form, texts, randomLengths(pick, 200));
  if (form.method === "Converse" || !pick.chance(0.12)) return call;
  // Of two faults the first is told; but zlib gives nothing of the packet in which it finds damage, so over REST, where
  // all lines are compressed together, it depends on the packets whether the line before was read.
  const together = form.wire === "rest" && form.gzip && form.method === "Collect";
  if (together && texts.some((text) => text.includes("\0"))) return call;
  const { body } = call;
  const damaged = pick.chance(0.5)
    ? body.subarray(0, pick.below(body.length))
    : Buffer.concat([body, pick.chance(0.5) ? body : pick.bytes(1 + pick.below(9))]);
  return { ...call, name: `${call.name} damaged`, body: damaged };
}

/** Lengths of pieces: all of one length, or each of its own. */
export function randomLengths(pick: Picker, total: number): number[] {
  const same = pick.chance(0.3) ? pick.one([1, 2, 5, 64]) : undefined;
  const most = pick.one([2, 10, 100, 5_000]);
  const lengths: number[] = [];
  for (let sum = 0; sum < total && lengths.length < 400; sum += lengths.at(-1) ?? 1) {
    lengths.push(same ?? 1 + pick.below(most));
  }
  return lengths;
}

export function randomBodyFraming(pick: Picker, { body }: FramedCall): BodyFraming {
  if (pick.chance(0.3)) return {};
  return { chunks: randomLengths(pick, body.length), extensions: pick.chance(0.3), trailers: pick.chance(0.3) };
}

/** Lengths of packets. None: one packet. */
export function randomPackets(pick: Picker, total: number): number[] {
  return pick.chance(0.3) ? [] : randomLengths(pick, total);
}

export function randomDataFraming(pick: Picker, { body }: FramedCall): DataFraming {
  return { frames: pick.chance(0.2) ? [] : randomLengths(pick, body.length), emptyEnd: pick.chance(0.5) };
}

export function randomHttp2Framing(pick: Picker): Http2Framing {
  return { padding: pick.one(["none", "aligned", "most"]), packet: pick.one([1, 7, 100, 1_000_000]) };
}
