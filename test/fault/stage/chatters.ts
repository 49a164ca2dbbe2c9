// Callers that chat with an agent that says what it was told, over whatever breaks.
import { setTimeout as delay } from "node:timers/promises";
import { TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { ColloquyClient } from "../../../src/client/index.ts";
import type { Tenant } from "./database.ts";
import { failureOf } from "./outcome.ts";
import { patientClients } from "./wires.ts";

export async function startChatters(url: string, { headers }: Tenant, count: number) {
  const client = patientClients(url, headers);
  const connector = { case: "echo", value: { delay: { nanos: 5_000_000 } } } as const;
  await client.agents.createAgent({ agent: { name: "echo", connector } });
  const conversationIds = await Promise.all(Array.from({ length: count }, () => makeConversation(client)));
  const stop = new AbortController();
  const findings: string[] = [];
  let turns = 0;

  /** What was said in a conversation, and whether its turn is known to have ended well. */
  const told = new Map(conversationIds.map((id) => [id, [] as { content: string; complete: boolean | undefined }[]]));

  async function chat(conversationId: string, content: string): Promise<boolean | undefined> {
    const backoff = { initialMs: 20, maxMs: 500 };
    for await (const step of client.chat({ conversationId, content, backoff })) {
      if (step.kind !== "ended") continue;
      turns++;
      const complete = step.turn.state === TurnState.COMPLETE;
      if (complete && step.reply?.content !== content) {
        findings.push(`the reply to ${content} is ${step.reply?.content}`);
      }
      return complete;
    }
    return undefined;
  }

  const chatting = conversationIds.map(async (conversationId, chatter) => {
    for (let i = 0; !stop.signal.aborted; i++) {
      const content = `chatter ${chatter} says a few words in turn ${i}`;
      try {
        told.get(conversationId)?.push({ content, complete: await chat(conversationId, content) });
      } catch (error) {
        const { told: definite, definite: nothing, passing, why } = failureOf(error);
        if (!nothing) told.get(conversationId)?.push({ content, complete: undefined });
        if (definite && !passing && why !== "TURN_IN_PROGRESS") findings.push(`a turn was refused: ${why}`);
        await delay(50);
      }
    }
  });
  return {
    get turns() {
      return turns;
    },
    async stop() {
      stop.abort();
      await Promise.all(chatting);
    },
    /** What was said stands there once and in order, and each reply that was heard to its end stands there. */
    async findings(): Promise<string[]> {
      for (const [conversationId, said] of told) {
        const stored = await allTexts(client, conversationId);
        for (const { content, complete } of said) {
          const times = stored.filter((text) => text === content).length;
          // The agent says the same as its caller.
          if (complete === true && times !== 2) findings.push(`${content} and its reply stand there ${times} times`);
          if (complete === false && times < 1) findings.push(`${content} is not there`);
          if (times > 2) findings.push(`${content} stands there ${times} times`);
        }
      }
      return findings;
    },
  };
}

async function makeConversation({ conversations }: ColloquyClient): Promise<string> {
  const { conversation } = await conversations.createConversation({ conversation: { agent: "echo" } });
  return conversation?.id ?? "";
}

async function allTexts({ messages }: ColloquyClient, conversationId: string): Promise<string[]> {
  const texts: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await messages.listMessages({ conversationId, pageSize: 200, pageToken });
    texts.push(...page.messages.map(({ content }) => content));
    pageToken = page.nextPageToken;
    if (pageToken === "") return texts;
  }
}
