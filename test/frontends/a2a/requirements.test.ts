// What A2A 1.0 says a server MUST do, by its sections: a table, over each binding, with the official client where it
// lets one ask. What is left out is not served (card signatures, extensions) or said by tasks.test.ts.
import { randomUUID } from "node:crypto";
import type { Client } from "@a2a-js/sdk/client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { A2AService } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { a2aClient, all, BINDINGS, message, postA2a, replyOf, toldOf } from "../../support/fronts/a2a.ts";
import { type Any, type ChatServer, calls, pauses, says, startChats } from "../../support/fronts/ai-sdk.ts";

let chats: ChatServer;
const clients = new Map<string, Client>();
beforeAll(async () => {
  chats = await startChats([{ name: "act", runs: { case: "client", value: {} } }], { COLLOQUY_COMPAT: "a2a" });
  for (const binding of BINDINGS) clients.set(binding, await a2aClient(chats.server.url, chats.credential, binding));
});
beforeEach(() => {
  chats.script.length = 0;
});
afterAll(() => chats.close());

type Send = Parameters<typeof message>;
const send = async (client: Client, ...sent: Send) => (await client.sendMessage(message(...sent))) as Any;
const get = async (client: Client, id: string, historyLength?: number) =>
  (await client.getTask({ tenant: "", id, historyLength } as never)) as Any;
const list = async (client: Client, contextId: string, more = {}) =>
  (await client.listTasks({ tenant: "", contextId, status: 0, pageToken: "", ...more } as never)) as Any;
const cancel = (client: Client, id: string) => client.cancelTask({ tenant: "", id, metadata: undefined } as never);
const subscribe = (client: Client, id: string) => all(client.resubscribeTask({ tenant: "", id }));
const [SUBMITTED, WORKING, COMPLETED, CANCELED, INPUT_REQUIRED] = [1, 2, 3, 5, 6];
const error = (name: string) => ({ name: `${name}Error` });

/** Requirements: the section, what it asks, and the check. */
const REQUIREMENTS: readonly (readonly [string, string, (client: Client) => Promise<void>])[] = [
  [
    "3.1.1",
    "a message returns a task or a message, with its context",
    async (client) => {
      const task = await send(client, "Hi");
      expect(task).toMatchObject({
        id: expect.any(String),
        contextId: expect.stringMatching(/./),
        status: { state: COMPLETED },
      });
    },
  ],
  [
    "3.1.1",
    "a message to a task that has ended is refused",
    async (client) => {
      const { id } = await send(client, "Hi");
      await expect(send(client, "More", { taskId: id })).rejects.toMatchObject(error("UnsupportedOperation"));
    },
  ],
  [
    "3.1.1",
    "no media type is refused that the card lists, and the card lists all",
    async (client) => {
      const sent = message("What is it?");
      sent.message?.parts.push({
        content: { $case: "raw", value: Buffer.from("tck") },
        metadata: undefined,
        filename: "",
        mediaType: "audio/x-none",
      } as never);
      expect(((await client.sendMessage(sent)) as Any).status.state).toBe(COMPLETED);
      const card = await client.getAgentCard();
      expect(card.defaultInputModes).toEqual(
        expect.arrayContaining(["text/*", "image/*", "audio/*", "video/*", "application/*"]),
      );
    },
  ],
  [
    "3.1.2",
    "a stream begins with the task and closes when that has ended",
    async (client) => {
      const told = toldOf(await all(client.sendMessageStream(message("Hi"))));
      expect(told[0]).toMatch(/^task /);
      expect(told.at(-1)).toBe(`status ${COMPLETED}`);
    },
  ],
  [
    "3.1.3",
    "a task is returned as it is now",
    async (client) => {
      const task = await send(client, "Hi");
      const now = await get(client, task.id);
      expect([now.id, now.status.state, replyOf(now)]).toEqual([task.id, COMPLETED, "Hello"]);
    },
  ],
  [
    "3.1.3",
    "a task that is not there is not found",
    async (client) => {
      for (const id of [randomUUID(), "none"])
        await expect(get(client, id)).rejects.toMatchObject(error("TaskNotFound"));
    },
  ],
  [
    "3.1.4",
    "a list goes on by its cursor, the latest status first, and its last page has an empty one",
    async (client) => {
      const contextId = randomUUID();
      const ids: string[] = [];
      for (let n = 0; n < 3; n++) ids.unshift((await send(client, `${n}`, { contextId })).id);
      const first = await list(client, contextId, { pageSize: 2 });
      const second = await list(client, contextId, { pageSize: 2, pageToken: first.nextPageToken });
      expect([...first.tasks, ...second.tasks].map(({ id }: Any) => id)).toEqual(ids);
      expect([first.nextPageToken === "", second.nextPageToken, second.totalSize]).toEqual([false, "", 3]);
    },
  ],
  [
    "3.1.4",
    "without a context, a list has the tasks of all contexts that the caller sees, each with its own, and no others",
    async (client) => {
      const contexts = [randomUUID(), randomUUID()];
      const ids: string[] = [];
      for (const contextId of contexts) ids.unshift((await send(client, "Hi", { contextId })).id);
      const seen = ({ tasks }: Any) => tasks.map((task: Any) => [task.id, task.contextId]);
      const first = await list(client, "", { pageSize: 1 });
      const second = await list(client, "", { pageSize: 1, pageToken: first.nextPageToken });
      expect([...seen(first), ...seen(second)]).toEqual(ids.map((id, at) => [id, contexts[1 - at]]));
      expect(seen(await list(client, "", { status: CANCELED }))).not.toContainEqual([ids[0], contexts[1]]);
      const name = randomUUID();
      await chats.tenant.addMember(name);
      const stranger = await chats.tenant.token(name);
      const { body } = await postA2a(chats.server.url, stranger, "ListTasks", {});
      expect(body.result).toMatchObject({ tasks: [], totalSize: 0 });
    },
  ],
  [
    "3.1.5",
    "a cancelled task says so, and one that has ended cannot be cancelled",
    async (client) => {
      const { call, asked } = pauses([{ text: "One" }]);
      chats.script.push(call);
      const sent = { ...message("Hi"), configuration: { returnImmediately: true } } as never;
      const { id } = (await client.sendMessage(sent)) as Any;
      await asked;
      expect(((await cancel(client, id)) as Any).status.state).toBe(CANCELED);
      const done = await send(client, "Hi");
      await expect(cancel(client, done.id)).rejects.toMatchObject(error("TaskNotCancelable"));
      await expect(cancel(client, randomUUID())).rejects.toMatchObject(error("TaskNotFound"));
    },
  ],
  [
    "3.1.6",
    "a subscription begins with the task, and all of them get the same until it ends, whoever leaves",
    async (client) => {
      const { call, asked, goOn } = pauses([{ text: "One" }], [{ text: " two" }]);
      chats.script.push(call);
      const { id } = (await client.sendMessage({
        ...message("Hi"),
        configuration: { returnImmediately: true },
      } as never)) as Any;
      await asked;
      const left = client.resubscribeTask({ tenant: "", id })[Symbol.asyncIterator]();
      await left.next();
      const both = [1, 2].map(() => client.resubscribeTask({ tenant: "", id }));
      const begun = await Promise.all(both.map((one) => one.next()));
      await left.return?.(undefined);
      goOn();
      const rest = await Promise.all(both.map((one) => all(one)));
      const [one = [], other] = rest.map((updates, at) => toldOf([begun[at]?.value as never, ...updates]));
      expect(one).toEqual(other);
      expect([one[0]?.slice(0, 6), one.at(-1)]).toEqual([`task ${WORKING}`, `status ${COMPLETED}`]);
    },
  ],
  [
    "3.1.6",
    "a subscription to what has ended, or is not there, is refused",
    async (client) => {
      const { id } = await send(client, "Hi");
      await expect(subscribe(client, id)).rejects.toMatchObject(error("UnsupportedOperation"));
      await expect(subscribe(client, randomUUID())).rejects.toMatchObject(error("TaskNotFound"));
    },
  ],
  [
    "3.2.2",
    "a send waits until the task has ended or waits for input; with returnImmediately it does not",
    async (client) => {
      chats.script.push(says(calls("c1", "act")));
      expect((await send(client, "Hi")).status.state).toBe(INPUT_REQUIRED);
      const { call, asked, goOn } = pauses([{ text: "One" }]);
      chats.script.push(call);
      const { id, status } = (await client.sendMessage({
        ...message("Hi"),
        configuration: { returnImmediately: true },
      } as never)) as Any;
      expect([SUBMITTED, WORKING]).toContain(status.state);
      await asked;
      goOn();
      await expect.poll(async () => (await get(client, id)).status.state).toBe(COMPLETED);
    },
  ],
  [
    "3.2.4",
    "a history is never longer than it was asked for, and in order",
    async (client) => {
      const { id } = await send(client, "Hi");
      const texts = async (length?: number) =>
        (await get(client, id, length)).history.map(({ parts }: Any) => parts[0].content.value);
      expect([await texts(), await texts(1), await texts(0)]).toEqual([["Hi", "Hello"], ["Hello"], []]);
    },
  ],
  [
    "3.4.1",
    "a client's context is kept",
    async (client) => {
      const contextId = `ctx-${randomUUID()}`;
      expect((await send(client, "Hi", { contextId })).contextId).toBe(contextId);
    },
  ],
  [
    "3.4.2",
    "each task has an id of its own; one that is not there is not found",
    async (client) => {
      expect((await send(client, "Hi")).id).not.toBe((await send(client, "Hi")).id);
      await expect(send(client, "Hi", { taskId: randomUUID() })).rejects.toMatchObject(error("TaskNotFound"));
    },
  ],
  [
    "3.4.3",
    "the context follows from the task, and another one is refused",
    async (client) => {
      chats.script.push(says(calls("c1", "act")));
      const task = await send(client, "Hi");
      const answer = [{ data: { toolCallId: "c1", output: 1 } }];
      await expect(send(client, answer, { taskId: task.id, contextId: randomUUID() })).rejects.toThrow();
      const done = await send(client, answer, { taskId: task.id });
      expect([done.id, done.contextId, done.status.state]).toEqual([task.id, task.contextId, COMPLETED]);
    },
  ],
];

describe.each(BINDINGS)("over %s", (binding) => {
  test.each(REQUIREMENTS)("§%s %s", (_, __, check) => check(clients.get(binding) as Client));
});

describe("the bindings", () => {
  const http = (path: string, init: RequestInit = {}) =>
    fetch(`${chats.server.url}${path}`, {
      ...init,
      headers: { ...chats.credential, "a2a-version": "1.0", ...init.headers },
    });

  test("F-A2A-LIST, F-A2A-HISTORY: §3.1.4 a list names no artifacts that it was not asked for, and always its cursor", async () => {
    const contextId = randomUUID();
    const { body: empty } = await postA2a(chats.server.url, chats.credential, "ListTasks", { contextId });
    expect(empty.result).toEqual({ tasks: [], nextPageToken: "", totalSize: 0, pageSize: 50 });
    await send(clients.get("JSONRPC") as Client, "Hi", { contextId });
    const { body } = await postA2a(chats.server.url, chats.credential, "ListTasks", { contextId });
    const rest = (await (await http(`/a2a/tasks?contextId=${contextId}`)).json()) as Any;
    for (const page of [body.result, rest]) {
      expect(page).toMatchObject({ nextPageToken: "", totalSize: 1, pageSize: 50 });
      expect(page.tasks[0]).not.toHaveProperty("artifacts");
      expect(page.tasks[0]).not.toHaveProperty("history");
    }
  });

  test.each([
    ["", 400],
    ["0.3", 400],
    ["2.0", 400],
    ["1.0", 404],
    ["1.0.7", 404],
  ])("§3.6.2 version %j: %i", async (version, status) => {
    const response = await http("/a2a/tasks/none", { headers: { "a2a-version": version } });
    const { error: told } = (await response.json()) as Any;
    const reason = status === 400 ? "VERSION_NOT_SUPPORTED" : "TASK_NOT_FOUND";
    expect([response.status, told.details[0].reason]).toEqual([status, reason]);
  });

  test("§3.3.4 whatever is asked about push notifications is refused as not supported, as the card says", async () => {
    const { server, credential } = chats;
    const config = { taskId: randomUUID(), id: "p", url: "https://example.com/" };
    const sent = { message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "Hi" }] } };
    const asking = { ...sent, configuration: { taskPushNotificationConfig: { url: config.url } } };
    const methods = ["Create", "Get", "Delete"].map((verb) => `${verb}TaskPushNotificationConfig`);
    for (const method of [...methods, "ListTaskPushNotificationConfigs", "SendMessage"]) {
      const { body } = await postA2a(server.url, credential, method, method === "SendMessage" ? asking : config);
      expect([method, body.error.code]).toEqual([method, -32003]);
    }
    const path = `/a2a/tasks/${config.taskId}/pushNotificationConfigs`;
    const json = { "content-type": "application/json" };
    const asked = [
      http(path),
      http(`${path}/p`),
      http(`${path}/p`, { method: "DELETE" }),
      http(path, { method: "POST", body: JSON.stringify({ url: config.url }), headers: json }),
      http("/a2a/message:send", { method: "POST", body: JSON.stringify(asking), headers: json }),
    ];
    for (const response of await Promise.all(asked)) {
      const { error: told } = (await response.json()) as Any;
      expect([response.status, told.details[0].reason]).toEqual([400, "PUSH_NOTIFICATION_NOT_SUPPORTED"]);
    }
    const grpc = server.client(A2AService, { ...credential, "a2a-version": "1.0" } as never, "grpc");
    for (const ask of [
      () => grpc.createTaskPushNotificationConfig(config),
      () => grpc.getTaskPushNotificationConfig(config),
      () => grpc.listTaskPushNotificationConfigs(config),
      () => grpc.deleteTaskPushNotificationConfig(config),
    ])
      await expect(ask()).rejects.toThrow("push notifications are not served");
    const card = (await (await http("/a2a/default/.well-known/agent-card.json")).json()) as Any;
    expect(card.capabilities.pushNotifications ?? false).toBe(false);
  });

  test("§11.6 errors of HTTP+JSON have code, status, message and an ErrorInfo", async () => {
    const response = await http("/a2a/tasks/none");
    const type = "type.googleapis.com/google.rpc.ErrorInfo";
    const details = [{ "@type": type, reason: "TASK_NOT_FOUND", domain: "a2a-protocol.org" }];
    const told = { code: 404, status: "NOT_FOUND", message: "task not found", details };
    expect([response.status, await response.json()]).toEqual([404, { error: told }]);
    const push = await http("/a2a/tasks/none/pushNotificationConfigs");
    expect([push.status, ((await push.json()) as Any).error.details[0].reason]).toEqual([
      400,
      "PUSH_NOTIFICATION_NOT_SUPPORTED",
    ]);
  });

  test("§8 the card has what it must, and a tag", async () => {
    const response = await http("/a2a/default/.well-known/agent-card.json");
    const card = (await response.json()) as Any;
    const required = [
      "name",
      "description",
      "version",
      "supportedInterfaces",
      "capabilities",
      "skills",
      "defaultInputModes",
      "defaultOutputModes",
    ];
    for (const field of required) expect(card[field]).toBeTruthy();
    for (const one of card.supportedInterfaces)
      expect(one).toMatchObject({
        url: expect.any(String),
        protocolBinding: expect.any(String),
        protocolVersion: "1.0",
      });
    const again = await http("/a2a/default/.well-known/agent-card.json");
    expect(again.headers.get("etag")).toBe(response.headers.get("etag"));
    expect(again.headers.get("etag")).toMatch(/^".+"$/);
  });
});
