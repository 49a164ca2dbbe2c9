// Retries of the client: which request id a call gets, and keeps.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { MessageService, SendMessageRequestSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { type RetryOptions, retrying } from "../../../src/client/retry.ts";

/** A client whose calls fail as often as told, and the request ids that the server saw. */
function clientOf(failures: number, options: RetryOptions = { initialMs: 1 }) {
  const ids: string[] = [];
  const transport = createRouterTransport(
    ({ rpc }) => {
      rpc(MessageService.method.sendMessage, ({ requestId }) => {
        ids.push(requestId);
        if (ids.length <= failures) throw new ConnectError("away", Code.Unavailable);
        return {};
      });
    },
    { transport: { interceptors: [retrying(options)] } },
  );
  return { ids, messages: createClient(MessageService, transport) };
}

test("a call keeps its request id from try to try", async () => {
  const { ids, messages } = clientOf(2);
  await messages.sendMessage({ conversationId: "c" });
  expect(ids).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), ids[0], ids[0]]);
});

test("one message that is sent twice is two calls, each with an id of its own, and is left as it was", async () => {
  const { ids, messages } = clientOf(0);
  const request = create(SendMessageRequestSchema, { conversationId: "c" });
  await messages.sendMessage(request);
  await messages.sendMessage(request);
  expect(new Set(ids).size).toBe(2);
  expect(request.requestId).toBe("");
});

test("an id that the caller gives is the call's", async () => {
  const { ids, messages } = clientOf(1);
  await messages.sendMessage({ conversationId: "c", requestId: "mine" });
  expect(ids).toEqual(["mine", "mine"]);
});

test("a call is tried again as often as its time allows, not a number of times", async () => {
  const { ids, messages } = clientOf(40, { initialMs: 0, maxMs: 1 });
  await messages.sendMessage({ conversationId: "c" });
  expect(ids).toHaveLength(41);
});

test("a call whose time is used up fails with the failure, before a pause that would outlast it", async () => {
  const { ids, messages } = clientOf(Number.POSITIVE_INFINITY, { initialMs: 1_000_000, maxMs: 1_000_000, budgetMs: 1 });
  await expect(messages.sendMessage({ conversationId: "c" })).rejects.toMatchObject({ code: Code.Unavailable });
  expect(ids.length).toBeLessThan(3);
});

test("a number of retries holds too", async () => {
  const { ids, messages } = clientOf(Number.POSITIVE_INFINITY, { initialMs: 0, retries: 2 });
  await expect(messages.sendMessage({ conversationId: "c" })).rejects.toMatchObject({ code: Code.Unavailable });
  expect(ids).toHaveLength(3);
});
