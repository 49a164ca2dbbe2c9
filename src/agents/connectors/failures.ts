// Classifies an endpoint's failures: whether a retry may help, and whether the agent is down.
import type { JsonValue } from "@bufbuild/protobuf";
import { FinishReason } from "../../domain/turns/turn.ts";
import type { FetchedResponse } from "../../outbound/bounded-fetch.ts";
import { ResponseTooLarge } from "../../outbound/response-too-large.ts";
import { AgentFailure } from "./connector.ts";
import { StreamTooLong } from "./event-stream.ts";

/** Pause after a 429 without Retry-After, in milliseconds. */
const DEFAULT_REST_MS = 1_000;

/** A response with a status other than 200. `body`: its beginning. */
export function refusedWith(response: Pick<FetchedResponse, "status" | "header">, body: string): AgentFailure {
  const { status } = response;
  const error = errorIn(parsed(body));
  if (isFiltered(error)) return filtered(error?.label);
  return new AgentFailure(`the agent returned status ${status}`, {
    ...meaningOf(status),
    refusal: { status, code: error?.code ?? "" },
    retryAfterMs: retryAfterOf(response) ?? (status === 429 ? DEFAULT_REST_MS : undefined),
    cause: error?.label,
  });
}

/** An error reported by an endpoint, in a body or within a stream. */
export interface ReportedError {
  /** Its code and type, without text of the conversation. For the log. */
  readonly label: string;
  /** Its HTTP status, if it has one. */
  readonly status: number | undefined;
  /** The code alone, or else the type. */
  readonly code?: string;
}

/** The error in a JSON value, or undefined. */
export function errorIn(json: JsonValue | undefined): ReportedError | undefined {
  const holder = Array.isArray(json) ? json[0] : json;
  if (!isObject(holder)) return undefined;
  const { error } = holder;
  if (error === undefined || error === null || error === false || error === "") return undefined;
  const { code, type, status } = isObject(error) ? error : holder;
  const named = [code, status, holder.status, holder.code].map(Number).find((value) => value >= 400 && value < 600);
  const label = [code, type, status].filter((word) => typeof word === "string" || typeof word === "number").join(" ");
  const own = [code, type].find((word) => typeof word === "string" && CODE.test(word));
  return { label: label.slice(0, 200), status: named ?? statusOfWords(label), code: String(own ?? "") };
}

/** An error within a stream that began with 200. */
export function reported(error: ReportedError): AgentFailure {
  if (isFiltered(error)) return filtered(error.label);
  const { status = 400, code = "" } = error;
  const refusal = error.status === undefined && code === "" ? undefined : { status, code };
  return new AgentFailure("the agent reported an error", { ...meaningOf(status), refusal, cause: error.label });
}

/** What endpoints use for codes: no text of a conversation. */
const CODE = /^[A-Za-z0-9_.-]{1,100}$/;

/** The response is not a reply of this kind of endpoint. */
export function noReply(cause?: unknown): AgentFailure {
  return new AgentFailure("the agent's response is not a reply", { retryable: true, health: "unknown", cause });
}

/** The connection ended before the reply did. */
export function brokeOff(cause?: unknown): AgentFailure {
  return new AgentFailure("the agent broke off", { retryable: true, cause });
}

export function filtered(cause?: unknown): AgentFailure {
  return new AgentFailure("the agent's content filter withheld the reply", {
    health: "up",
    finish: FinishReason.CONTENT_FILTER,
    cause,
  });
}

/** Converts errors of `fetch` and of reading a body. */
export function failureOf(error: unknown): AgentFailure {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    // Libraries may have wrapped our own AgentFailure.
    if (at instanceof AgentFailure) return at;
    if (at instanceof ResponseTooLarge || at instanceof StreamTooLong) {
      return new AgentFailure("the agent sent more than a reply may have", { health: "up", cause: error });
    }
  }
  return new AgentFailure("the agent cannot be reached, or the connection broke", {
    retryable: true,
    cause: error,
  });
}

/** Statuses independent of the request mean that the agent is down, overloaded, or unreachable for its gateway. */
function meaningOf(status: number): { readonly retryable: boolean; readonly health: "up" | "down" } {
  const down = status >= 500 || status === 429 || status === 408;
  return { retryable: down, health: down ? "down" : "up" };
}

const STATUS_WORDS: readonly (readonly [RegExp, number])[] = [
  [/rate.?limit|too.?many|quota|resource_exhausted/i, 429],
  [/overload|slow.?down|unavailable|upstream|server.?error|api_error|internal|timeout|engine/i, 503],
];

function statusOfWords(label: string): number | undefined {
  return STATUS_WORDS.find(([words]) => words.test(label))?.[1];
}

function isFiltered(error: ReportedError | undefined): boolean {
  return error !== undefined && /content_?filter|content_policy|ResponsibleAI/i.test(error.label);
}

/** RFC 9110, 10.2.3; OpenAI and Azure also send it in milliseconds. */
function retryAfterOf(response: Pick<FetchedResponse, "header">): number | undefined {
  const ms = Number(response.header("retry-after-ms") ?? Number.NaN);
  if (ms >= 0) return ms;
  const text = response.header("retry-after");
  if (text === undefined) return undefined;
  const until = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(until) ? Math.max(until, 0) : undefined;
}

export function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, JsonValue> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
