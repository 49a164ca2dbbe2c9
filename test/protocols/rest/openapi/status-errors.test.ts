// Errors as google.rpc.Status, with the reasons that a contract documents.
import { expect, test } from "vitest";
import { ErrorReasonSchema } from "../../../../gen/colloquy/v1/error_reason_pb.ts";
import { reasonsOf, statusErrors } from "../../../../scripts/openapi/index.ts";

const comments: Record<string, string> = {
  ERROR_REASON_NOT_FOUND: "NOT_FOUND: there is no such resource.",
  ERROR_REASON_ETAG_MISMATCH: "ABORTED: the etag is old.",
  ERROR_REASON_CANCELLED: "the comment begins with no code.",
};
const reasons = reasonsOf(ErrorReasonSchema, (value) => comments[value.name] ?? "", { ETAG_MISMATCH: 412 });

test("a reason has the code of its comment and the status of its code, unless another is given", () => {
  expect(reasons).toEqual([
    { name: "NOT_FOUND", code: 5, description: "There is no such resource.", status: 404 },
    { name: "ETAG_MISMATCH", code: 10, description: "The etag is old.", status: 412 },
  ]);
});

test("an error of one status lists its reasons, with an example for each", () => {
  const { shapes } = statusErrors(reasons, "catalog");
  const { when: _, ...shape } = shapes.find(({ status }) => status === 404) ?? {};
  expect(shape).toEqual({
    status: 404,
    component: "NotFound",
    description:
      "There is no such resource, or the caller may not see it. Reasons:\n\n- `NOT_FOUND`: There is no such resource.",
    content: {
      "application/json": {
        schema: { $ref: "#/components/schemas/Status" },
        examples: {
          NOT_FOUND: {
            value: {
              code: 5,
              message: "There is no such resource.",
              details: [
                { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "NOT_FOUND", domain: "catalog" },
              ],
            },
          },
        },
      },
    },
  });
});
