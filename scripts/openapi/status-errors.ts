// Error shapes for APIs whose errors are google.rpc.Status with details, as AIP-193 wants them.
import type { DescEnum } from "@bufbuild/protobuf";
import { Code } from "../../gen/google/rpc/code_pb.ts";
import type { Json, MediaType, Schema } from "../../src/protocols/rest/docs/openapi-types.ts";
import { httpStatusOf } from "../../src/protocols/rest/response/rpc-status.ts";
import type { Comments } from "./comments.ts";
import type { ErrorShape, OperationFacts } from "./options.ts";

/** One reason that an error's `google.rpc.ErrorInfo` may give. */
export interface Reason {
  readonly name: string;
  /** A number of google.rpc.Code. */
  readonly code: number;
  readonly description: string;
  /** The HTTP status that it is answered with. */
  readonly status: number;
}

interface Kind {
  readonly component: string;
  readonly text: string;
  /** The code of an error of this status that has no reason. */
  readonly code: number;
  readonly when?: (facts: OperationFacts) => boolean;
}

const hasBody = ({ binding }: OperationFacts) => binding.body.kind !== "none";
const secured = (facts: OperationFacts) => facts.secured;

// 405, 499 and 501 are left out: a client that goes by the document does not meet them.
const KINDS: Readonly<Record<number, Kind>> = {
  400: {
    component: "BadRequest",
    text: "The request breaks a rule, or the state of the resource does not allow it.",
    code: Code.INVALID_ARGUMENT,
  },
  401: {
    component: "Unauthenticated",
    text: "There is no good credential.",
    code: Code.UNAUTHENTICATED,
    when: secured,
  },
  403: {
    component: "PermissionDenied",
    text: "The caller may not do this.",
    code: Code.PERMISSION_DENIED,
    when: secured,
  },
  404: {
    component: "NotFound",
    text: "There is no such resource, or the caller may not see it.",
    code: Code.NOT_FOUND,
    when: ({ binding }) => binding.variables.length > 0,
  },
  406: {
    component: "NotAcceptable",
    text: "The answer has none of the media types that `Accept` names.",
    code: Code.INVALID_ARGUMENT,
  },
  409: {
    component: "Conflict",
    text: "The call collides with another, or with what is there.",
    code: Code.ABORTED,
    when: (facts) => facts.mutates,
  },
  412: {
    component: "PreconditionFailed",
    text: "The resource does not have the tag that `If-Match` names.",
    code: Code.ABORTED,
    when: ({ binding }) => binding.ifMatch !== undefined,
  },
  413: {
    component: "ContentTooLarge",
    text: "The body is larger than the limit.",
    code: Code.RESOURCE_EXHAUSTED,
    when: hasBody,
  },
  415: {
    component: "UnsupportedMediaType",
    text: "The body has a media type or content coding that is not understood.",
    code: Code.INVALID_ARGUMENT,
    when: hasBody,
  },
  429: { component: "TooManyRequests", text: "A rate limit or quota is used up.", code: Code.RESOURCE_EXHAUSTED },
  500: { component: "InternalError", text: "Something unforeseen happened.", code: Code.INTERNAL },
  503: { component: "Unavailable", text: "The server cannot do this now.", code: Code.UNAVAILABLE },
  504: {
    component: "DeadlineExceeded",
    text: "The call took longer than its caller allowed.",
    code: Code.DEADLINE_EXCEEDED,
  },
};

/**
 * Reads reasons from an enum whose comments begin with a code: `NOT_FOUND: there is no such resource.` Values without
 * one are left out. Names lose the enum's prefix.
 * @param status the HTTP statuses of reasons that do not have that of their code.
 */
export function reasonsOf(desc: DescEnum, comments: Comments, status: Readonly<Record<string, number>> = {}): Reason[] {
  const prefix = desc.sharedPrefix?.toUpperCase() ?? "";
  return desc.values.flatMap((value) => {
    const [, codeName = "", text = ""] = /^([A-Z_]+): ([\s\S]*)$/.exec(comments(value)) ?? [];
    const code = (Code as Readonly<Record<string, number>>)[codeName];
    if (code === undefined) return [];
    const name = value.name.startsWith(prefix) ? value.name.slice(prefix.length) : value.name;
    const description = text.charAt(0).toUpperCase() + text.slice(1);
    return [{ name, code, description, status: status[name] ?? httpStatusOf(code) }];
  });
}

/** The error shapes of every status, with the reasons of each and an example for each reason, and their schemas. */
export function statusErrors(
  reasons: readonly Reason[],
  domain: string,
): { shapes: ErrorShape[]; schemas: Record<string, Schema> } {
  const shapes = Object.entries(KINDS).map(([key, { component, text, code, when }]): ErrorShape => {
    const status = Number(key);
    const own = reasons.filter((reason) => reason.status === status);
    const list = own.map(({ name, description }) => `- \`${name}\`: ${description}`);
    const description = own.length === 0 ? text : `${text} Reasons:\n\n${list.join("\n")}`;
    const media: MediaType = { schema: { $ref: "#/components/schemas/Status" } };
    const info = (reason: Reason) => ({
      code: reason.code,
      message: reason.description,
      details: [errorInfo(reason.name, domain)],
    });
    if (own.length === 0) media.example = { code, message: text };
    else media.examples = Object.fromEntries(own.map((reason) => [reason.name, { value: info(reason) }]));
    return { status, component, description, content: { "application/json": media }, ...(when && { when }) };
  });
  return { shapes, schemas: statusSchemas(reasons, domain) };
}

function errorInfo(reason: string, domain: string): Json {
  return { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain };
}

function statusSchemas(reasons: readonly Reason[], domain: string): Record<string, Schema> {
  const text = (description: string): Schema => ({ type: "string", description });
  const detail = (type: string, description: string, properties: Record<string, Schema>): Schema => ({
    type: "object",
    description,
    properties: { "@type": { const: `type.googleapis.com/google.rpc.${type}` }, ...properties },
    required: ["@type"],
  });
  const list = (description: string, properties: Record<string, Schema>): Schema => ({
    type: "array",
    description,
    items: { type: "object", properties },
  });
  const details = ["ErrorInfo", "BadRequest", "RetryInfo", "QuotaFailure"];
  return {
    Status: {
      type: "object",
      description: "An error, as google.rpc.Status.",
      properties: {
        code: {
          type: "integer",
          format: "int32",
          description: "The code of google.rpc.Code.",
          minimum: 1,
          maximum: 16,
        },
        message: text("What went wrong, for people. It may change; decide by the reason."),
        details: {
          type: "array",
          description: "What went wrong, for programs.",
          items: { anyOf: details.map((name) => ({ $ref: `#/components/schemas/${name}Detail` })) },
        },
      },
      required: ["code", "message"],
    },
    ErrorInfoDetail: detail("ErrorInfo", "Why the call failed.", {
      reason: { ...text("The reason."), ...(reasons.length > 0 && { enum: reasons.map(({ name }) => name) }) },
      domain: { ...text("Who gives the reason."), const: domain },
      metadata: { type: "object", description: "More about it.", additionalProperties: { type: "string" } },
    }),
    BadRequestDetail: detail("BadRequest", "The fields that break a rule.", {
      fieldViolations: list("One for each broken rule.", {
        field: text("The path of the field."),
        description: text("The rule."),
        reason: text("The id of the rule."),
      }),
    }),
    RetryInfoDetail: detail("RetryInfo", "When a retry makes sense.", {
      retryDelay: { ...text("How long to wait."), pattern: "^[0-9]+(\\.[0-9]{1,9})?s$" },
    }),
    QuotaFailureDetail: detail("QuotaFailure", "What ran out.", {
      violations: list("One for each quota.", {
        subject: text("Whose quota."),
        description: text("What of it ran out."),
      }),
    }),
  };
}
