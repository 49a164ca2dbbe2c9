// What the answers of the assistant API look like, for its tests.
import { STATUS_CODES } from "node:http";
import { expect } from "vitest";
import type { HttpAnswer } from "../../support/servers/dialect-server.ts";

export const PATH = "/api/conversations";

/** An answer's text with its ids, server times and request ids replaced. `known` are ids that stay. */
export function masked(answer: HttpAnswer): string {
  return answer.text
    .replaceAll(/"id":"[0-9a-f-]{36}"/g, '"id":"<uuid>"')
    .replaceAll(/"(createdAt|updatedAt)":\d{13}(?=[,}])/g, '"$1":<now>')
    .replaceAll(/"timestamp":1[7-9]\d{11}(?=[,}])/g, '"timestamp":<now>')
    .replaceAll(/"requestId":"req_[0-9A-Za-z]{20}"/g, '"requestId":"req_xxx"');
}

/** The error in the documented shape, and nothing else; and what every answer carries in its headers. */
export function expectError(
  answer: HttpAnswer,
  status: number,
  code: string,
  context: object = {},
  message?: string,
): void {
  expect([answer.status, answer.json.code]).toEqual([status, code]);
  expect(answer.json).toEqual({
    error: STATUS_CODES[status],
    message: message ?? expect.stringMatching(/./),
    code,
    requestId: expect.stringMatching(/^req_[0-9A-Za-z]{20}$/),
    context,
  });
  expectHeaders(answer);
}

export function expectHeaders({ headers, json }: HttpAnswer): void {
  expect(headers.get("x-request-id")).toBe(json.requestId);
  expect(headers.get("content-type")).toBe("application/json");
  expect(headers.get("x-ratelimit-limit")).toBe("100");
  expect(headers.get("x-ratelimit-remaining")).toMatch(/^\d{1,2}$/);
  expect(headers.get("x-ratelimit-reset")).toMatch(/^\d{10}$/);
}
