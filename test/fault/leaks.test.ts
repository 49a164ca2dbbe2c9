// Nothing is left of callers that have gone, however they went: no file, no timer, no call, no transaction.
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test, vi } from "vitest";
import { createTestDatabase } from "../support/postgres/postgres.ts";
import { startDatabaseProxy } from "./faults/database-proxy.ts";
import { startLineProxy } from "./faults/line-proxy.ts";
import { tablesAt } from "./stage/database.ts";
import { startProbedServer } from "./stage/probed-server.ts";
import { createRandom } from "./stage/random.ts";
import { comeToRest } from "./stage/rest.ts";
import { clientsOver, patientClients, WIRES } from "./stage/wires.ts";

vi.setConfig({ testTimeout: 120_000 });

test("callers whose lines are cut while they call and subscribe leave nothing behind", async () => {
  const random = createRandom(1);
  await using database = await createTestDatabase();
  const store = tablesAt(database.url);
  await using behind = await startDatabaseProxy(database.url, random);
  await using server = await startProbedServer({ DATABASE_URL: behind.url });
  const { headers } = await store.tenant();
  // Before what is held is counted: the connection that it is made over stays open for a while.
  const { conversations: patient } = patientClients(server.url, headers);
  const { conversation } = await patient.createConversation({ messages: [{ content: "first" }] });
  const conversationId = conversation?.id ?? "";
  const resting = { store, behind, server };
  const { rest: before } = await comeToRest(resting);

  const callers = WIRES.map(async (wire) => {
    await using line = await startLineProxy(server.port, random);
    const { events, messages } = clientsOver(wire, line.url, headers);
    const begun: Promise<void>[] = [];
    const subscriptions = Array.from({ length: 5 }, async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      begun.push(promise);
      // A server that has too much to do, as its machine has, says so at once: then again.
      const busy = (error: unknown) => ConnectError.from(error).code === Code.ResourceExhausted;
      for (let refused = true; refused; ) {
        refused = false;
        const heard = async () => {
          for await (const _ of events.subscribe({ conversationId })) resolve();
        };
        await heard().catch((error) => {
          if (!busy(error)) throw error;
          refused = true;
        });
      }
    });
    await Promise.all(begun);
    const calls = Array.from({ length: 20 }, () => messages.sendMessage({ conversationId, message: { content: "x" } }));
    // Some have been answered, and others are under way.
    await Promise.race(calls);
    line.cutAll();
    const cut = await Promise.allSettled([...calls, ...subscriptions]);
    return cut.filter(({ status }) => status === "rejected").length;
  });
  const cut = await Promise.all(callers);
  expect(Math.min(...cut)).toBeGreaterThanOrEqual(5);

  const { rest, findings } = await comeToRest(resting, before);
  expect(findings).toEqual([]);
  expect(rest.resources.Timeout ?? 0).toBeLessThanOrEqual((before.resources.Timeout ?? 0) + behind.open);
});
