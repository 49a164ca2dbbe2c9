// A list of every wire form of the contract, and a call whose outcome has the same form for all of them.
import {
  createRegistry,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import * as errorDetails from "../../../gen/google/rpc/error_details_pb.ts";
import { createRestTransport } from "./rest-transport.ts";

export const WIRE_FORMS = ["Connect JSON", "Connect proto", "gRPC", "gRPC-Web", "REST"] as const;
export type WireForm = (typeof WIRE_FORMS)[number];

export function transportOver(wire: WireForm, baseUrl: string, headers: Readonly<Record<string, string>>): Transport {
  const introduce: Interceptor = (next) => (request) => {
    for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
    return next(request);
  };
  const options = { baseUrl, interceptors: [introduce] };
  switch (wire) {
    case "Connect JSON":
      return createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: false });
    case "Connect proto":
      return createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: true });
    case "gRPC":
      return createGrpcTransport(options);
    case "gRPC-Web":
      return createGrpcWebTransport({ ...options, httpVersion: "1.1" });
    case "REST":
      return createRestTransport(baseUrl, headers);
  }
}

/** What came of a call: its messages as JSON, and its error if it had one. */
export interface Outcome {
  readonly messages: readonly JsonValue[];
  readonly error?: { code: string; reason: string | undefined; message: string; details: JsonValue[] };
}

const registry = createRegistry(errorDetails.file_google_rpc_error_details);

/** Calls any method with requests in JSON, and reads at most `take` messages of a stream. */
export async function callMethod(
  transport: Transport,
  method: DescMethod,
  requests: readonly JsonValue[],
  take = Number.POSITIVE_INFINITY,
): Promise<Outcome> {
  const inputs = requests.map((json) => fromJson(method.input, json));
  const messages: JsonValue[] = [];
  // By way of the binary form, in which a float has 32 bits whatever it came as.
  const keep = (message: Message) =>
    messages.push(toJson(method.output, fromBinary(method.output, toBinary(method.output, message)), { registry }));
  const abort = new AbortController();
  try {
    if (method.methodKind === "unary") {
      const unary = method as DescMethodUnary;
      keep((await transport.unary(unary, undefined, undefined, undefined, inputs[0] as Message)).message);
    } else {
      const sent = (async function* () {
        yield* inputs;
      })();
      const streaming = method as DescMethodStreaming;
      const answer = await transport.stream(streaming, abort.signal, undefined, undefined, sent);
      for await (const message of answer.message) if (keep(message) >= take) break;
      abort.abort();
    }
    return { messages };
  } catch (thrown) {
    return { messages, error: describe(thrown) };
  }
}

function describe(thrown: unknown): NonNullable<Outcome["error"]> {
  const error = ConnectError.from(thrown);
  const details = error.details.map((detail): JsonValue => {
    if (!("type" in detail)) throw thrown;
    const desc = registry.getMessage(detail.type);
    if (desc === undefined) throw new Error(`an unknown detail ${detail.type}`);
    return { type: detail.type, value: toJson(desc, fromBinary(desc, detail.value)) };
  });
  const [info] = error.findDetails(errorDetails.ErrorInfoSchema);
  return { code: Code[error.code], reason: info?.reason, message: error.rawMessage, details };
}
