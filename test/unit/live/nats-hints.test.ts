// Hints by NATS, where it is not there yet, goes away, and comes back.
import { expect, test } from "vitest";
import { newId } from "../../../src/domain/ids/id.ts";
import { createHints, type Hint } from "../../../src/live/hints/hints.ts";
import { createNatsHints } from "../../../src/live/hints/nats.ts";
import { freePort } from "../../support/free-port.ts";
import { startFakeNats } from "../../support/nats-server.ts";

const hint: Hint = { kind: "log", tenantId: newId(), conversationId: newId() };

function hintsBy(url: string, onError: (error: unknown) => void = () => {}) {
  return createHints({ carrier: createNatsHints({ url, onError }), onLost: () => {} });
}

test("a server whose NATS is not there starts all the same, says so, and stops", async () => {
  const errors: unknown[] = [];
  const hints = await hintsBy(`nats://127.0.0.1:${await freePort()}`, (error) => errors.push(error));
  const reader = hints.listen(hint);
  hints.publish(hint);
  await reader.wait(60_000);
  await expect.poll(() => errors.length).toBeGreaterThan(0);
  await hints.close();
});

test("hints go to other servers once NATS is there, and again after it was lost", async () => {
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  await using stack = new AsyncDisposableStack();
  const [one, two] = await Promise.all([hintsBy(url), hintsBy(url)]);
  stack.defer(async () => void (await Promise.all([one.close(), two.close()])));
  const nats = await startFakeNats(port);
  stack.defer(() => nats.close());
  const reader = two.listen({ kind: "log", tenantId: hint.tenantId });
  const heard = async () => {
    reader.named();
    one.publish(hint);
    await reader.wait(100);
    return reader.named()?.has(hint.conversationId);
  };
  await expect.poll(heard, { timeout: 45_000 }).toBe(true);
  nats.cut();
  await expect.poll(heard, { timeout: 45_000 }).toBe(true);
});
