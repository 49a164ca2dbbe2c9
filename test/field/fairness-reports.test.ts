// F-FAIR: what people reported of servers that let one customer slow all others, tried on this one.
import { once } from "node:events";
import { connect } from "node:http2";
import { expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { reasonOf } from "../support/errors.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";

const SLEEP = { name: "fair_sleep", text: "select pg_sleep($1)" };

test("F-FAIR: a tenant that fills the queue is refused, and not those who come with a few calls", async () => {
  await using server = await startIdentityServer({ connections: { poolSize: 1, maxWaiting: 40 } });
  const [flood, quiet] = [await server.tenant(), await server.tenant()];
  const callers = {
    eager: server.client(ConversationService, (await flood.key("read", "write")).credential),
    calm: server.client(ConversationService, await flood.token("calm")),
    key: server.client(ConversationService, (await quiet.key("read", "write")).credential),
    member: server.client(ConversationService, await quiet.token("ann")),
  };
  // Their credentials are known from now on.
  for (const caller of Object.values(callers)) await caller.listConversations({});
  const free = new AbortController();
  const holder = server.database.query(SLEEP, [600], free.signal).catch(() => {});
  const list = (who: keyof typeof callers, times: number) =>
    Array.from({ length: times }, () => reasonOf(callers[who].listConversations({})));
  let refused = 0;
  const flooding = list("eager", 60).map(async (call) => {
    if ((await call) === "OVERLOADED") refused++;
  });
  await expect.poll(() => refused).toBeGreaterThanOrEqual(20);
  const others = [...list("calm", 2), ...list("key", 3), ...list("member", 3)];
  // They have taken the places of as many others.
  await expect.poll(() => refused).toBeGreaterThanOrEqual(28);
  expect(server.database.queue).toMatchObject({ waiting: 40, full: true });
  free.abort(new Error("enough"));
  await holder;
  expect(await Promise.all(others)).toEqual(others.map(() => undefined));
  await Promise.all(flooding);
  expect(refused).toBeLessThan(40);
});

test("F-FAIR: a call behind a burst of another tenant is answered before most of the burst", async () => {
  await using server = await startIdentityServer();
  const tenants = [await server.tenant(), await server.tenant()];
  const [eager, calm] = await Promise.all(
    tenants.map(async (tenant) => {
      const { credential } = await tenant.key("read");
      const session = connect(server.url);
      const ask = () => once(session.request({ ":path": "/v1/whoAmI", ...credential }).resume(), "response");
      // Its connection is open and its credential known from now on.
      expect((await ask())[0]).toMatchObject({ ":status": 200 });
      return { session, ask };
    }),
  );
  let answered = 0;
  // They come in one piece.
  const burst = Array.from({ length: 100 }, () => eager?.ask().then(() => answered++));
  await calm?.ask();
  expect(answered).toBeLessThan(50);
  await Promise.all(burst);
  for (const { session } of [eager, calm].flatMap((one) => one ?? [])) session.close();
});
