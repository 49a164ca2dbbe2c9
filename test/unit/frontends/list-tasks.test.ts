// What a list of A2A's tasks reads: turns, and of those that wait one entry each, however much they hold.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { type Turn, TurnSchema, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { ListTasksRequestSchema, TaskSchema } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { listTasks } from "../../../src/frontends/a2a/list.ts";
import type { Operations } from "../../../src/frontends/a2a/operations.ts";
import type { CallContext } from "../../../src/pipeline/call/call.ts";
import type { Canonical } from "../../../src/services/in-process/in-process.ts";

test("waiting tasks are ordered by the last call that they wait for, of which one entry is read each", async () => {
  const turns = [3, 1, 2].map((at) =>
    create(TurnSchema, {
      id: `turn-${at}`,
      conversationId: "c",
      state: TurnState.INPUT_REQUIRED,
      createTime: timestampFromMs(0),
      awaited: [{ messageId: "early" }, { messageId: `call-${at}` }],
    }),
  );
  const called: string[] = [];
  const canonical = {
    async call(_: CallContext, { name }: { name: string }, { messageId }: { messageId?: string }) {
      called.push(name);
      if (name === "ListTurns") return { turns, nextPageToken: "" };
      if (name === "BatchGetConversations") return { conversations: [], remainingIds: [] };
      const createTime = timestampFromMs(Number(messageId?.at(-1)) * 1000);
      return { message: create(MessageSchema, { id: messageId ?? "", createTime }) };
    },
  } as unknown as Canonical;
  const given: number[] = [];
  const operations = {
    findTurn: async (id: string) => turns.find((turn) => turn.id === id),
    async task({ id, awaited }: Turn) {
      given.push(awaited.length);
      return create(TaskSchema, { id });
    },
  } as unknown as Operations;
  const principal = { kind: "member", tenantId: "t", memberId: "ann", role: "member" };
  const parts = { operations, secrets: async () => Buffer.alloc(32) };
  const request = create(ListTasksRequestSchema, { pageSize: 2 });
  const { tasks, nextPageToken } = await listTasks(
    canonical,
    { principal } as unknown as CallContext,
    parts as never,
    request,
  );
  expect(tasks.map(({ id }) => id)).toEqual(["turn-3", "turn-2"]);
  expect(given).toEqual([2, 2]);
  expect(nextPageToken).not.toBe("");
  expect(called.toSorted()).toEqual(["BatchGetConversations", "GetMessage", "GetMessage", "GetMessage", "ListTurns"]);
});
