// Random work on branches, held against a tree of parents in memory.
import { afterAll, beforeAll, expect, test } from "vitest";
import { exported, imported } from "../support/calls/transfer.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

interface Entry {
  readonly id: string;
  readonly seq: bigint;
  readonly text: string;
  readonly parent: Entry | undefined;
  deleted: boolean;
}

/** What a conversation holds, the slow way. */
class Model {
  readonly entries: Entry[] = [];
  tip: Entry | undefined;

  add(entry: Entry): void {
    this.entries.push(entry);
    this.tip = entry;
  }

  path(tip = this.tip): Entry[] {
    const found: Entry[] = [];
    for (let at = tip; at !== undefined; at = at.parent) found.unshift(at);
    return found;
  }

  select(entry: Entry): void {
    if (this.path().includes(entry)) return;
    const under = this.entries.filter((other) => this.path(other).includes(entry));
    this.tip = under.at(-1);
  }

  shown(tip = this.tip): string[] {
    return this.path(tip).flatMap(({ text, deleted }) => (deleted ? [] : [text]));
  }
}

async function shownBy({ conversations, messages }: Clients, conversationId: string) {
  const { conversation } = await conversations.getConversation({ conversationId });
  const list = await messages.listMessages({ conversationId, pageSize: 200, includeTotalSize: true });
  const texts = list.messages.map(({ content }) => content);
  expect(list.totalSize).toBe(BigInt(texts.length));
  return { texts, count: conversation?.messageCount };
}

test.each([1, 2, 3])("random sends, parents, selections, deletions and forks are as in a tree (%i)", async (seed) => {
  let state = seed;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const tenant = await server.tenant("ann");
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const model = new Model();
  const any = () => model.entries[random(model.entries.length)];
  const send = async (parent: Entry | undefined, parentId: string) => {
    const text = `text-${model.entries.length}`;
    const { message } = await ann.messages.sendMessage({ conversationId, message: { content: text, parentId } });
    model.add({ id: message?.id ?? "", seq: message?.seq ?? 0n, text, parent, deleted: false });
  };
  for (let step = 0; step < 60; step++) {
    const entry = any();
    switch (entry === undefined ? 0 : random(6)) {
      case 1:
        if (entry !== undefined && !entry.deleted) await send(entry, entry.id);
        break;
      case 2:
        if (random(4) === 0) await send(undefined, conversationId);
        break;
      case 3:
        if (entry !== undefined && !entry.deleted) {
          await ann.messages.selectBranch({ conversationId, messageId: entry.id });
          model.select(entry);
        }
        break;
      case 4:
        if (entry !== undefined && random(2) === 0) {
          if (entry.deleted) await ann.messages.restoreMessage({ messageId: entry.id });
          else await ann.messages.deleteMessage({ messageId: entry.id });
          entry.deleted = !entry.deleted;
        }
        break;
      default:
        await send(model.tip, "");
    }
    const texts = model.shown();
    expect(await shownBy(ann, conversationId)).toEqual({ texts, count: BigInt(texts.length) });
  }
  for (const entry of [any(), any(), any()]) {
    if (entry === undefined) continue;
    const { conversation: fork } = await ann.conversations.forkConversation({ conversationId, seq: entry.seq });
    expect((await shownBy(ann, fork?.id ?? "")).texts).toEqual(model.shown(entry));
  }
  const leaves = model.entries.filter((entry) => !model.entries.some(({ parent }) => parent === entry));
  const tips = [...new Set([...leaves, ...(model.tip ? [model.tip] : [])])].map(({ id }) => id).toSorted();
  const { branches } = await ann.messages.listBranches({ conversationId, pageSize: 200 });
  expect(branches.map(({ messageId }) => messageId).toSorted()).toEqual(tips);
  expect(branches.filter(({ live }) => live).map(({ messageId }) => messageId)).toEqual([model.tip?.id]);

  const copy = await server.tenant("ann");
  const lines = await exported(tenant.key(), conversationId);
  expect((await imported(copy.key(), lines)).errors).toEqual([]);
  const texts = model.shown();
  expect(await shownBy(copy.member("ann"), conversationId)).toEqual({ texts, count: BigInt(texts.length) });
  const there = await copy.member("ann").messages.listBranches({ conversationId, pageSize: 200 });
  expect(there.branches).toEqual(branches);
});
