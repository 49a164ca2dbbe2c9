// Hints by NATS, where it is not there yet, goes away, and comes back.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { newId } from "../../../src/domain/ids/id.ts";
import { createHints, type Hint } from "../../../src/live/hints/hints.ts";
import { createNatsHints } from "../../../src/live/hints/nats.ts";
import { makeCertificate } from "../../support/services/certificate.ts";
import { freePort } from "../../support/services/free-port.ts";
import { HAS_NATS, startFakeNats, startNats } from "../../support/services/nats-server.ts";

const hint: Hint = { kind: "log", tenantId: newId(), conversationId: newId() };

function hintsBy(url: string, onError: (error: unknown) => void = () => {}) {
  return createHints({ carrier: createNatsHints({ url, onError }), onLost: () => {} });
}

test("F-NATS a server whose NATS is not there starts all the same, says so, and stops", async () => {
  const errors: unknown[] = [];
  const hints = await hintsBy(`nats://127.0.0.1:${await freePort()}`, (error) => errors.push(error));
  const reader = hints.listen(hint);
  hints.publish(hint);
  await reader.wait(60_000);
  await expect.poll(() => errors.length).toBeGreaterThan(0);
  await hints.close();
});

test("F-NATS hints go to other servers once NATS is there, and again after it was lost, whatever NATS says then", async () => {
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
  for (const error of [undefined, "Stale Connection", "Authentication Timeout", "Maximum Connections Exceeded"]) {
    nats.cut(error);
    await expect.poll(heard, { timeout: 45_000 }).toBe(false);
    await expect.poll(heard, { timeout: 45_000 }).toBe(true);
  }
});

describe.skipIf(!HAS_NATS)("Debian's nats-server with TLS and credentials", () => {
  const certificate = makeCertificate();
  const stranger = makeCertificate();
  afterAll(() => {
    certificate.remove();
    stranger.remove();
  });
  // By default a handshake may take half a second, which is short on a busy machine.
  const configuration = join(dirname(certificate.certFile), "nats.conf");
  writeFileSync(
    configuration,
    `tls { cert_file: "${certificate.certFile}", key_file: "${certificate.keyFile}", timeout: 30 }
     authorization { user: ann, password: "s/e", timeout: 30 }`,
  );
  const words = ["-c", configuration];

  test("carries hints, is killed while they are sent, and carries them again", async () => {
    await using nats = await startNats(...words);
    const url = `tls://ann:s%2Fe@localhost:${nats.port}?ca=${certificate.certFile}`;
    await using stack = new AsyncDisposableStack();
    const [one, two] = await Promise.all([hintsBy(url), hintsBy(url)]);
    stack.defer(async () => void (await Promise.all([one.close(), two.close()])));
    const reader = two.listen({ kind: "log", tenantId: hint.tenantId });
    const told: string[] = [];
    two.signals.servers.listen((notice) => told.push(notice === undefined ? "missed" : String(notice[0])));
    // The load goes on all the time.
    const sending = setInterval(() => {
      one.publish(hint);
      one.signals.tellServers(["load"]);
    }, 5);
    stack.defer(() => clearInterval(sending));
    const heard = async () => {
      // What came before is no answer, and would end the wait before the next.
      reader.named();
      reader.woken();
      await reader.wait(100);
      return reader.named()?.has(hint.conversationId);
    };
    const carried = async () => {
      told.length = 0;
      await expect.poll(heard, { timeout: 45_000 }).toBe(true);
      await expect.poll(() => told.includes("load"), { timeout: 45_000 }).toBe(true);
    };
    await carried();
    await nats.kill();
    told.length = 0;
    nats.start();
    // What was told meanwhile is lost, and that is told too.
    await expect.poll(() => told.includes("missed"), { timeout: 45_000 }).toBe(true);
    await carried();
  });

  test.each([
    ["a certificate that nobody vouches for", () => `tls://ann:s%2Fe@localhost:PORT?ca=${stranger.certFile}`],
    ["a wrong password", () => `tls://ann:wrong@localhost:PORT?ca=${certificate.certFile}`],
  ])("%s is said, and no hint goes there", async (_, url) => {
    await using nats = await startNats(...words);
    const errors: unknown[] = [];
    const hints = await hintsBy(url().replace("PORT", String(nats.port)), (error) => errors.push(error));
    await expect
      .poll(() => errors.map(String).filter((error) => !/ECONNREFUSED/.test(error)).length, { timeout: 45_000 })
      .toBeGreaterThan(0);
    await hints.close();
  });

  test("a server that does not speak TLS is refused by tls://", async () => {
    await using nats = await startNats();
    const errors: unknown[] = [];
    const hints = await hintsBy(`tls://localhost:${nats.port}`, (error) => errors.push(error));
    await expect
      .poll(() => errors.map(String).filter((error) => !/ECONNREFUSED/.test(error)).length, { timeout: 45_000 })
      .toBeGreaterThan(0);
    await hints.close();
  });
});
