// What a model's endpoint gets of the items and parameters that a caller sends, whichever way they come.
import { readFile } from "node:fs/promises";
import type { ResponseInputItem } from "openai/resources/responses/responses";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { administer, urlOf } from "../../support/postgres/postgres.ts";
import { chunk, finishChat, type ModelScene, responds, says, startModelScene } from "./model-scene.ts";

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

test("what a tool has not made is null to Responses too, where its type has null", async () => {
  const unmade: Item[] = [
    { type: "code_interpreter_call", id: "ci_1", status: "failed", container_id: "cn", code: null, outputs: null },
    { type: "image_generation_call", id: "ig_1", status: "failed", result: null },
  ];
  expect(await ask("thinker", told("Hi"), ...unmade, told("Go on"))).toEqual([told("Hi"), ...unmade, told("Go on")]);
});

test("items before a conversation's first message go in their order", async () => {
  const call = { type: "function_call", call_id: "call_1", name: "look", arguments: "{}" };
  const output = { type: "function_call_output", call_id: "call_1", output: "a cat" };
  const image = { type: "image_generation_call", id: "ig_1", status: "completed", result: "AAAA" };
  const { id: conversation } = await scene.client.conversations.create();
  await scene.client.conversations.items.create(conversation, { items: [call, output, image] as never });
  await scene.client.responses.create({ model: "thinker", conversation, input: [told("Go on")] as never });
  expect(asked()).toEqual([call, output, image, told("Go on")]);
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
      { type: "response.output_item.added", output_index: 2, item: { ...made, status: "in_progress", arguments: "" } },
      { type: "response.output_item.done", output_index: 2, item: made },
    ];
    upstream.answer = responds([], events);
    const { id: conversation } = await client.conversations.create();
    const streamed = await client.responses.create({ model: "thinker", conversation, input: "Hi", stream: true });
    const told = await Array.fromAsync(streamed);
    const itemsOf = (type: string) => told.flatMap((one) => (one.type === type && "item" in one ? [one.item] : []));
    const phases = (items: readonly object[]) =>
      items.map(
        (one) => (one as { phase?: string; namespace?: string }).phase ?? (one as { namespace?: string }).namespace,
      );
    expect(phases(itemsOf("response.output_item.added"))).toEqual(["commentary", "final_answer", "eyes"]);
    expect(phases(itemsOf("response.output_item.done"))).toEqual(["commentary", "final_answer", "eyes"]);
    const page = await client.conversations.items.list(conversation, { order: "asc" });
    expect(phases(page.data)).toEqual([undefined, "commentary", "final_answer", "eyes"]);
    upstream.answer = responds([SPOKEN], []);
    await client.responses.create({ model: "thinker", conversation, input: [output] as never });
    expect(phases(asked())).toEqual([undefined, "commentary", "final_answer", "eyes", undefined]);
  });
});

/** What a request may have, each with a value; undefined: it is the server's own, and goes on to no model. */
const PARAMETERS: Readonly<Record<string, unknown>> = {
  access_programs: { cyber: "standard" },
  background: undefined,
  context_management: [{ type: "compaction", compact_threshold: 2000 }],
  conversation: undefined,
  image: { context_compression: "enabled" },
  include: ["reasoning.encrypted_content", "file_search_call.results"],
  input: undefined,
  instructions: "Be kind",
  max_output_tokens: 64,
  max_tool_calls: 3,
  metadata: undefined,
  model: "m-1",
  moderation: { model: "omni" },
  parallel_tool_calls: false,
  previous_response_id: undefined,
  prompt: { id: "pmpt_1", variables: { city: "Oslo" } },
  prompt_cache_key: "k",
  prompt_cache_options: { mode: "explicit" },
  prompt_cache_retention: "24h",
  reasoning: { effort: "low", summary: "auto" },
  safety_identifier: "s",
  service_tier: "flex",
  store: undefined,
  stream: undefined,
  stream_options: undefined,
  temperature: 0.25,
  text: { format: { type: "json_object" } },
  tool_choice: "required",
  tools: [{ type: "web_search" }],
  top_logprobs: 2,
  top_p: 0.5,
  truncation: undefined,
  user: "u",
};

describe("a parameter", () => {
  test("of the client's types is passed to Responses as it is, or is the server's own", async () => {
    const types = await readFile("node_modules/openai/resources/responses/responses.d.ts", "utf8");
    const [, body = ""] = /interface ResponseCreateParamsBase \{(.*?)\n\}/s.exec(types) ?? [];
    const names = [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name = "") => !(name in PARAMETERS))).toEqual([]);
    const passed = Object.entries(PARAMETERS).filter(([, value]) => value !== undefined);
    const parameters = { ...Object.fromEntries(passed), model: "thinker" } as never;
    await scene.client.responses.create({ ...(parameters as object), store: false, input: "Hi" });
    const { input: _, stream: __, store: ___, model: ____, ...sent } = scene.upstream.calls.at(-1)?.body ?? {};
    const { model: _____, ...wanted } = Object.fromEntries(passed);
    expect(sent).toEqual(wanted);
  });

  test.each([
    ["prompt", "pmpt_1", "must be an object"],
    ["context_management", { type: "compaction" }, "must be an array"],
  ])("%s of another form is refused", async (name, value, rule) => {
    const request = { model: "thinker", input: "Hi", [name]: value };
    await expect(scene.client.responses.create(request as never)).rejects.toMatchObject({
      status: 400,
      param: name,
      message: expect.stringContaining(rule),
    });
  });
});

describe("a custom tool", () => {
  const grammar = { syntax: "lark", definition: "start: /x/" };
  const tools = [{ type: "custom", name: "sh", description: "Runs", format: { type: "grammar", ...grammar } }];

  test("is one of Chat Completions too, and so is its call, both ways", async () => {
    const { client, upstream } = scene;
    upstream.answer = (response) => {
      const part = { index: 0, id: "call_1", type: "custom", custom: { name: "sh", input: "" } };
      chunk(response, { tool_calls: [part] });
      for (const input of ["ls", " {a}"]) chunk(response, { tool_calls: [{ index: 0, custom: { input } }] });
      finishChat(response, "tool_calls");
    };
    const choice = { type: "custom", name: "sh" };
    const request = { model: "gpt-x", tools, tool_choice: choice } as never as { model: string };
    const { id, output } = await client.responses.create({ ...request, input: "Hi" });
    expect(output).toMatchObject([{ type: "custom_tool_call", call_id: "call_1", name: "sh", input: "ls {a}" }]);
    expect(upstream.calls[0]?.body).toMatchObject({
      tools: [{ type: "custom", custom: { name: "sh", description: "Runs", format: { type: "grammar", grammar } } }],
      tool_choice: { type: "custom", custom: { name: "sh" } },
    });
    upstream.answer = says("ok");
    const answer = { type: "custom_tool_call_output", call_id: "call_1", output: "a cat" } as const;
    await client.responses.create({ ...request, previous_response_id: id, input: [answer] });
    expect(asked().slice(1)).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "custom", custom: { name: "sh", input: "ls {a}" } }],
      },
      { role: "tool", tool_call_id: "call_1", content: "a cat" },
    ]);
  });
});

describe("consent to a call of the provider's own MCP server", () => {
  const server = { type: "mcp", server_label: "wiki", server_url: "https://a.example", require_approval: "always" };
  const wanted = { type: "mcp_approval_request", id: "mcpr_1", server_label: "wiki", name: "ask", arguments: "{}" };
  const given = { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true };
  const request = { model: "thinker", tools: [server] } as never as { model: string };
  const input = [given] as ResponseInputItem[];

  /** What the endpoint gets of an answer to its question. */
  const CONSENTS: Readonly<Record<string, () => Promise<unknown>>> = {
    async "after the response before"() {
      const { id, output } = await scene.client.responses.create({ ...request, input: [told("Hi")] as never });
      expect(output).toEqual([wanted]);
      scene.upstream.answer = responds([SPOKEN], []);
      return scene.client.responses.create({ ...request, previous_response_id: id, input });
    },
    async "in a conversation"() {
      const { id: conversation } = await scene.client.conversations.create();
      await scene.client.responses.create({ ...request, conversation, input: [told("Hi")] as never });
      scene.upstream.answer = responds([SPOKEN], []);
      return scene.client.responses.create({ ...request, conversation, input });
    },
    async "with all that was said, and not stored"() {
      const all = [told("Hi"), wanted, given] as ResponseInputItem[];
      return scene.client.responses.create({ ...request, store: false, input: all });
    },
  };

  test.each(Object.entries(CONSENTS))("goes back with the question: %s", async (_, consent) => {
    scene.upstream.answer = responds([wanted], []);
    await consent();
    expect(asked()).toEqual([told("Hi"), wanted, given]);
  });

  test("goes with its reason where it is refused", async () => {
    const refused = { ...given, approve: false, reason: "Not now" };
    expect(await ask("thinker", told("Hi"), wanted, refused, told("Why?"))).toEqual([
      told("Hi"),
      wanted,
      refused,
      told("Why?"),
    ]);
  });

  test("does not go without the question, nor to Chat Completions", async () => {
    expect(await ask("thinker", told("Hi"), given, told("Go on"))).toEqual([told("Hi"), told("Go on")]);
    expect(await ask("gpt-x", told("Hi"), wanted, given, spoken, told("Go on"))).toEqual([
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Then." },
      { role: "user", content: "Go on" },
    ]);
  });
});

test("what gives a tool access goes to the model, and is shown to nobody", async () => {
  const tools = [
    {
      type: "mcp",
      server_label: "wiki",
      server_url: "https://user:SECRET@a.example/SECRET?key=SECRET",
      headers: { "X-Key": "SECRET" },
      authorization: "SECRET",
    },
    { type: "mcp", server_label: "mail", connector_id: "connector_gmail", authorization: "SECRET", headers: null },
    { type: "shell", environment: { type: "container_auto", network_policy: policy("SECRET") } },
    { type: "code_interpreter", container: { type: "auto", network_policy: policy("SECRET") } },
    { type: "code_interpreter", container: "cntr_1" },
    { type: "function", name: "look", parameters: {}, strict: true },
  ];
  const { responses, conversations } = scene.client;
  const { id: conversation } = await conversations.create();
  const request = { model: "thinker", input: "Hi", conversation, tools } as never as { model: string };
  const response = await responses.create(request);
  expect(scene.upstream.calls.at(-1)?.body?.tools).toEqual(expect.arrayContaining(tools.slice(0, 5)));
  expect(response.tools).toEqual([
    { type: "mcp", server_label: "wiki", server_url: "https://a.example", headers: { "X-Key": "<redacted>" } },
    { type: "mcp", server_label: "mail", connector_id: "connector_gmail", headers: null },
    { type: "shell", environment: { type: "container_auto", network_policy: policy("<redacted>") } },
    { type: "code_interpreter", container: { type: "auto", network_policy: policy("<redacted>") } },
    ...tools.slice(4),
  ]);
  const seen: unknown[] = [await responses.retrieve(response.id)];
  for await (const event of await responses.retrieve(response.id, { stream: true })) seen.push(event);
  const turnId = response.id.replace(/^resp_(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const headers = { authorization: `Bearer ${scene.apiKey}` };
  const turn = await (await fetch(`${scene.dialect.server.url}/v1/turns/${turnId}`, { headers })).text();
  expect(turn).toContain("connector_gmail");
  expect(`${JSON.stringify(seen)}${turn}`).not.toContain("SECRET");
  const parametersJson = JSON.stringify({ tools });
  const { http } = scene.dialect;
  const credential = headers;
  const begun = await http("POST", "/v1/conversations", { credential, body: { conversation: { agent: "thinker" } } });
  const path = `/v1/conversations/${(begun.json as { id: string }).id}:chat`;
  const body = JSON.stringify({ message: { content: "Hi" }, options: { parametersJson } });
  const chatted = await fetch(`${scene.dialect.server.url}${path}`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body,
  });
  expect([chatted.status, await chatted.text()]).toEqual([200, expect.stringContaining("TURN_STATE_COMPLETE")]);
  expect(scene.upstream.calls.at(-1)?.body?.tools).toEqual(tools);
  expect(await tablesWith("SECRET")).toEqual([]);
  // What is shown is kept; also as the answer to a retry, which is stored after it is sent.
  expect(await tablesWith("connector_gmail")).toContain("turn");
});

/** The tables in which some row has a text, in letters or bytes. */
async function tablesWith(text: string): Promise<string[]> {
  const { server, postgresUrl } = scene.dialect;
  const named = { name: "test_current_database", text: "select current_database() as name" };
  const [{ name = "" } = {}] = await server.database.query<{ name?: string }>(named, []);
  const url = urlOf(postgresUrl, name);
  const tables = await administer(url, "select tablename from pg_tables where schemaname = 'public'");
  const like = [`%${text}%`, `%${Buffer.from(text).toString("hex")}%`];
  const each = tables.map(({ tablename: t }) => `select '${t}' as t from "${t}" r where r::text like any($1::text[])`);
  return (await administer(url, each.join(" union all "), [like])).map(({ t }) => `${t}`);
}

/** What a container may reach, with a credential for it. */
function policy(value: string) {
  const secret = { domain: "a.example", name: "KEY", value };
  return { type: "allowlist", allowed_domains: ["a.example"], domain_secrets: [secret] };
}
