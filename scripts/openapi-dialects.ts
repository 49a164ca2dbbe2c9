// What the OpenAPI documents of the dialects say beside their contracts: titles, credentials and the shapes of errors.
import { STATUS_CODES } from "node:http";
import type { FileRegistry } from "@bufbuild/protobuf";
import {
  type ErrorShape,
  type OpenApiOptions,
  type RequestHeader,
  type ResponseHeader,
  type Schema,
  standardRequestHeaders,
  standardResponseHeaders,
} from "./openapi/index.ts";
import { CREDENTIALED } from "./openapi-credentialed.ts";
import type { Documented } from "./openapi-documented.ts";
import { OPENAI } from "./openapi-openai.ts";
import { servicesOf } from "./services.ts";

const hasBody: ErrorShape["when"] = ({ binding }) => binding.body.kind !== "none";
const namesOne: ErrorShape["when"] = ({ binding }) =>
  binding.variables.length > 0 || (binding.body.kind !== "none" && binding.verb !== "POST");

const text = (description: string): Schema => ({ type: "string", description });

const ASSISTANT_REQUEST = "req_0123456789abcdefghij";
const assistant = (status: number, code: string, message: string, context = {}) => ({
  error: STATUS_CODES[status] ?? "",
  message,
  code,
  requestId: ASSISTANT_REQUEST,
  context,
});
const helpdesk = (status_code: number, message: string) => ({ status_code, message, data: null });

const rateLimitHeader = (name: string, description: string): ResponseHeader => ({
  name: `X-RateLimit-${name}`,
  component: `XRateLimit${name}`,
  description,
  schema: { type: "integer", minimum: 0 },
});

/** A dialect that is not here has no document. */
export const DOCUMENTED: Readonly<Record<string, Documented>> = {
  ...CREDENTIALED,
  openai: OPENAI,
  assistant: {
    title: "Assistant Conversations API",
    description: "Conversations of a chat app's users, with every message in every response.",
    trusting: true,
    error: {
      type: "object",
      description: "What went wrong.",
      properties: {
        error: text("The text of the status."),
        message: text("What went wrong, for people."),
        code: text("What went wrong, for programs."),
        requestId: text("The id of this request, as in the header `X-Request-Id`."),
        context: {
          type: "object",
          description: "More about it: `field` names the field that breaks a rule.",
          properties: { field: text("Such as `messages[0].role`.") },
        },
      },
      required: ["error", "message", "code", "requestId", "context"],
    },
    errors: {
      400: {
        description: "The request breaks a rule.",
        example: assistant(400, "VALIDATION_ERROR", "userId: must be a valid UUID", { field: "userId" }),
      },
      401: {
        description: "There is no good credential, and user ids are not trusted.",
        example: assistant(401, "UNAUTHENTICATED", "A credential is needed"),
      },
      403: {
        description: "The caller may not act for this user.",
        example: assistant(
          403,
          "PERMISSION_DENIED",
          "Only this user, its managers, administrators and API keys may do this",
        ),
      },
      404: {
        description: "There is no such conversation of the user's.",
        example: assistant(404, "NOT_FOUND", "Conversation not found"),
        when: namesOne,
      },
      409: {
        description: "The conversation is closed, or a call with the same Idempotency-Key is running.",
        example: assistant(409, "CONFLICT", "The conversation is closed; make it active to go on"),
        when: hasBody,
      },
      413: {
        description: "The body is larger than 4 MiB.",
        example: assistant(413, "PAYLOAD_TOO_LARGE", "The body must be at most 4194304 bytes"),
        when: hasBody,
      },
      415: {
        description: "The body is not said to be JSON.",
        example: assistant(415, "UNSUPPORTED_MEDIA_TYPE", "Content-type: must be application/json in UTF-8"),
        when: hasBody,
      },
      429: {
        description: "The user made 100 requests within 60 seconds.",
        example: assistant(429, "RATE_LIMITED", "Too many requests: 100 a minute are allowed"),
      },
      500: {
        description: "The database cannot be reached, or something unforeseen happened.",
        example: assistant(500, "DATABASE_ERROR", "Database operation failed"),
      },
    },
    responseHeaders: [
      rateLimitHeader("Limit", "How many requests a user may make in a window of 60 seconds: 100."),
      rateLimitHeader("Remaining", "How many are left in this window."),
      rateLimitHeader("Reset", "When the window ends, in seconds since 1970."),
    ],
  },
  helpdesk: {
    title: "Helpdesk Conversations API",
    description: "Conversations of a support desk, in one shape for every response.",
    trusting: true,
    error: {
      type: "object",
      description: "What went wrong.",
      properties: {
        status_code: { type: "integer", description: "The status of the response." },
        message: text("What went wrong, for people."),
        data: { type: "null", description: "Nothing." },
      },
      required: ["status_code", "message", "data"],
    },
    errors: {
      400: { description: "The request breaks a rule.", example: helpdesk(400, "user_id: must be a positive integer") },
      401: {
        description: "There is no good credential, and user ids are not trusted.",
        example: helpdesk(401, "A credential is needed"),
      },
      403: {
        description: "The caller may not act for this user.",
        example: helpdesk(403, "Only this user, its managers, administrators and API keys may do this"),
      },
      404: {
        description: "There is no such conversation, or it is not the caller's.",
        example: helpdesk(404, "Conversation not found"),
        when: namesOne,
      },
      409: {
        description: "A call with the same Idempotency-Key is running.",
        example: helpdesk(409, "A call with this request_id is still running"),
        when: ({ mutates }) => mutates,
      },
      413: {
        description: "The body is larger than 4 MiB.",
        example: helpdesk(413, "The body must be at most 4194304 bytes"),
        when: hasBody,
      },
      415: {
        description: "The body is not said to be JSON.",
        example: helpdesk(415, "Content-type: must be application/json in UTF-8"),
        when: hasBody,
      },
      429: { description: "A rate limit is used up.", example: helpdesk(429, "The rate limit is used up") },
      500: { description: "Something unforeseen happened.", example: helpdesk(500, "Internal error") },
      503: { description: "The database cannot be reached.", example: helpdesk(503, "The database cannot be reached") },
    },
  },
};

/** No request of a dialect has a field for the key: whatever changes something takes it in the header alone. */
const REQUEST_HEADERS: readonly RequestHeader[] = standardRequestHeaders.map((header) =>
  header.name === "Idempotency-Key" ? { ...header, when: ({ mutates }) => mutates } : header,
);

/** The options of a dialect's document. `common` is what all documents share. */
export function dialectOptions(
  name: string,
  documented: Documented,
  image: FileRegistry,
  common: Pick<OpenApiOptions, "securitySchemes" | "registry"> & { readonly version: string },
): OpenApiOptions {
  const { title, description, trusting, error, errors, requestHeaders = [], responseHeaders = [] } = documented;
  const { version, ...shared } = common;
  const securitySchemes = documented.credentials?.(common.securitySchemes) ?? common.securitySchemes;
  const errorShapes = Object.entries(errors).map(
    ([status, { description: what, example, when }]): ErrorShape => ({
      status: Number(status),
      component: (STATUS_CODES[Number(status)] ?? "").replaceAll(/[^A-Za-z]/g, ""),
      description: what,
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" }, example } },
      ...(when && { when }),
    }),
  );
  return {
    ...shared,
    securitySchemes,
    services: servicesOf(image, `colloquy.compat.${name}.v1`),
    info: { title, version, description, license: { name: "Apache 2.0", identifier: "Apache-2.0" } },
    // The server puts in where it serves the dialect.
    servers: [{ url: "/", description: "Where the server serves this API." }],
    security: [...Object.keys(securitySchemes).map((scheme) => ({ [scheme]: [] })), ...(trusting ? [{}] : [])],
    errorShapes,
    schemas: { Error: error },
    requestHeaders: [...REQUEST_HEADERS, ...requestHeaders],
    responseHeaders: [...standardResponseHeaders, ...responseHeaders],
    unknownFields: "ignore",
  };
}
