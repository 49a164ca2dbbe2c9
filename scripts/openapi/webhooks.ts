// The `webhooks` section: requests that the server sends, with the headers of the Standard Webhooks specification.
import type { DescMessage } from "@bufbuild/protobuf";
import type { Parameter, PathItem } from "../../src/protocols/rest/docs/openapi-types.ts";
import type { Schemas } from "./schema.ts";

/** A kind of request that the server sends. */
export interface SentRequest {
  readonly summary: string;
  readonly description: string;
  readonly message: DescMessage;
}

const HEADERS: readonly (readonly [name: string, description: string, example: string])[] = [
  [
    "webhook-id",
    "The id of what is sent, the same in every attempt: drop repeats by it.",
    "01920000-0000-7000-8000-000000000001-1",
  ],
  ["webhook-timestamp", "When this attempt was made, in seconds since 1970.", "1700000000"],
  [
    "webhook-signature",
    "`v1,` and an HMAC-SHA256 in base64 of id, timestamp and body, one for each valid secret, separated by spaces.",
    "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
  ],
];

/** The section, by name of request. */
export function webhooksOf(
  requests: Readonly<Record<string, SentRequest>>,
  schemas: Schemas,
): Record<string, PathItem> {
  return Object.fromEntries(
    Object.entries(requests).map(([name, { summary, description, message }]) => [
      name,
      {
        post: {
          operationId: `webhook_${name}`,
          tags: ["WebhookService"],
          summary,
          description,
          parameters: HEADERS.map(
            ([header, text, example]): Parameter => ({
              name: header,
              in: "header",
              required: true,
              description: text,
              schema: { type: "string" },
              example,
            }),
          ),
          requestBody: {
            required: true,
            content: { "application/json": { schema: schemas.message(message, "output") } },
          },
          responses: {
            "2XX": { description: "It is taken." },
            "410": { description: "Nothing more is sent until the endpoint is resumed." },
            default: { description: "It is sent again later; `Retry-After` is obeyed." },
          },
          security: [],
        },
      },
    ]),
  );
}
