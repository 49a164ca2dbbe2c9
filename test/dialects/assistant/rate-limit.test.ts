// 100 requests a minute for each user of the assistant API.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/compat/assistant/v1/conversation_service_pb.ts";
import { UserLimits } from "../../../src/dialects/assistant/rate-limit.ts";
import { failureOf } from "../../support/errors.ts";
import { type DialectServer, type HttpAnswer, startDialects } from "../../support/servers/dialect-server.ts";
import { expectError, PATH } from "./answers.ts";

let server: DialectServer;
beforeAll(async () => {
  server = await startDialects("assistant");
});
afterAll(() => server.close());

const remaining = ({ headers }: HttpAnswer) => Number(headers.get("x-ratelimit-remaining"));
const get = (userId: string) => server.http("GET", `${PATH}?userId=${userId}`);

async function times(count: number, act: () => Promise<HttpAnswer>): Promise<HttpAnswer[]> {
  const answers: HttpAnswer[] = [];
  while (answers.length < count) answers.push(await act());
  return answers;
}

describe("S2-6 the rate limit", () => {
  test("counts down from 99 with every answer of a user's, and refuses the 101st", async () => {
    const userId = randomUUID();
    const answers = await times(100, () => get(userId));
    expect(answers.map(remaining)).toEqual(Array.from({ length: 100 }, (_, i) => 99 - i));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const resets = new Set(answers.map(({ headers }) => headers.get("x-ratelimit-reset")));
    expect(resets.size).toBe(1);
    const before = Date.now() / 1000;
    const refused = await get(userId);
    const after = Date.now() / 1000;
    expectError(refused, 429, "RATE_LIMITED");
    expect(remaining(refused)).toBe(0);
    const [reset] = resets;
    const wait = Number(refused.headers.get("retry-after"));
    // Both are rounded up to whole seconds.
    expect(wait).toBeGreaterThan(Number(reset) - 1 - after);
    expect(wait).toBeLessThan(Number(reset) + 1 - before);
    // Whatever the method; and another user is not touched.
    expectError(await server.http("POST", PATH, { body: { userId } }), 429, "RATE_LIMITED");
    expect(remaining(await get(randomUUID()))).toBe(99);
  });

  test("counts a user's errors for the user", async () => {
    const userId = randomUUID();
    const body = { userId, conversationId: randomUUID() };
    expect(remaining(await server.http("PUT", PATH, { body }))).toBe(99);
    expect(remaining(await server.http("DELETE", PATH, { body }))).toBe(98);
    expect(remaining(await get(userId))).toBe(97);
  });

  test("counts on every wire", async () => {
    const userId = randomUUID();
    const { credential } = await server.tenant.key("read", "write", "admin");
    const client = server.server.client(ConversationService, credential, "grpc");
    await times(99, () => server.http("GET", `${PATH}?userId=${userId}`, { credential }));
    await client.listConversations({ userId });
    expect(await failureOf(client.listConversations({ userId }))).toMatchObject({ reason: "RATE_LIMITED" });
  });

  test("counts what names no user that the caller may name for the caller", async () => {
    const [me, victim] = [randomUUID(), randomUUID()];
    const credential = await server.tenant.token(me);
    const bad = [
      () => server.http("GET", PATH, { credential }),
      () => server.http("POST", PATH, { raw: "{", credential }),
      () => server.http("GET", `${PATH}?userId=${victim}`, { credential }),
    ];
    expect([await bad[0]!(), await bad[1]!(), await bad[2]!()].map(remaining)).toEqual([99, 98, 97]);
    expect(remaining(await get(victim))).toBe(99);
    expect(remaining(await server.http("GET", `${PATH}?userId=${me}`, { credential }))).toBe(99);
    await times(97, bad[0]!);
    expectError(await bad[1]!(), 429, "RATE_LIMITED");
    expect((await server.http("GET", `${PATH}?userId=${me}`, { credential })).status).toBe(200);
  });

  test("counts what names no user and no caller for the address", async () => {
    const own = await startDialects("assistant");
    const answers = [
      await own.http("PATCH", PATH),
      await own.http("GET", `${PATH}/x`),
      await own.http("GET", PATH),
      await own.http("OPTIONS", PATH),
      await own.http("GET", PATH, { headers: { authorization: "Bearer x" } }),
    ];
    expect(answers.map(remaining)).toEqual([99, 98, 97, 96, 95]);
    await times(95, () => own.http("GET", PATH));
    expectError(await own.http("GET", PATH), 429, "RATE_LIMITED");
    expectError(await own.http("GET", `${PATH}/x`), 429, "RATE_LIMITED");
    await own.close();
  });

  test("begins anew when the window, which begins with the first request, is over", () => {
    let now = 1_000_000;
    const limits = new UserLimits(() => now);
    const take = () => limits.takeUser("t", "u");
    for (let i = 0; i < 100; i++) take();
    now += 59_999;
    expect(take()).toEqual({ allowed: false, remaining: 0, end: 1_060_000, retryAfterMs: 1 });
    now += 1;
    expect(take()).toEqual({ allowed: true, remaining: 99, end: 1_120_000, retryAfterMs: 60_000 });
  });
});
