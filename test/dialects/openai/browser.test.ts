// OpenAI's client in a browser: every header that it sends is allowed there, and those that it reads are shown to it.
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

const ORIGIN = "http://localhost:5173";
/** Headers that a page may send without asking (Fetch standard, "CORS-safelisted request-header"). */
const SAFE = ["accept", "accept-language", "content-language"];

let scene: OpenAiScene;
beforeAll(async () => {
  scene = await startOpenAi();
});
afterAll(() => scene.close());

const namesIn = (header: string | null) => (header ?? "").toLowerCase().split(", ");

test("what the client sends and reads is let through by the browser", async () => {
  let sent: string[] = [];
  const client = new OpenAI({
    baseURL: "http://127.0.0.1:9/openai/v1",
    apiKey: "key",
    organization: "org",
    project: "proj",
    maxRetries: 0,
    fetch: (_url, init) => {
      sent = [...new Headers(init?.headers).keys()];
      return Promise.resolve(Response.json({}));
    },
  });
  await client.conversations.create({ metadata: {} }, { timeout: 1_000, headers: { "Idempotency-Key": "k" } });
  expect(sent).toContain("x-stainless-retry-count");
  const url = `${scene.dialect.server.url}/openai/v1/conversations`;
  const preflight = await fetch(url, {
    method: "OPTIONS",
    headers: { origin: ORIGIN, "access-control-request-method": "POST" },
  });
  const allowed = namesIn(preflight.headers.get("access-control-allow-headers"));
  expect(sent.filter((name) => !allowed.includes(name) && !SAFE.includes(name))).toEqual([]);
  const answer = await fetch(url, { headers: { origin: ORIGIN } });
  const exposed = namesIn(answer.headers.get("access-control-expose-headers"));
  expect(exposed).toEqual(expect.arrayContaining(["x-should-retry", "retry-after", "retry-after-ms", "x-request-id"]));
});
