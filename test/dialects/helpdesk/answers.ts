// What the answers of the helpdesk API look like, for its tests.
import { expect } from "vitest";
import type { HttpAnswer } from "../../support/servers/dialect-server.ts";

/** The helpdesk's paths on a server that it shares with others. */
export const PATH = "/desk/api/conversations";
export const COMPAT = "helpdesk/desk";

/** An answer's text with its times replaced. */
export function masked({ text }: HttpAnswer): string {
  return text.replaceAll(/"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"/g, '"<now>"');
}

/** An error in the documented shape, byte for byte. */
export function expectError({ status, json, text, headers }: HttpAnswer, code: number, message?: string): void {
  expect(status, text).toBe(code);
  expect(text).toBe(JSON.stringify({ status_code: code, message: message ?? json.message, data: null }));
  expect(json.message).toMatch(/^./);
  expect(headers.get("content-type")).toBe("application/json");
}
