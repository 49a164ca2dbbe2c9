// What the OpenAPI documents of the three dialects that were always called with credentials say beside their contracts.
import type { ErrorShape, Schema } from "./openapi/index.ts";
import type { Documented } from "./openapi-documented.ts";

const hasBody: ErrorShape["when"] = ({ binding }) => binding.body.kind !== "none";
const namesOne: ErrorShape["when"] = ({ binding }) => binding.variables.length > 0;
const mutates: ErrorShape["when"] = (operation) => operation.mutates;

const text = (description: string): Schema => ({ type: "string", description });

const FASTAPI_ERROR: Schema = {
  type: "object",
  description: "What went wrong.",
  properties: {
    detail: {
      description: "What went wrong, for people; for 422 each broken rule.",
      oneOf: [
        { type: "string" },
        {
          type: "array",
          items: {
            type: "object",
            properties: {
              loc: {
                type: "array",
                description: "Where: `query`, `path`, `header` or `body`, then the steps to the field.",
                items: { oneOf: [{ type: "string" }, { type: "integer" }] },
              },
              msg: text("The rule, for people."),
              type: text("The rule, for programs."),
            },
            required: ["loc", "msg", "type"],
          },
        },
      ],
    },
  },
  required: ["detail"],
};

const detail = (message: string) => ({ detail: message });
const broken = (loc: (string | number)[], msg: string, type: string) => ({ detail: [{ loc, msg, type }] });
const crm = (code: string, message: string) => ({
  error: { code, message, request_id: "req_0123456789abcdefghij" },
});

const FASTAPI_ERRORS: Documented["errors"] = {
  404: { description: "There is no such conversation.", example: detail("conversation not found"), when: namesOne },
  409: {
    description: "A call with the same Idempotency-Key is running.",
    example: detail("a call with this request_id is still running"),
    when: mutates,
  },
  413: {
    description: "The body is larger than 4 MiB, or the response would hold too many messages.",
    example: detail("the body must be at most 4194304 bytes"),
  },
  415: {
    description: "The body is not said to be JSON.",
    example: detail("content-type: must be application/json in UTF-8"),
    when: hasBody,
  },
  422: {
    description: "The request breaks rules.",
    example: broken(["query", "page"], "must be greater than or equal to 1", "greater_than_equal"),
  },
  429: { description: "A rate limit is used up.", example: detail("the rate limit is used up") },
  500: { description: "Something unforeseen happened.", example: detail("internal error") },
  503: { description: "The database cannot be reached.", example: detail("the database cannot be reached") },
};

export const CREDENTIALED: Readonly<Record<"callcenter" | "crm" | "workorder", Documented>> = {
  callcenter: {
    title: "Call Center Conversations API",
    description: "What was said in calls, for call agents and their managers.",
    trusting: false,
    credentials: (common) => ({
      ...common,
      authToken: {
        type: "apiKey",
        in: "query",
        name: "auth_token",
        description: "The token or API key, where no header holds one.",
      },
    }),
    error: FASTAPI_ERROR,
    errors: {
      ...FASTAPI_ERRORS,
      401: {
        description: "There is no good credential, or the caller may not do this.",
        example: detail("agent_id: only the agent itself, its managers, administrators and API keys may name it"),
      },
      424: {
        description: "The conversation cannot be updated: it is unknown, not visible or not writable.",
        example: detail("conversation not found"),
        when: ({ binding }) => binding.verb === "PUT",
      },
    },
  },
  crm: {
    title: "CRM Conversations API",
    description: "Conversations of a company's users and leads with its agents.",
    trusting: false,
    requestHeaders: [
      {
        name: "X-Act-For",
        component: "ActFor",
        description: "The user or lead for whom an API key acts. Default: nobody.",
        schema: { type: "string", minLength: 1, maxLength: 128 },
      },
    ],
    error: {
      type: "object",
      description: "What went wrong.",
      properties: {
        error: {
          type: "object",
          properties: {
            code: text("What went wrong, for programs."),
            message: text("What went wrong, for people."),
            request_id: text("The id of this request, as in the header `X-Request-Id`."),
          },
          required: ["code", "message", "request_id"],
        },
      },
      required: ["error"],
    },
    errors: {
      400: { description: "The request breaks a rule.", example: crm("validation_error", "page: must be at least 1") },
      401: { description: "There is no good credential.", example: crm("unauthenticated", "a credential is needed") },
      403: {
        description: "The key lacks the scope, or the caller may not do this.",
        example: crm("forbidden", 'The API key lacks the scope "write".'),
      },
      404: {
        description: "There is no such conversation or message.",
        example: crm("not_found", "conversation not found"),
        when: namesOne,
      },
      409: {
        description: "It is not deleted, the conversation is closed, or a turn is running in it.",
        example: crm("turn_in_progress", "another turn is running in the conversation"),
        when: mutates,
      },
      413: {
        description: "The body is larger than 4 MiB.",
        example: crm("too_large", "the body must be at most 4194304 bytes"),
        when: hasBody,
      },
      415: {
        description: "The body is not said to be JSON.",
        example: crm("unsupported_media_type", "content-type: must be application/json in UTF-8"),
        when: hasBody,
      },
      429: { description: "A rate limit is used up.", example: crm("rate_limited", "the rate limit is used up") },
      500: { description: "Something unforeseen happened.", example: crm("internal_error", "internal error") },
      502: {
        description: "The agent failed. The caller's message is stored.",
        example: crm("agent_failed", "the agent failed"),
        when: ({ binding }) => binding.pattern.endsWith("/chat"),
      },
      503: {
        description: "The database cannot be reached.",
        example: crm("unavailable", "the database cannot be reached"),
      },
    },
  },
  workorder: {
    title: "Work Order Conversations API",
    description: "What the members of an organization discuss about its business objects.",
    trusting: false,
    credentials: () => ({
      bearer: { type: "http", scheme: "bearer", description: "A JWT of an issuer that the server trusts. No API key." },
    }),
    error: FASTAPI_ERROR,
    errors: {
      ...FASTAPI_ERRORS,
      401: { description: "There is no good JWT.", example: detail("a JWT is needed") },
      403: {
        description: "The JWT names no organization, or the request names another.",
        example: detail("organization_id: it is not the caller's own"),
      },
      409: {
        description: "The conversation is closed, or a call with the same Idempotency-Key is running.",
        example: detail("the conversation is closed; make it active to go on"),
        when: mutates,
      },
    },
  },
};
