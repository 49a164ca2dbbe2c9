// The headers that the transcoder reads and writes, as parameters and headers of a document.
import { anyContent } from "./body.ts";
import type { RequestHeader, ResponseHeader } from "./options.ts";

export const standardRequestHeaders: readonly RequestHeader[] = [
  {
    name: "Idempotency-Key",
    component: "IdempotencyKey",
    description: "Idempotency key: a retry within 24 hours returns the first response instead of acting again.",
    schema: { type: "string", minLength: 1, maxLength: 128, pattern: "^[!-~]*$" },
    when: ({ binding }) => binding.idempotencyKey !== undefined,
  },
  {
    name: "If-Match",
    component: "IfMatch",
    description:
      "Makes the call conditional: it fails unless this is the current `ETag` of the resource (RFC 9110 §13.1.1).",
    schema: { type: "string", maxLength: 256 },
    when: ({ binding }) => binding.ifMatch !== undefined,
  },
  {
    name: "If-None-Match",
    component: "IfNoneMatch",
    description: "Returns 304 without a body if the resource still has one of these tags (RFC 9110 §13.1.2).",
    schema: { type: "string", maxLength: 4096 },
    when: ({ binding }) => hasEtag(binding) && binding.verb === "GET",
    outcomes: { "304": { description: "The resource still has the tag that `If-None-Match` names." } },
  },
  {
    name: "Range",
    component: "Range",
    description: "One range of bytes, such as `bytes=0-1023` (RFC 9110 §14.2). Other ranges are passed over.",
    schema: { type: "string", maxLength: 256 },
    when: ({ binding }) => sendsFile(binding),
    outcomes: {
      "206": { description: "The bytes that `Range` asks for.", content: anyContent() },
      "416": { description: "The file ends before the range that `Range` asks for." },
    },
  },
  {
    name: "If-Range",
    component: "IfRange",
    description: "Returns the whole file unless this is its current `ETag` (RFC 9110 §13.1.5).",
    schema: { type: "string", maxLength: 256 },
    when: ({ binding }) => sendsFile(binding),
  },
  {
    name: "Last-Event-ID",
    component: "LastEventId",
    description: "Resumes a stream after the event with this id.",
    schema: { type: "string", maxLength: 1024 },
    when: ({ binding }) => binding.lastEventId !== undefined,
  },
  {
    name: "X-Request-Id",
    component: "RequestId",
    description: "Identifies this request in responses and logs. Default: the server generates one.",
    schema: { type: "string", minLength: 1, maxLength: 128 },
  },
];

export const standardResponseHeaders: readonly ResponseHeader[] = [
  {
    name: "X-Request-Id",
    component: "RequestId",
    description: "The id of this request, as in the server's log.",
    schema: { type: "string" },
  },
  {
    name: "ETag",
    component: "ETag",
    description: "The current tag of the resource (RFC 9110 §8.8.3).",
    schema: { type: "string" },
    when: (status, facts) => facts !== undefined && (status < 300 || status === 304) && hasEtag(facts.binding),
  },
  {
    name: "Content-Range",
    component: "ContentRange",
    description: "Which bytes of how many these are (RFC 9110 §14.4).",
    schema: { type: "string" },
    when: (status, facts) => (status === 206 || status === 416) && facts !== undefined && sendsFile(facts.binding),
  },
  {
    name: "Location",
    component: "Location",
    description: "The path of the new resource.",
    schema: { type: "string", format: "uri-reference" },
    when: (status, facts) => status < 300 && facts?.binding.location !== undefined,
  },
  {
    name: "RateLimit",
    component: "RateLimit",
    description: "The remaining calls of the rate limit, and the seconds until it resets.",
    schema: { type: "string" },
  },
  {
    name: "Retry-After",
    component: "RetryAfter",
    description: "Seconds to wait before a retry (RFC 9110 §10.2.3).",
    schema: { type: "integer", minimum: 0 },
    when: (status) => status === 429 || status === 503,
  },
];

type Binding = Parameters<NonNullable<RequestHeader["when"]>>[0]["binding"];

function hasEtag(binding: Binding): boolean {
  return (binding.etag !== undefined && binding.method.methodKind === "unary") || sendsFile(binding);
}

/** Whether it answers with the bytes of a file, of which ranges can be asked for. */
function sendsFile({ responseBody, method }: Binding): boolean {
  const raw = responseBody?.fieldKind === "message" && responseBody.message.typeName === "google.api.HttpBody";
  const namesFile = method.input.fields.some(({ name }) => name === "file_id");
  return raw && namesFile && method.methodKind === "server_streaming";
}
