// Retries of the client: which request id a call gets, and keeps.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { MessageService, SendMessageRequestSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { retrying } from "../../../src/client/retry.ts";

/** A client whose calls fail as often as told, and the request ids that the server saw. */
function clientOf(failures: number) {
  const ids: string[] = [];
  const transport = createRouterTransport(
    ({ rpc }) => {
      rpc(MessageService.method.sendMessage, ({ requestId }) => {
        ids.push(requestId);
        if (ids.length <= failures) throw new ConnectError("away", Code.Unavailable);
        return {};
      });
    },
    { transport: { interceptors: [retrying({ initialMs: 1 })] } },
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
