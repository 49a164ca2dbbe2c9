// Judges an answer to a bent request: it must be one that the contract documents.
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../gen/colloquy/v1/error_reason_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import type { FuzzRequest } from "./requests.ts";

export interface FuzzAnswer {
  /** 0: the line was closed, or the stream reset, without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly trailers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** HTTP statuses with which a server refuses what is no call at all, before any protocol speaks. */
const REFUSALS = new Set([204, 400, 404, 405, 406, 411, 413, 414, 415, 417, 431, 505]);
/** Codes 2 (unknown), 13 (internal) and 15 (data loss) say that the server is at fault. */
const FAULTY = new Set([2, 13, 15]);

/** What is wrong with an answer; undefined if it is documented. `reason` tells which it was. */
export function judge(request: FuzzRequest, answer: FuzzAnswer): { fault?: string; reason: string } {
  const { status } = answer;
  if (status === 0) return { fault: "no answer", reason: "none" };
  if (status >= 500 && status !== 501 && status !== 503 && status !== 504) {
    return { fault: `status ${status}: ${answer.body.toString().slice(0, 200)}`, reason: "5xx" };
  }
  // Its answer has no body that could say more.
  if (request.verb === "HEAD") return { reason: `http ${status}` };
  switch (request.tongue) {
    case "grpc":
    case "grpc-web":
      return judgeGrpc(answer);
    case "connect stream":
      return status === 200 ? judgeConnectStream(answer) : judgeJson(answer);
    default:
      return status < 400 ? { reason: "ok" } : judgeJson(answer);
  }
}

function judgeJson({ status, headers, body: sent }: FuzzAnswer): { fault?: string; reason: string } {
  const body = unpack(sent, headers["content-encoding"]);
  const type = headers["content-type"] ?? "";
  if (!type.includes("json")) {
    if (REFUSALS.has(status)) return { reason: `http ${status}` };
    return { fault: `status ${status} with ${type}: ${body.toString().slice(0, 100)}`, reason: "odd" };
  }
  let json: { code?: unknown; details?: readonly Record<string, unknown>[] };
  try {
    json = JSON.parse(body.toString());
  } catch {
    return { fault: `an error that is no JSON: ${body.toString().slice(0, 100)}`, reason: "odd" };
  }
  if (["internal", "unknown", "data_loss", 2, 13, 15].includes(json.code as string)) {
    return { fault: `code ${json.code}: ${body.toString().slice(0, 200)}`, reason: "fault" };
  }
  const reason = (json.details ?? []).map(reasonOfDetail).find((found) => found !== undefined);
  return documented(reason, `status ${status}: ${body.toString().slice(0, 200)}`);
}

/** Connect answers in the coding of the request where that names no other. */
function unpack(body: Buffer, coding: string | undefined): Buffer {
  if (coding === "br") return brotliDecompressSync(body);
  return coding === "gzip" ? gunzipSync(body) : body;
}

/** Connect packs a detail as base64, REST as JSON. */
function reasonOfDetail(detail: Record<string, unknown>): string | undefined {
  if (String(detail["@type"] ?? "").endsWith("google.rpc.ErrorInfo")) return String(detail.reason);
  if (detail.type !== ErrorInfoSchema.typeName) return undefined;
  return fromBinary(ErrorInfoSchema, Buffer.from(String(detail.value), "base64")).reason;
}

function judgeConnectStream({ body, headers }: FuzzAnswer): { fault?: string; reason: string } {
  const end = frames(body).find(({ flags }) => (flags & 2) !== 0);
  if (end === undefined) return { fault: "a stream without its end", reason: "odd" };
  const coding = (end.flags & 1) === 0 ? undefined : headers["connect-content-encoding"];
  const { error } = JSON.parse(unpack(end.bytes, coding).toString()) as {
    error?: Parameters<typeof JSON.stringify>[0];
  };
  if (error === undefined) return { reason: "ok" };
  const body200 = Buffer.from(JSON.stringify(error));
  return judgeJson({ status: 400, headers: { "content-type": "application/json" }, trailers: {}, body: body200 });
}

function judgeGrpc(answer: FuzzAnswer): { fault?: string; reason: string } {
  const { status, headers, trailers, body } = answer;
  const inBody = frames(body).find(({ flags }) => (flags & 0x80) !== 0);
  const said: Record<string, string | undefined> = { ...headers, ...trailers };
  for (const line of inBody?.bytes.toString().split("\r\n") ?? []) {
    const colon = line.indexOf(":");
    if (colon > 0) said[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  const code = said["grpc-status"];
  if (code === undefined) {
    if (REFUSALS.has(status)) return { reason: `http ${status}` };
    return { fault: `status ${status} and no grpc-status`, reason: "odd" };
  }
  if (code === "0") return { reason: "ok" };
  if (FAULTY.has(Number(code))) return { fault: `grpc-status ${code}: ${said["grpc-message"]}`, reason: "fault" };
  const packed = Buffer.from(said["grpc-status-details-bin"] ?? "", "base64");
  const detail = fromBinary(StatusSchema, packed).details.find(({ typeUrl }) =>
    typeUrl.endsWith("google.rpc.ErrorInfo"),
  );
  const reason = detail === undefined ? undefined : fromBinary(ErrorInfoSchema, detail.value).reason;
  return documented(reason, `grpc-status ${code}: ${said["grpc-message"]}`);
}

function documented(reason: string | undefined, what: string): { fault?: string; reason: string } {
  if (reason !== undefined && reason in ErrorReason && reason !== "INTERNAL") return { reason };
  return { fault: `no documented reason (${reason}): ${what}`, reason: "odd" };
}

/** The frames of an enveloped body. */
function frames(body: Buffer): { flags: number; bytes: Buffer }[] {
  const found: { flags: number; bytes: Buffer }[] = [];
  for (let at = 0; at + 5 <= body.length; ) {
    const length = body.readUInt32BE(at + 1);
    found.push({ flags: body[at] ?? 0, bytes: body.subarray(at + 5, at + 5 + length) });
    at += 5 + length;
  }
  return found;
}
