// What the OpenAPI document of the dialect of OpenAI's clients says beside its contract.
import type { ErrorShape, Schema } from "./openapi/index.ts";
import type { Documented } from "./openapi-documented.ts";

const hasBody: ErrorShape["when"] = ({ binding }) => binding.body.kind !== "none";
const namesOne: ErrorShape["when"] = ({ binding }) => binding.variables.length > 0;
const mutates: ErrorShape["when"] = (operation) => operation.mutates;

const text = (description: string): Schema => ({ type: "string", description });
const textOrNull = (description: string): Schema => ({ type: ["string", "null"], description });

const openai = (message: string, code: string | null, param: string | null = null, type = "invalid_request_error") => ({
  error: { message, type, param, code },
});

export const OPENAI: Documented = {
  title: "OpenAI Conversations API",
  description: "Conversations and their items, for products that were built on OpenAI's clients.",
  trusting: false,
  requestHeaders: [
    {
      name: "X-Act-For",
      component: "ActFor",
      description: "The member for whom an API key acts. Default: nobody.",
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
          message: text("What went wrong, for people."),
          type: text("The kind of error: `invalid_request_error`, `requests` or `server_error`."),
          param: textOrNull("What of the request it is about, such as `items[1].call_id`. Null: the whole."),
          code: textOrNull("What went wrong, for programs. Null: nothing more is to be said."),
        },
        required: ["message", "type", "param", "code"],
      },
    },
    required: ["error"],
  },
  errors: {
    400: {
      description: "The request breaks a rule, or the conversation is closed.",
      example: openai("items[0].type: must be given", "missing_required_parameter", "items[0].type"),
    },
    401: { description: "There is no good credential.", example: openai("a credential is needed", "invalid_api_key") },
    403: {
      description: "The key lacks the scope, or the caller may not do this.",
      example: openai('The API key lacks the scope "write".', "insufficient_permissions"),
    },
    404: {
      description: "There is no such conversation or item.",
      example: openai("Conversation with id 'conv_0192' not found.", null),
      when: namesOne,
    },
    409: {
      description: "An earlier attempt of the request is running. Clients send it again by themselves.",
      example: openai("a call with this request_id is still running", "request_in_progress"),
      when: mutates,
    },
    413: {
      description: "The body is larger than 4 MiB.",
      example: openai("the body must be at most 4194304 bytes", null),
      when: hasBody,
    },
    415: {
      description: "The body is not said to be JSON.",
      example: openai("content-type: must be application/json in UTF-8", null),
      when: hasBody,
    },
    429: {
      description: "A rate limit is used up.",
      example: openai("the rate limit is used up", "rate_limit_exceeded", null, "requests"),
    },
    500: {
      description: "Something unforeseen happened.",
      example: openai("internal error", "internal_error", null, "server_error"),
    },
    503: {
      description: "The database cannot be reached.",
      example: openai("the database cannot be reached", "service_unavailable", null, "server_error"),
    },
  },
};
