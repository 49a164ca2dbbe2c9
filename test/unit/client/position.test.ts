// What the client tells servers of what it has seen, whatever calls are under way at once.
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { EventService } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ReadPosition } from "../../../src/client/position.ts";

const HEADER = "colloquy-position";
const at = (lsn: number, branch = "a") => `${branch.repeat(16)}-${String(lsn).padStart(16, "0")}`;

/** Reads are answered when the test says so, each with the position that it is given. */
function start() {
  const position = new ReadPosition();
  const sent: (string | null)[] = [];
  const open: ((told: string) => void)[] = [];
  const transport = createRouterTransport(
    ({ rpc }) => {
      rpc(MessageService.method.listMessages, async (_, { requestHeader, responseHeader }) => {
        sent.push(requestHeader.get(HEADER));
        responseHeader.set(HEADER, await new Promise<string>((tell) => open.push(tell)));
        return {};
      });
      rpc(MessageService.method.sendMessage, ({ conversationId }, { requestHeader, responseHeader }) => {
        sent.push(requestHeader.get(HEADER));
        if (conversationId === "lost") throw new ConnectError("lost", Code.Unavailable);
        if (conversationId !== "plain") responseHeader.set(HEADER, "latest");
        return {};
      });
      rpc(EventService.method.subscribe, async function* (_, { requestHeader }) {
        sent.push(requestHeader.get(HEADER));
        yield {};
      });
    },
    { transport: { interceptors: [position.interceptor] } },
  );
  const messages = createClient(MessageService, transport);
  const read = async (told: string) => {
    const reading = messages.listMessages({});
    await expect.poll(() => open.length).toBe(1);
    open.shift()?.(told);
    await reading;
    return sent.at(-1);
  };
  const send = (conversationId = "") => messages.sendMessage({ conversationId }).catch(() => {});
  return { position, sent, open, messages, read, send, events: createClient(EventService, transport) };
}

test("F-REPLICA: it sends back what it was told last, and nothing to a server that tells nothing", async () => {
  const { send, sent, read } = start();
  await send("plain");
  await send("plain");
  expect(sent).toEqual([null, null]);
  expect(await read("latest")).toBeNull();
  expect(await read(at(5))).toBe("latest");
  expect(await read(at(7))).toBe(at(5));
  expect(await read(at(6)), "of another replica").toBe(at(7));
  expect(await read(at(9, "b")), "after a failover").toBe(at(7));
  expect(await read(at(9, "b"))).toBe("latest");
  expect(await read(at(9, "b"))).toBe(at(9, "b"));
});

test("after a change, news of elsewhere or a stream, it asks for what is newest", async () => {
  const { position, send, sent, read, events } = start();
  await read("latest");
  let lsn = 0;
  for (const [what, act] of Object.entries({
    change: () => send(),
    "a change whose outcome is not known": () => send("lost"),
    "what was told otherwise": async () => position.forget(),
    stream: async () => {
      for await (const _ of events.subscribe({})) sent.pop();
    },
  })) {
    lsn++;
    await read(at(lsn));
    expect([what, await read(at(lsn))]).toEqual([what, at(lsn)]);
    await act();
    expect([what, await read(at(lsn))]).toEqual([what, "latest"]);
  }
});

test("a read that began before a change says nothing of what is there after it", async () => {
  const { messages, open, send, read } = start();
  await read("latest");
  await read(at(5));
  const early = messages.listMessages({});
  await expect.poll(() => open.length).toBe(1);
  await send();
  open.shift()?.(at(5));
  await early;
  expect(await read(at(8))).toBe("latest");
  expect(await read(at(8))).toBe(at(8));
});
