// The events of each kind of output, as the client's own accumulator takes them.
import { afterAll, beforeAll, expect, test } from "vitest";
import { PIXEL } from "../../support/calls/files.ts";
import { type ModelScene, responds, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());

const cited = { type: "url_citation", start_index: 0, end_index: 2, url: "https://a.example/", title: "A" };
const message = (part: object) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  status: "completed",
  content: [part],
});
const text = { type: "output_text", text: "Hi", annotations: [cited], logprobs: [] };
const refusal = { type: "refusal", refusal: "No" };
const hosted = (type: string, rest: object) => ({ id: `${type}_1`, type, status: "completed", ...rest });
const stages = (type: string, ...names: string[]) => names.map((name) => `${type}_call.${name}`);
const words = (...deltas: string[]) => deltas.map((delta) => ({ content_index: 0, item_id: "msg_1", delta }));

const KINDS: readonly (readonly [item: object, deltas: readonly object[], events: readonly string[]])[] = [
  [
    message(text),
    [
      ...words("H", "i").map((one) => ({ type: "response.output_text.delta", ...one })),
      { type: "response.output_text.annotation.added", content_index: 0, annotation_index: 0, annotation: cited },
    ],
    [
      "content_part.added",
      "output_text.delta",
      "output_text.annotation.added",
      "output_text.done",
      "content_part.done",
    ],
  ],
  [
    message(refusal),
    words("No").map((one) => ({ type: "response.refusal.delta", ...one })),
    // What a model refuses is text.
    ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"],
  ],
  [
    hosted("custom_tool_call", { status: undefined, call_id: "call_1", name: "run", input: "ls" }),
    [],
    ["custom_tool_call_input.delta", "custom_tool_call_input.done"],
  ],
  [
    hosted("function_call", { call_id: "call_1", name: "run", arguments: "{}" }),
    [],
    ["function_call_arguments.delta", "function_call_arguments.done"],
  ],
  [
    hosted("web_search_call", { action: { type: "search", query: "q" } }),
    [],
    stages("web_search", "in_progress", "searching", "completed"),
  ],
  [
    hosted("file_search_call", { queries: ["q"], results: null }),
    [],
    stages("file_search", "in_progress", "searching", "completed"),
  ],
  [
    hosted("code_interpreter_call", { code: "1", container_id: "c", outputs: null }),
    [],
    [
      "code_interpreter_call.in_progress",
      "code_interpreter_call_code.delta",
      "code_interpreter_call_code.done",
      "code_interpreter_call.interpreting",
      "code_interpreter_call.completed",
    ],
  ],
  [
    hosted("image_generation_call", { result: PIXEL.toString("base64") }),
    [],
    stages("image_generation", "in_progress", "generating", "completed"),
  ],
  [
    hosted("mcp_list_tools", { status: undefined, server_label: "s", tools: [], error: null }),
    [],
    ["mcp_list_tools.in_progress", "mcp_list_tools.completed"],
  ],
  [
    hosted("mcp_list_tools", { status: undefined, server_label: "s", tools: [], error: "no" }),
    [],
    ["mcp_list_tools.in_progress", "mcp_list_tools.failed"],
  ],
  [
    hosted("mcp_call", { server_label: "s", name: "n", arguments: "{}", output: "o", error: null }),
    [],
    ["mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done", "mcp_call.completed"],
  ],
  [
    hosted("mcp_call", { status: "failed", server_label: "s", name: "n", arguments: "", output: null, error: "no" }),
    [],
    ["mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done", "mcp_call.failed"],
  ],
];

test.each(KINDS.map(([item, deltas, events]) => [(item as { type: string }).type, item, deltas, events] as const))(
  "%s",
  async (_, item, deltas, events) => {
    scene.upstream.answer = responds(
      [item],
      [
        { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
        ...deltas.map((delta) => ({ output_index: 0, ...delta })),
        { type: "response.output_item.done", output_index: 0, item },
      ],
    );
    const stream = scene.client.responses.stream({ model: "thinker", input: "Go" });
    const told: string[] = [];
    for await (const { type } of stream)
      if (type !== `response.${told.at(-1)}`) told.push(type.slice("response.".length));
    expect(told).toEqual(["created", "in_progress", "output_item.added", ...events, "output_item.done", "completed"]);
    const { id, output } = await stream.finalResponse();
    expect(output).toMatchObject((await scene.client.responses.retrieve(id)).output);
    if (!("role" in item)) {
      const { id: given, ...rest } = item as { id: string };
      expect(output).toMatchObject([
        { id: "call_id" in item ? expect.any(String) : given, ...JSON.parse(JSON.stringify(rest)) },
      ]);
    }
  },
);

const thoughts = (id: string) => ({
  id,
  type: "reasoning",
  summary: [{ type: "summary_text", text: "hm" }],
  encrypted_content: "sealed",
});
const thought = (id: string) => ({
  type: "response.reasoning_summary_text.delta",
  output_index: 0,
  summary_index: 0,
  item_id: id,
  delta: "hm",
});
const place = (type: string, id: string) => ({
  type: `response.output_item.${type}`,
  output_index: 0,
  item: thoughts(id),
});

test.each<[how: string, id: string, events: readonly object[]]>([
  ["with the response alone", "rs_1", []],
  ["with the whole item alone", "rs_1", [place("done", "rs_1")]],
  ["with the first of them", "rs_1", [thought("rs_1"), place("done", "rs_1")]],
  ["and another one each time", "rs_1", [place("added", "rs_1"), thought("rs_2"), place("done", "rs_3")]],
])("thoughts have one id in all events, now and later: it comes %s", async (_, id, events) => {
  scene.upstream.answer = responds([thoughts("rs_1")], events);
  const stream = scene.client.responses.stream({ model: "thinker", input: "Go" });
  const told = await Array.fromAsync(stream);
  const response = await stream.finalResponse();
  expect(response.output).toEqual([thoughts(id)]);
  expect(told.map(({ type }) => type)).toContain("response.reasoning_summary_text.delta");
  const later = await Array.fromAsync(await scene.client.responses.retrieve(response.id, { stream: true }));
  expect(later.map(({ type }) => type)).toEqual(told.map(({ type }) => type));
});

const spoken = {
  id: "rs_1",
  type: "reasoning",
  summary: [],
  content: [{ type: "reasoning_text", text: "hm, well" }],
};
const word = (delta: string, item_id?: string) => ({
  type: "response.reasoning_text.delta",
  output_index: 0,
  content_index: 0,
  delta,
  ...(item_id !== undefined && { item_id }),
});
const added = {
  type: "response.output_item.added",
  output_index: 0,
  item: { id: "rs_1", type: "reasoning", summary: [] },
};
const whole = { type: "response.output_item.done", output_index: 0, item: spoken };
const summed = { ...whole, item: { ...spoken, summary: [{ type: "summary_text", text: "short" }] } };

test.each<[how: string, summary: string[], events: readonly object[]]>([
  ["with the response alone", [], []],
  ["with the whole item alone", [], [whole]],
  ["with the first of them", [], [added, word("hm", "rs_1"), word(", well", "rs_1"), whole]],
  ["at the end", [], [word("hm"), word(", well"), whole]],
  [
    "beside a summary that repeats it",
    [],
    [
      added,
      word("hm, well", "rs_1"),
      { ...thought("rs_1"), delta: "hm, well" },
      { ...whole, item: { ...spoken, summary: [{ type: "summary_text", text: "hm, well" }] } },
    ],
  ],
  [
    "beside a summary",
    ["short"],
    [added, word("hm", "rs_1"), word(", well", "rs_1"), { ...thought("rs_1"), delta: "short" }, summed],
  ],
])(
  "thoughts told as text are streamed as the content that they are, under one id: the model's comes %s",
  async (_, summary, events) => {
    scene.upstream.answer = responds([spoken], events);
    const stream = scene.client.responses.stream({ model: "thinker", input: "Go" });
    const told = await Array.fromAsync(stream);
    const response = await stream.finalResponse();
    const id = response.output[0]?.id;
    const item = { ...spoken, id, summary: summary.map((text) => ({ type: "summary_text", text })) };
    expect(id).toMatch(/^rs_[0-9a-f]{32}$/);
    expect(response.output).toEqual([item]);
    const at = { item_id: id, output_index: 0, content_index: 0 };
    const isDelta = ({ type }: { type: string }) => type === "response.reasoning_text.delta";
    const bare = told.map(({ sequence_number: _, ...rest }) => rest as { type: string; delta?: string });
    expect(
      bare
        .filter(isDelta)
        .every((event) => Object.entries(at).every(([name, value]) => Reflect.get(event, name) === value)),
    ).toBe(true);
    expect(
      bare
        .filter(isDelta)
        .map(({ delta }) => delta)
        .join(""),
    ).toBe("hm, well");
    expect(bare.slice(2, -1).filter((event) => !isDelta(event))).toEqual([
      { type: "response.output_item.added", output_index: 0, item: { id, type: "reasoning", summary: [] } },
      { type: "response.content_part.added", ...at, part: { type: "reasoning_text", text: "" } },
      { type: "response.reasoning_text.done", ...at, text: "hm, well" },
      { type: "response.content_part.done", ...at, part: { type: "reasoning_text", text: "hm, well" } },
      { type: "response.output_item.done", output_index: 0, item },
    ]);
    expect((await scene.client.responses.retrieve(response.id)).output).toEqual([item]);
    const resumed = await scene.client.responses.retrieve(response.id, { stream: true, starting_after: 3 });
    const rest = await Array.fromAsync(resumed);
    expect(rest.map(({ sequence_number: number }) => number)[0]).toBe(4);
    expect(rest.slice(0, -1)).toEqual(told.slice(4, -1));
  },
);
