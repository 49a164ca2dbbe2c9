// What a model's endpoint gets of the items that a caller sends, whichever way they come.
import type { ResponseInputItem } from "openai/resources/responses/responses";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ModelScene, responds, says, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
  scene.upstream.answer = (response, { path }) =>
    (path.endsWith("/responses") ? responds([SPOKEN], []) : says("ok"))(response);
});

const SPOKEN = { type: "message", id: "m", role: "assistant", content: [{ type: "output_text", text: "ok" }] };

type Item = Readonly<Record<string, unknown>>;

/** What the endpoint was asked last. */
const asked = (): Item[] => {
  const { body = {} } = scene.upstream.calls.at(-1) ?? {};
  return (body.input ?? body.messages) as Item[];
};
const user = (content: unknown) => ({ type: "message", role: "user", content });
const told = (text: string) => user([{ type: "input_text", text }]);
const spoken = { type: "message", role: "assistant", content: [{ type: "output_text", text: "Then." }] };

const WAYS: Readonly<Record<string, (model: string, items: readonly object[]) => Promise<unknown>>> = {
  async "as the input of a response that is not stored"(model, items) {
    return scene.client.responses.create({ model, store: false, input: items as ResponseInputItem[] });
  },
  async "as items of a conversation"(model, items) {
    const { id } = await scene.client.conversations.create({ items: items.slice(0, 1) as never });
    await scene.client.conversations.items.create(id, { items: items.slice(1, -1) as never });
    return scene.client.responses.create({ model, conversation: id, input: items.slice(-1) as ResponseInputItem[] });
  },
};

async function ask(model: string, ...items: readonly object[]): Promise<Item[]> {
  await scene.client.responses.create({ model, store: false, input: items as ResponseInputItem[] });
  return asked();
}

/** A call, and what the endpoint gets as its output. */
async function askWithOutput(model: string, output: unknown): Promise<unknown> {
  const call = { type: "function_call", call_id: "call_1", name: "look", arguments: "{}" };
  const items = await ask(model, told("Hi"), call, { type: "function_call_output", call_id: "call_1", output });
  const { output: sent, content } = items.find((one) => one.role === "tool" || one.output !== undefined) ?? {};
  return sent ?? content;
}

/** What a provider's own tools did. */
const FINISHED: readonly Item[] = [
  { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
  { type: "file_search_call", id: "fs_1", status: "completed", queries: ["a"], results: [{ file_id: "f", text: "t" }] },
  {
    type: "code_interpreter_call",
    id: "ci_1",
    status: "completed",
    container_id: "cn",
    code: "print(1)",
    outputs: [{ type: "logs", logs: "1" }],
  },
  { type: "image_generation_call", id: "ig_1", status: "completed", result: "AAAA" },
  { type: "mcp_call", id: "mcp_1", server_label: "s", name: "t", arguments: "{}", output: "x" },
  { type: "tool_search_call", id: "tsc_1", call_id: "call_s", execution: "server", status: "completed", arguments: {} },
  { type: "tool_search_output", id: "tso_1", call_id: "call_s", execution: "server", status: "completed", tools: [] },
  {
    type: "shell_call",
    id: "sh_1",
    call_id: "call_sh",
    status: "completed",
    action: { commands: ["ls"], max_output_length: null, timeout_ms: null },
    environment: { type: "container_reference", container_id: "cn" },
  },
  {
    type: "shell_call_output",
    id: "sho_1",
    call_id: "call_sh",
    status: "completed",
    output: [{ stdout: "a", stderr: "", outcome: { type: "exit", exit_code: 0 } }],
  },
  {
    type: "computer_call",
    id: "cu_1",
    call_id: "call_cu",
    status: "completed",
    action: { type: "screenshot" },
    pending_safety_checks: [],
  },
  {
    type: "computer_call_output",
    id: "cuo_1",
    call_id: "call_cu",
    status: "completed",
    output: { type: "computer_screenshot", image_url: "https://a.example/s.png" },
  },
  { type: "local_shell_call", id: "lsh_1", call_id: "call_l", status: "completed", action: { type: "exec" } },
  { type: "local_shell_call_output", id: "call_l", status: "completed", output: "x" },
];

/** Endpoints know the results that a caller made by the ids of their calls. */
function asResultsGo(item: Item): Item {
  const { id: _, ...rest } = item;
  return String(item.type).endsWith("_output") && item.call_id !== undefined ? rest : item;
}

describe.each(Object.entries(WAYS))("what a provider's tools did, %s", (_, send) => {
  test("goes to Responses as it came, with nothing beside it", async () => {
    await send("thinker", [told("Hi"), ...FINISHED, spoken, told("Go on")]);
    expect(asked()).toEqual([told("Hi"), ...FINISHED, spoken, told("Go on")].map(asResultsGo));
  });

  test("is nothing that Chat Completions are told of", async () => {
    await send("gpt-x", [told("Hi"), ...FINISHED, spoken, told("Go on")]);
    expect(asked()).toEqual([
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Then." },
      { role: "user", content: "Go on" },
    ]);
  });
});

const SUNNY = { type: "input_text", text: "sunny" };
const WARM = { type: "input_text", text: "warm" };
const NAMED = { type: "input_image", file_id: "file-abc", detail: "low" };

describe("a list that is the output of a tool", () => {
  test.each<[what: string, output: readonly Item[], words: string]>([
    ["one text", [SUNNY], "sunny"],
    ["two texts", [SUNNY, WARM], "sunny\nwarm"],
    [
      "a part of a type that nobody knows",
      [SUNNY, { type: "input_smell", smell: 1 }],
      'sunny\n{"type":"input_smell","smell":1}',
    ],
  ])("stays one for Responses, and is text for Chat Completions: %s", async (_, output, words) => {
    expect(await askWithOutput("thinker", output)).toEqual(output);
    expect(await askWithOutput("gpt-x", output)).toEqual(words);
  });

  test("says another's file by the id that it has there", async () => {
    expect(await askWithOutput("thinker", [NAMED, SUNNY])).toEqual([NAMED, SUNNY]);
    expect(await askWithOutput("gpt-x", [NAMED, SUNNY])).toBe("sunny\n(Its files follow in the next message.)");
  });

  test("keeps its texts beside a picture in place", async () => {
    const picture = { type: "input_image", image_url: "https://a.example/p.png", detail: "low" };
    expect(await askWithOutput("thinker", [SUNNY, picture])).toEqual([SUNNY, picture]);
    const said = { type: "output_text", text: "warm" };
    expect(await askWithOutput("thinker", [said, picture])).toEqual([WARM, picture]);
  });
});

describe("a picture", () => {
  test.each<[what: string, picture: Item]>([
    ["that another names", { type: "input_image", file_id: "file-abc123", detail: "high" }],
    [
      "whose address does not tell that it is one",
      { type: "input_image", image_url: "https://a.example/x", detail: "auto" },
    ],
  ])("%s is one to Responses", async (_, picture) => {
    expect((await ask("thinker", user([picture]))).at(-1)).toEqual(user([picture]));
  });

  test("whose address does not tell that it is one is one to Chat Completions", async () => {
    const url = "https://a.example/x";
    const [message] = await ask("gpt-x", user([{ type: "input_image", image_url: url, detail: "low" }]));
    expect(message?.content).toEqual([{ type: "image_url", image_url: { url, detail: "low" } }]);
  });
});

describe("a recording", () => {
  const recording = { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } };

  test("goes to Chat Completions", async () => {
    expect(await ask("gpt-x", user([recording]))).toEqual([{ role: "user", content: [recording] }]);
  });

  test("is named to Responses, which take none", async () => {
    expect(await ask("thinker", user([recording]))).toEqual([told("(A recording, audio/wav: not told here.)")]);
  });
});

describe("what stands beside an item's text", () => {
  const PHASED = { ...spoken, phase: "commentary" };
  const call = { type: "function_call", call_id: "call_1", name: "look", arguments: "{}", namespace: "eyes" };
  const output = { type: "function_call_output", call_id: "call_1", output: "a cat" };

  test("the phase of a message and the namespace of a call go to Responses as they came", async () => {
    const items = [told("Hi"), PHASED, call, output, told("And?")];
    expect(await ask("thinker", ...items)).toEqual(items);
  });

  test("those that a model gave are in the output, in events, in the conversation, and go back", async () => {
    const { client, upstream } = scene;
    const said = (id: string, text: string, phase: string, index: number) => {
      const item = { type: "message", id, role: "assistant", status: "completed", phase };
      const content = [{ type: "output_text", text, annotations: [] }];
      return [
        { type: "response.output_item.added", output_index: index, item: { ...item, content: [] } },
        { type: "response.output_text.delta", item_id: id, output_index: index, content_index: 0, delta: text },
        { type: "response.output_item.done", output_index: index, item: { ...item, content } },
      ];
    };
    const made = { ...call, id: "fc_1", status: "completed" };
    const events = [
      ...said("msg_1", "Looking.", "commentary", 0),
      ...said("msg_2", "Found.", "final_answer", 1),
      { type: "response.output_item.done", output_index: 2, item: made },
    ];
    upstream.answer = responds([], events);
    const { id: conversation } = await client.conversations.create();
    const streamed = await client.responses.create({ model: "thinker", conversation, input: "Hi", stream: true });
    const ended = (await Array.fromAsync(streamed)).flatMap((one) =>
      one.type === "response.output_item.done" ? [one.item] : [],
    );
    const phases = (items: readonly object[]) =>
      items.map(
        (one) => (one as { phase?: string; namespace?: string }).phase ?? (one as { namespace?: string }).namespace,
      );
    expect(phases(ended)).toEqual(["commentary", "final_answer", "eyes"]);
    const page = await client.conversations.items.list(conversation, { order: "asc" });
    expect(phases(page.data)).toEqual([undefined, "commentary", "final_answer", "eyes"]);
    upstream.answer = responds([SPOKEN], []);
    await client.responses.create({ model: "thinker", conversation, input: [output] as never });
    expect(phases(asked())).toEqual([undefined, "commentary", "final_answer", "eyes", undefined]);
  });
});
