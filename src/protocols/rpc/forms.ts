// The content types of calls: which protocol and encoding each stands for, and how they are spelled.
import type { Encoding } from "./codec.ts";
import { connect } from "./connect.ts";
import { grpc } from "./grpc.ts";
import { grpcWeb } from "./grpc-web.ts";
import type { Protocol } from "./protocol.ts";
import { binaryType } from "./web-text.ts";

type Forms = ReadonlyMap<string, readonly [Protocol, Encoding]>;
type Entry = readonly [type: string, form: readonly [Protocol, Encoding]];

const GRPC: readonly Entry[] = [
  ["application/grpc", [grpc, "proto"]],
  ["application/grpc+proto", [grpc, "proto"]],
  ["application/grpc+json", [grpc, "json"]],
  ["application/grpc-web", [grpcWeb, "proto"]],
  ["application/grpc-web+proto", [grpcWeb, "proto"]],
  ["application/grpc-web+json", [grpcWeb, "json"]],
];

/** Unary calls by the content type of the request, as {@link formName} spells it. */
export const UNARY_FORMS: Forms = new Map<string, Entry[1]>([
  ["application/json", [connect, "json"]],
  ["application/proto", [connect, "proto"]],
  ...GRPC,
]);

/** The same for calls that stream, in either direction. */
export const STREAMING_FORMS: Forms = new Map<string, Entry[1]>([
  ["application/connect+json", [connect, "json"]],
  ["application/connect+proto", [connect, "proto"]],
  ...GRPC,
]);

export const PROTOCOLS: Readonly<Record<Protocol["wire"], Protocol>> = { connect, grpc, "grpc-web": grpcWeb };

/** What most callers send is spelled so, and not looked at twice. */
const AS_IT_IS = /^(?!application\/grpc-web-)[a-z/+-]*$/;

/**
 * In lower case, for JSON and text without a charset that says UTF-8 (which browsers add), and for text of gRPC-Web the
 * type that it stands for.
 */
export function formName(contentType: string | undefined): string {
  const given = contentType ?? "";
  if (AS_IT_IS.test(given)) return given;
  const lower = given.toLowerCase();
  const bare = lower.replace(/; ?charset=utf-?8$/, "");
  const binary = binaryType(bare);
  return binary !== bare || bare.endsWith("json") ? binary : lower;
}
