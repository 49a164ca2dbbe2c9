// A turn whose conversation, message, agent or caller goes away while it waits or runs.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { FinishReason, TurnPolicy, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureIn, hear } from "../support/fronts/chat.ts";
import { statementName } from "../support/postgres/postgres.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";

let server: StoreServer;
let openai: FakeOpenAi;
beforeAll(async () => {
  [server, openai] = await Promise.all([startStoreServer(), startFakeOpenAi()]);
});
afterAll(() => Promise.all([server.close(), openai.close()]));

/** A turn of bob's in ann's conversation that has said "so far"; the agent goes on when it is told to. */
async function running() {
  const tenant = await server.tenant("ann", "bob");
  const connector = { case: "openai", value: { baseUrl: openai.url, model: "m" } } as const;
  const { agent } = await tenant.key().agents.createAgent({ agent: { name: "helper", connector } });
  const [ann, bob] = [tenant.member("ann"), tenant.member("bob")];
  const made = await ann.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = made.conversation?.id ?? "";
  await ann.participants.addParticipants({ conversationId, memberIds: ["bob"] });
  const speaking = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const asked = openai.calls.length;
  openai.answer = async (call) => {
    call.say("so far");
    speaking.resolve();
    await Promise.race([release.promise, call.gone]);
    if (call.response.destroyed) return;
    call.say(", and on");
    call.finish();
  };
  const chat = (clients: typeof bob, ifRunning: TurnPolicy = TurnPolicy.UNSPECIFIED) =>
    hear(clients.turns.chat({ conversationId, message: { content: "hi" }, ifRunning }));
  const heard = chat(bob);
  await speaking.promise;
  const key = tenant.key();
  const log = async () => (await key.messages.listMessages({ conversationId })).messages.map(({ content }) => content);
  const turnId = (
    await query<{ id: string }>(
      "select id from turn where tenant_id = $1 and conversation_id = $2",
      tenant.id,
      conversationId,
    )
  )[0]?.id;
  const ended = () => hear(key.turns.resumeTurn({ turnId: turnId ?? "" }));
  return {
    tenant,
    key,
    ann,
    bob,
    conversationId,
    agentId: agent?.id ?? "",
    heard,
    release,
    chat,
    log,
    ended,
    asked,
    turnId,
  };
}

function query<Row>(text: string, ...values: unknown[]): Promise<Row[]> {
  return server.database.query<Row>({ name: statementName(text), text }, values);
}

type Scene = Awaited<ReturnType<typeof running>>;
const close = ({ ann, conversationId }: Scene, status: ConversationStatus) =>
  ann.conversations.updateConversation({ conversationId, conversation: { status } });

describe("A18: nothing is added to what takes no more", () => {
  test.each<[string, (scene: Scene) => Promise<unknown>, string]>([
    ["closed", (scene) => close(scene, ConversationStatus.CLOSED), "the conversation was closed"],
    [
      "cleared",
      ({ ann, conversationId }) => ann.messages.deleteAllMessages({ conversationId }),
      "the message was deleted",
    ],
    [
      "replaced by nothing",
      ({ ann, conversationId }) => ann.messages.replaceMessages({ conversationId, messages: [] }),
      "the message was deleted",
    ],
  ])(
    "a conversation that is %s: the turn is cancelled, the agent is told, and no reply is stored",
    async (_, change, why) => {
      const scene = await running();
      await change(scene);
      const before = await scene.log();
      // Nobody lets the agent go on: it is told.
      const { ended, text, error } = await scene.heard;
      expect({ text, error, reply: ended?.reply }).toEqual({ text: "so far", error: undefined, reply: undefined });
      expect(ended?.turn).toMatchObject({
        state: TurnState.CANCELLED,
        failure: why,
        replyId: "",
        finishReason: FinishReason.CANCELLED,
      });
      await openai.calls[scene.asked]?.gone;
      expect(await scene.log()).toEqual(before);
    },
  );

  test("a deleted one: the same, also when it is restored; readers lose it at once", async () => {
    const scene = await running();
    const { ann, conversationId } = scene;
    await ann.conversations.deleteConversation({ conversationId });
    expect(failureIn(await scene.heard)).toMatchObject({ reason: "NOT_FOUND" });
    await openai.calls[scene.asked]?.gone;
    await expect
      .poll(
        async () =>
          (
            await query(
              "select id from turn where tenant_id = $1 and id = $2 and state = 4",
              scene.tenant.id,
              scene.turnId,
            )
          ).length,
      )
      .toBe(1);
    await ann.conversations.restoreConversation({ conversationId });
    expect(await scene.log()).toEqual(["hi"]);
    const { ended } = await scene.ended();
    expect(ended?.turn).toMatchObject({ state: TurnState.CANCELLED, failure: "the conversation was deleted" });
  });

  test("a reply that is whole in the moment of the closing is not added after it", async () => {
    const scene = await running();
    await close(scene, ConversationStatus.CLOSED);
    scene.release.resolve();
    expect((await scene.heard).ended?.turn).toMatchObject({ state: TurnState.CANCELLED, replyId: "" });
    expect(await scene.log()).toEqual(["hi"]);
  });

  test("a purged one takes its turn along, and the agent is told", async () => {
    const scene = await running();
    await scene.ann.conversations.deleteConversation({ conversationId: scene.conversationId });
    await scene.key.conversations.purgeConversation({ conversationId: scene.conversationId });
    await scene.heard;
    await openai.calls[scene.asked]?.gone;
  });

  test("an archived one takes messages, and so replies", async () => {
    const scene = await running();
    await close(scene, ConversationStatus.ARCHIVED);
    scene.release.resolve();
    expect((await scene.heard).ended?.turn?.state).toBe(TurnState.COMPLETE);
    expect(await scene.log()).toEqual(["hi", "so far, and on"]);
  });
});

describe("A18: while a turn runs", () => {
  test.each(["removed", "disabled"])("its agent is %s: it ends, and what was said stays", async (how) => {
    const scene = await running();
    const { agents } = scene.key;
    if (how === "removed") await agents.deleteAgent({ agentId: scene.agentId });
    else await agents.updateAgent({ agentId: scene.agentId, agent: { disabled: true } });
    const { ended } = await scene.heard;
    expect(ended).toMatchObject({
      turn: { state: TurnState.CANCELLED, failure: "the agent was removed or disabled" },
      reply: { content: "so far" },
    });
    expect(await scene.log()).toEqual(["hi", "so far"]);
  });

  test("its caller is removed: the reply is the conversation's, and is finished; the caller hears no more", async () => {
    const scene = await running();
    await scene.ann.participants.removeParticipant({ conversationId: scene.conversationId, memberId: "bob" });
    expect(failureIn(await scene.heard)).toMatchObject({ reason: "NOT_FOUND" });
    scene.release.resolve();
    expect((await scene.ended()).ended?.turn?.state).toBe(TurnState.COMPLETE);
    expect(await scene.log()).toEqual(["hi", "so far, and on"]);
  });
});

describe("A18: a turn that waits is never begun, and is cancelled, when", () => {
  test.each<[string, (scene: Scene) => Promise<unknown>]>([
    ["the conversation is closed", (scene) => close(scene, ConversationStatus.CLOSED)],
    [
      "the conversation is deleted",
      ({ ann, conversationId }) => ann.conversations.deleteConversation({ conversationId }),
    ],
    [
      "its caller takes part no longer",
      ({ ann, conversationId }) => ann.participants.removeParticipant({ conversationId, memberId: "bob" }),
    ],
    [
      "its caller is shut out",
      ({ tenant }) => query("update member set delete_time = now() where tenant_id = $1 and id = $2", tenant.id, "bob"),
    ],
    ["the agent is removed", ({ key, agentId }) => key.agents.deleteAgent({ agentId })],
    [
      "its message is deleted",
      async ({ key, conversationId }) => {
        const { messages } = await key.messages.listMessages({ conversationId });
        await key.messages.deleteMessage({ messageId: messages.at(-1)?.id ?? "" });
      },
    ],
  ])("%s", async (_, change) => {
    const scene = await running();
    const { tenant } = scene;
    const waiting = scene.chat(scene.bob, TurnPolicy.QUEUE);
    const states = async () =>
      (
        await query<{ state: number }>("select state from turn where tenant_id = $1 order by message_seq", tenant.id)
      ).map((row) => row.state);
    await expect.poll(states).toEqual([TurnState.RUNNING, TurnState.QUEUED]);
    await change(scene);
    await expect.poll(async () => (await states())[1], { timeout: 45_000 }).toBe(TurnState.CANCELLED);
    scene.release.resolve();
    await Promise.all([waiting, scene.heard]);
    expect(openai.calls.length - scene.asked).toBe(1);
  });
});
