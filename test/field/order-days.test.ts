// Analytics count by day what was created on it, whatever the ids say.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AnalyticsService } from "../../gen/colloquy/v1/analytics_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { conversationLine, imported, messageLine } from "../support/calls/transfer.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const DAY_MS = 24 * 60 * 60 * 1000;

test.each([
  ["random", () => randomUUID()],
  ["far ahead", () => `ffffffff-ffff-7fff-bfff-${randomUUID().slice(-12)}`],
  ["of another system", () => `m ${randomUUID()}`],
])("F-ORDER: a day counts what was created on it, with ids that are %s", async (_, makeId) => {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "admin");
  const day = (ago: number, ms: number) => Math.floor(Date.now() / DAY_MS) * DAY_MS - ago * DAY_MS + ms;
  // On the 5th day back its first and its last moment; before and after it one each.
  const moments = [day(5, -1), day(5, 0), day(5, DAY_MS - 1), day(5, DAY_MS)].map((ms) => new Date(ms).toISOString());
  const lines = moments.flatMap((createTime) => {
    const id = makeId();
    return [conversationLine(id, { createTime }), messageLine(id, makeId(), { createTime })];
  });
  expect(await imported({ transfer: server.client(TransferService, credential) }, lines)).toMatchObject({
    errors: [],
  });
  const { analytics } = await server.client(AnalyticsService, credential).getTenantAnalytics({ dayCount: 10 });
  const counts = analytics?.days.map(({ conversationCount, messageCount }) => [conversationCount, messageCount]);
  expect(counts?.slice(3, 6)).toEqual([
    [1n, 1n],
    [2n, 2n],
    [1n, 1n],
  ]);
  expect(counts?.flat().reduce((sum, count) => sum + count)).toBe(8n);
});
