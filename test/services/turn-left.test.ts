// Queued turns whose server goes before they have begun: another runs them.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { TurnPolicy, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { administer } from "../support/postgres/postgres.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { calls, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

const HOUR_MS = 3_600_000;
const agent = scriptedAgent();
/** Finds at once what others have left. */
let finder: StoreServer;
const open: StoreServer[] = [];
beforeAll(async () => {
  const turnTimes = { saveEveryMs: 50, leaseMs: HOUR_MS, renewEveryMs: HOUR_MS, sweepEveryMs: 10 };
  finder = await startStoreServer({ agent: agent.connector, turnTimes });
});
afterAll(() => finder.close());
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function beside(leaseMs: number, isPresent = false): Promise<StoreServer> {
  const turnTimes = { saveEveryMs: 50, leaseMs, renewEveryMs: HOUR_MS, sweepEveryMs: HOUR_MS };
  const server = await startStoreServer({ agent: agent.connector, beside: finder, turnTimes, isPresent });
  open.push(server);
  return server;
}

/** A conversation in which one turn waits for a client, and behind it two that the server has. */
async function queuedAt(server: StoreServer) {
  const tenant = await finder.tenant("alice");
  const own = { name: "helper", connector: { case: "echo", value: {} }, tools: [{ name: "ask" }] } as object;
  await tenant.key().agents.createAgent({ agent: own });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  agent.script.push(says(calls("c1", "ask")));
  const first = await readTurn(
    alice.turns.chat({ conversationId, message: { content: "first" }, streamEntries: true }),
  );
  expect(first.turn?.state).toBe(TurnState.INPUT_REQUIRED);
  const there = server.sameTenant(tenant).member("alice");
  const queued: string[] = [];
  for (const content of ["second", "third"]) {
    for await (const { event } of there.turns.chat({
      conversationId,
      message: { content },
      ifRunning: TurnPolicy.QUEUE,
    })) {
      if (event.case === "started") queued.push(event.value.turn?.id ?? "");
      break;
    }
  }
  return { tenant, firstId: first.turnId, queued };
}

async function runTheRest({ tenant, firstId, queued }: Awaited<ReturnType<typeof queuedAt>>) {
  const alice = tenant.member("alice");
  agent.script.push(says(text("One.")), says(text("Two.")), says(text("Three.")));
  await alice.turns.answerTurn({
    turnId: firstId,
    results: [{ callId: "c1", output: { case: "text", value: "yes" } }],
  });
  const ended = [];
  for (const turnId of [firstId, ...queued]) {
    const { turn } = await readTurn(alice.turns.resumeTurn({ turnId, streamEntries: true }), { stopsAtWait: false });
    ended.push([turn?.state, turn?.failure]);
  }
  const complete = [TurnState.COMPLETE, ""];
  expect(ended).toEqual([complete, complete, complete]);
}

test("a server that stops leaves them to others, which run them in their order", async () => {
  const server = await beside(HOUR_MS);
  const own = await queuedAt(server);
  await server.turns.close();
  await runTheRest(own);
});

test("a server that is gone has them taken over once its lease is, and starts none of them when it comes back", async () => {
  const own = await queuedAt(await beside(1));
  await runTheRest(own);
});

/** A turn that runs at the server, and has said a word. */
async function runningAt(server: StoreServer) {
  const tenant = await finder.tenant("alice");
  await tenant
    .key()
    .agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} } } as object });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  const go = Promise.withResolvers<void>();
  agent.script.push(async function* () {
    yield text("One");
    await go.promise;
    yield text(" two.");
    return undefined;
  });
  const there = server.sameTenant(tenant).member("alice");
  const heard = Promise.withResolvers<string>();
  const read = (async () => {
    let said = "";
    let turnId = "";
    for await (const { event } of there.turns.chat({ conversationId, message: { content: "hi" } })) {
      if (event.case === "started") turnId = event.value.turn?.id ?? "";
      if (event.case === "delta") {
        said += event.value.text;
        heard.resolve(turnId);
      }
      if (event.case === "ended") return { said, turn: event.value.turn, reply: event.value.reply?.content };
    }
    return undefined;
  })();
  const place = { tenantId: tenant.id, conversationId, id: await heard.promise };
  return { alice, place, go, read };
}

test("a server that lives keeps its turn though it has not renewed its lease: others see it", async () => {
  const { alice, place, go, read } = await runningAt(await beside(1, true));
  await finder.turns.endAbandoned(place);
  const other = Array.fromAsync(
    alice.turns.chat({ conversationId: place.conversationId, message: { content: "and?" } }),
  );
  await expect(other).rejects.toMatchObject({ rawMessage: "another turn is running in the conversation" });
  go.resolve();
  const ended = await read;
  expect(ended).toMatchObject({
    said: "One two.",
    reply: "One two.",
    turn: { state: TurnState.COMPLETE, failure: "" },
  });
});

test("one that has hung for more than a minute counts as dead, and tells nothing more than is stored", async () => {
  const { place, go, read } = await runningAt(await beside(1, true));
  const { url } = finder.own;
  await expect
    .poll(() => administer(url, "select text from turn where id = $1::uuid", [place.id]))
    .toEqual([{ text: "One" }]);
  const late = "update turn set lease_time = clock_timestamp() - interval '61 seconds' where id = $1::uuid";
  await administer(url, late, [place.id]);
  await finder.turns.endAbandoned(place);
  go.resolve();
  const ended = await read;
  const failure = "the server that ran the turn is gone";
  expect(ended).toMatchObject({ turn: { state: TurnState.FAILED, failure }, reply: "One" });
});

test("one whose session has ended is dead as soon as its lease is over", async () => {
  const server = await beside(1, true);
  const { place, go, read } = await runningAt(server);
  const { url } = finder.own;
  const end = `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'colloquy presence' and datname = current_database()`;
  await expect
    .poll(async () => {
      await administer(url, end);
      await finder.turns.endAbandoned(place);
      return administer(url, "select state from turn where id = $1::uuid", [place.id]);
    })
    .toEqual([{ state: TurnState.FAILED }]);
  go.resolve();
  expect(await read).toMatchObject({ turn: { failure: "the server that ran the turn is gone" } });
});
