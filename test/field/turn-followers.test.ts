// Many who follow one turn: what they ask the database, and how soon who may not follow is sent away.
import { afterAll, beforeAll, expect, test } from "vitest";
import { readVisible } from "../../src/store/log/statements.ts";
import { followTurn } from "../../src/store/turns/statements.ts";
import { failureOf } from "../support/failure.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { scriptedAgent, text } from "../support/services/scripted-agent.ts";

const FOLLOWERS = 40;

const agent = scriptedAgent();
let server: StoreServer;
const asked: string[] = [];
beforeAll(async () => {
  const observer = { onStatement: (said: string) => asked.push(said) };
  server = await startStoreServer({ agent: agent.connector, database: { observer } });
});
afterAll(() => server.close());

test("F-TURN-FOLLOWERS: their rights are looked at together while the turn runs, and one who is removed hears no more", async () => {
  const members = Array.from({ length: FOLLOWERS }, (_, n) => `m${n}`);
  const tenant = await server.tenant("ann", ...members);
  const ann = tenant.member("ann");
  await tenant.key().agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} } } });
  const { conversation } = await ann.conversations.createConversation({
    conversation: { agent: "helper" },
    participantIds: members,
  });
  const conversationId = conversation?.id ?? "";
  const goOn = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  agent.script.push(async function* () {
    yield text("one ");
    await goOn.promise;
    yield text("two ");
    await end.promise;
    yield text("three");
    return undefined;
  });
  const chat = ann.turns.chat({ conversationId, message: { content: "go" } })[Symbol.asyncIterator]();
  const started = (await chat.next()).value?.event;
  const turnId = started?.case === "started" ? (started.value.turn?.id ?? "") : "";
  const following = members.map((id) => readTurn(tenant.member(id).turns.resumeTurn({ turnId, streamEntries: true })));
  const count = (statement: Readonly<Record<string, { readonly text: string }>>) =>
    asked.filter((said) => Object.values(statement).some(({ text: own }) => own === said)).length;
  await expect.poll(() => count(followTurn)).toBeGreaterThanOrEqual(FOLLOWERS);
  await expect.poll(() => count(readVisible)).toBeGreaterThanOrEqual(1);
  asked.length = 0;
  await expect.poll(() => count(readVisible)).toBeGreaterThanOrEqual(4);
  // Each looked once in that time before; one that was late for the start may look now.
  expect(count(followTurn)).toBeLessThan(FOLLOWERS / 4);

  await ann.participants.removeParticipant({ conversationId, memberId: "m0" });
  const [gone, ...others] = following as [(typeof following)[0], ...typeof following];
  expect(await failureOf(gone.then(({ error }) => Promise.reject(error)))).toMatchObject({ reason: "NOT_FOUND" });
  // Not even what the agent says at the same moment.
  const next = members[1] as string;
  const words = tenant.member(next).turns.resumeTurn({ turnId, streamEntries: true })[Symbol.asyncIterator]();
  const said = async () => {
    for (;;) {
      const { event } = (await words.next()).value ?? {};
      if (event?.case === "entryDelta") return event.value.piece.value;
    }
  };
  expect(await said()).toBe("one ");
  goOn.resolve();
  expect(await said()).toBe("two ");
  await ann.participants.removeParticipant({ conversationId, memberId: next });
  end.resolve();
  expect(await failureOf(said())).toMatchObject({ reason: "NOT_FOUND" });
  const [removed, ...heard] = await Promise.all(others);
  expect(String(removed?.error)).toContain("turn not found");
  expect(removed?.lines.join()).not.toContain("three");
  expect(new Set(heard.map(({ lines, error }) => `${error} ${lines.slice(0, 2)}`))).toEqual(
    new Set(["undefined 0 MESSAGE,0 text: one two three"]),
  );
});
