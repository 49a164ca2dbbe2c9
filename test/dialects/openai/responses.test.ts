// Responses as OpenAI's own client asks for them, streams them, goes on from them, and reads and ends them.
import { type APIError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from "openai";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import { callsTools, chunk, finishChat, type ModelScene, responds, says, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
  scene.upstream.answer = says("Hel", "lo");
});

const lookTool = {
  type: "function",
  name: "look",
  description: "Looks",
  parameters: { type: "object", properties: { at: { type: "string" } }, required: ["at"], additionalProperties: false },
  strict: true,
} as const;

/** Neighbours of one type count as one: how a model's words fall into packets is the network's affair. */
const squeezed = (types: readonly string[]) => types.filter((type, index) => type !== types[index - 1]);

const all = async (events: AsyncIterable<ResponseStreamEvent>) => Array.fromAsync(events);

describe("a response", () => {
  test("has every member that the client's types have, and what the request asked", async () => {
    const response = await scene.client.responses.create({
      model: "gpt-x",
      input: "Hi",
      instructions: "Be kind",
      temperature: 0.25,
      metadata: { a: "b" },
      max_output_tokens: 64,
    });
    const { id, created_at, completed_at, output, ...rest } = response;
    expect(id).toMatch(/^resp_[0-9a-f]{32}$/);
    expect([Number.isInteger(created_at), Number.isInteger(completed_at)]).toEqual([true, true]);
    expect(output).toEqual([
      {
        id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
        type: "message",
        status: "completed",
        role: "assistant",
        content: [{ type: "output_text", text: "Hello", annotations: [], logprobs: [] }],
      },
    ]);
    expect(rest).toEqual({
      object: "response",
      status: "completed",
      background: false,
      error: null,
      incomplete_details: null,
      model: "gpt-x",
      output_text: "Hello",
      previous_response_id: null,
      conversation: null,
      store: true,
      usage: {
        input_tokens: 11,
        input_tokens_details: { cached_tokens: 3, cache_write_tokens: 4 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 18,
      },
      access_programs: null,
      instructions: "Be kind",
      max_output_tokens: 64,
      max_tool_calls: null,
      parallel_tool_calls: true,
      prompt_cache_key: null,
      prompt_cache_retention: null,
      reasoning: { effort: null, summary: null },
      safety_identifier: null,
      service_tier: "default",
      temperature: 0.25,
      text: { format: { type: "text" } },
      tool_choice: "auto",
      tools: [],
      top_logprobs: 0,
      top_p: 1,
      truncation: "disabled",
      user: null,
      metadata: { a: "b" },
    });
    expect(scene.upstream.calls[0]?.body).toEqual({
      model: "gpt-x",
      messages: [
        { role: "system", content: "Be kind" },
        { role: "user", content: "Hi" },
      ],
      temperature: 0.25,
      max_completion_tokens: 64,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(await scene.client.responses.retrieve(id)).toEqual(response);
  });

  test("lists its input, and is gone once it is deleted", async () => {
    const { client } = scene;
    const input = [
      { role: "user", content: "one" },
      { role: "developer", content: "two" },
    ] as const;
    const { id } = await client.responses.create({ model: "echo", input: [...input] });
    const page = await client.responses.inputItems.list(id, { order: "asc", limit: 1 });
    const items = await Array.fromAsync(page);
    expect(items.map((item) => (item as { role: string }).role)).toEqual(["user", "developer"]);
    const newest = await client.responses.inputItems.list(id);
    expect(newest.data.map(({ id: item }) => item)).toEqual(items.map(({ id: item }) => item).reverse());
    await client.responses.delete(id);
    for (const ask of [
      () => client.responses.retrieve(id),
      () => client.responses.delete(id),
      () => client.responses.inputItems.list(id),
      () => client.responses.cancel(id),
    ]) {
      const error = await ask().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(NotFoundError);
      expect((error as APIError).message).toBe(`404 Response with id '${id}' not found.`);
    }
  });

  test("in a conversation adds its input and output there, next to each other, and knows what was said", async () => {
    const { client, upstream } = scene;
    const conversation = await client.conversations.create({
      items: [{ role: "user", content: "I am Ann." }] as never,
    });
    const first = await client.responses.create({ model: "m", input: "Who am I?", conversation: conversation.id });
    expect(first.conversation).toEqual({ id: conversation.id });
    upstream.answer = says("Ann.");
    await client.responses.create({ model: "m", input: "Sure?", conversation: { id: conversation.id } });
    expect(upstream.calls[1]?.body.messages.map(({ content }: { content: string }) => content)).toEqual([
      "I am Ann.\n\nWho am I?",
      "Hello",
      "Sure?",
    ]);
    const items = await Array.fromAsync(client.conversations.items.list(conversation.id, { order: "asc" }));
    expect(items.map((item) => (item as { content: { text: string }[] }).content[0]?.text)).toEqual([
      "I am Ann.",
      "Who am I?",
      "Hello",
      "Sure?",
      "Ann.",
    ]);
  });

  test("that is not stored cannot be read or followed, and what it said stays in its conversation", async () => {
    const { client } = scene;
    const conversation = await client.conversations.create();
    const { id } = await client.responses.create({
      model: "m",
      input: "a",
      store: false,
      conversation: conversation.id,
    });
    await expect(client.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
    const following = client.responses.create({ model: "m", input: "b", previous_response_id: id });
    await expect(following).rejects.toMatchObject({ status: 400, code: "previous_response_not_found" });
    expect((await client.conversations.items.list(conversation.id)).data).toHaveLength(2);
  });

  test("follows any other, however many follow the same, and old instructions do not carry over", async () => {
    const { client, upstream } = scene;
    const first = await client.responses.create({ model: "m", input: "1", instructions: "Old" });
    const follow = (input: string, id: string) =>
      client.responses.create({ model: "m", input, previous_response_id: id, instructions: "New" });
    const branches = await Promise.all(["2a", "2b", "2c"].map((input) => follow(input, first.id)));
    upstream.calls.length = 0;
    for (const [index, { id, previous_response_id }] of branches.entries()) {
      expect(previous_response_id).toBe(first.id);
      await follow("3", id);
      expect(upstream.calls[index]?.body.messages.map(({ content }: { content: string }) => content)).toEqual([
        "New",
        "1",
        "Hello",
        ["2a", "2b", "2c"][index],
        "Hello",
        "3",
      ]);
    }
    expect(((await client.get("/conversations")) as { data: { id: string }[] }).data.length).toBeLessThan(20);
  });

  test("is cut at the limit of tokens: incomplete, with the reason", async () => {
    scene.upstream.answer = (response) => {
      chunk(response, { content: "Half of" });
      finishChat(response, "length");
    };
    const response = await scene.client.responses.create({ model: "m", input: "x", max_output_tokens: 16 });
    expect(response).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      output_text: "Half of",
    });
  });

  test("is followed where it was cut before it said a word", async () => {
    const { client, upstream } = scene;
    const thoughts = { type: "reasoning", id: "rs_cut", summary: [], encrypted_content: "sealed" };
    upstream.answer = responds([thoughts], [], "incomplete");
    const cut = await client.responses.create({ model: "thinker", input: "Think" });
    expect([cut.status, cut.output]).toEqual(["incomplete", [expect.objectContaining(thoughts)]]);
    upstream.answer = responds([{ type: "message", content: [{ type: "output_text", text: "So" }] }], []);
    const next = await client.responses.create({ model: "thinker", input: "Go on", previous_response_id: cut.id });
    expect(next.output_text).toBe("So");
    expect(JSON.stringify(upstream.calls[1]?.body.input)).toMatch(/Think.*Go on/);
  });

  test("shows what the request left out of its objects", async () => {
    const response = await scene.client.responses.create({
      model: "echo",
      input: "x",
      text: { verbosity: "low" },
      reasoning: { effort: "high" },
    });
    expect([response.text, response.reasoning]).toEqual([
      { format: { type: "text" }, verbosity: "low" },
      { effort: "high", summary: null },
    ]);
  });

  test("hands structured output, tools and sampling to Chat Completions under its names", async () => {
    await scene.client.responses.create({
      model: "m",
      input: "x",
      tools: [lookTool],
      tool_choice: { type: "function", name: "look" },
      parallel_tool_calls: false,
      reasoning: { effort: "low" },
      text: { format: { type: "json_schema", name: "s", schema: { type: "object" }, strict: true }, verbosity: "low" },
      top_p: 0.5,
    });
    const { messages: _, ...body } = scene.upstream.calls[0]?.body ?? {};
    const { type: __, ...described } = lookTool;
    expect(body).toEqual({
      model: "m",
      top_p: 0.5,
      reasoning_effort: "low",
      verbosity: "low",
      response_format: { type: "json_schema", json_schema: { name: "s", schema: { type: "object" }, strict: true } },
      tools: [{ type: "function", function: described }],
      tool_choice: { type: "function", function: { name: "look" } },
      parallel_tool_calls: false,
      stream: true,
      stream_options: { include_usage: true },
    });
  });
});

describe("calls of functions", () => {
  test("are the client's to run, several at once, and their outputs come with the next request", async () => {
    const { client, upstream } = scene;
    upstream.answer = callsTools(
      { id: "call_1", name: "look", arguments: '{"at": "cat"}' },
      { id: "call_2", name: "look", arguments: '{"at": "dog"}' },
    );
    const first = await client.responses.create({ model: "m", input: "Look", tools: [lookTool] });
    expect(first.status).toBe("completed");
    expect(first.output).toEqual([
      {
        id: expect.stringMatching(/^fc_/),
        type: "function_call",
        status: "completed",
        call_id: "call_1",
        name: "look",
        arguments: '{"at": "cat"}',
      },
      {
        id: expect.stringMatching(/^fc_/),
        type: "function_call",
        status: "completed",
        call_id: "call_2",
        name: "look",
        arguments: '{"at": "dog"}',
      },
    ]);
    upstream.answer = says("Both.");
    const second = await client.responses.create({
      model: "m",
      previous_response_id: first.id,
      tools: [lookTool],
      input: [
        { type: "function_call_output", call_id: "call_2", output: "woof" },
        { type: "function_call_output", call_id: "call_1", output: "meow" },
      ],
    });
    expect(second.output_text).toBe("Both.");
    expect(upstream.calls[1]?.body.messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "look", arguments: '{"at": "cat"}' } },
          { id: "call_2", type: "function", function: { name: "look", arguments: '{"at": "dog"}' } },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "meow" },
      { role: "tool", tool_call_id: "call_2", content: "woof" },
    ]);
  });

  test("an output without its call is refused, and nothing is stored", async () => {
    const { client } = scene;
    const conversation = await client.conversations.create();
    const input = [{ type: "function_call_output", call_id: "call_x", output: "x" }] as const;
    const asking = client.responses.create({ model: "m", conversation: conversation.id, input: [...input] });
    const error = await asking.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ param: "input[0]", code: "invalid_value" });
    expect((await client.conversations.items.list(conversation.id)).data).toEqual([]);
    expect(scene.upstream.calls).toEqual([]);
  });

  test("a call that nobody answers does not end the conversation: the model is told", async () => {
    const { client, upstream } = scene;
    const conversation = (await client.conversations.create()).id;
    upstream.answer = callsTools({ id: "call_1", name: "look", arguments: "{}" });
    await client.responses.create({ model: "m", input: "Look", tools: [lookTool], conversation });
    upstream.answer = says("Never mind.");
    await client.responses.create({ model: "m", input: "Forget it", conversation });
    const told = upstream.calls[1]?.body.messages.find(({ role }: { role: string }) => role === "tool");
    expect(told).toEqual({ role: "tool", tool_call_id: "call_1", content: expect.stringContaining("not answered") });
  });
});

describe("a stream", () => {
  test("has each event of a message, numbered from 0 without gaps, with the same ids throughout", async () => {
    const events = await all(await scene.client.responses.create({ model: "m", input: "Hi", stream: true }));
    expect(squeezed(events.map(({ type }) => type))).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    const ids = events.flatMap((event) =>
      "item_id" in event ? [event.item_id] : "item" in event ? [event.item.id] : [],
    );
    expect(new Set(ids).size).toBe(1);
    expect(events[4]).toMatchObject({
      delta: expect.stringMatching(/^Hel/),
      logprobs: [],
      output_index: 0,
      content_index: 0,
    });
    const last = events.at(-1) as Extract<ResponseStreamEvent, { type: "response.completed" }>;
    expect(last.response).toMatchObject({ status: "completed", output: [{ id: ids[0] }] });
  });

  test("satisfies the client's own accumulator, with thoughts, text and calls, and its final response is the stored one", async () => {
    const { client, upstream } = scene;
    upstream.answer = (response) => {
      for (const reasoning_content of ["hm", ", well"]) chunk(response, { reasoning_content });
      chunk(response, { content: "Let me see." });
      callsTools({ id: "call_9", name: "look", arguments: '{"at":"x"}' })(response);
    };
    const stream = client.responses.stream({ model: "m", input: "Look", tools: [lookTool] });
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    const final = await stream.finalResponse();
    expect(final.output.map(({ type }) => type)).toEqual(["reasoning", "message", "function_call"]);
    expect(squeezed(types.filter((type) => type.startsWith("response.reasoning")))).toEqual([
      "response.reasoning_text.delta",
      "response.reasoning_text.done",
    ]);
    expect(squeezed(types.filter((type) => type.includes("function_call")))).toEqual([
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
    ]);
    const stored = await client.responses.retrieve(final.id);
    expect(stored.output.map(({ id }) => id)).toEqual(final.output.map(({ id }) => id));
  });

  test("of a Responses model keeps reasoning with its id and its encrypted content, in order, and sends it back", async () => {
    const { client, upstream } = scene;
    const reasoning = {
      id: "rs_up1",
      type: "reasoning",
      summary: [{ type: "summary_text", text: "Thinking hard" }],
      encrypted_content: "sealed==",
    };
    const call = {
      id: "fc_up",
      type: "function_call",
      call_id: "call_5",
      name: "look",
      arguments: "{}",
      status: "completed",
    };
    const search = {
      id: "ws_up",
      type: "web_search_call",
      status: "completed",
      action: { type: "search", query: "q" },
    };
    upstream.answer = responds(
      [reasoning, search, call],
      [
        { type: "response.output_item.added", output_index: 0, item: { id: "rs_up1", type: "reasoning", summary: [] } },
        { type: "response.reasoning_summary_part.added", output_index: 0, item_id: "rs_up1", summary_index: 0 },
        {
          type: "response.reasoning_summary_text.delta",
          output_index: 0,
          item_id: "rs_up1",
          summary_index: 0,
          delta: "Thinking ",
        },
        {
          type: "response.reasoning_summary_text.delta",
          output_index: 0,
          item_id: "rs_up1",
          summary_index: 0,
          delta: "hard",
        },
        { type: "response.output_item.done", output_index: 0, item: reasoning },
        { type: "response.output_item.done", output_index: 1, item: search },
        { type: "response.output_item.done", output_index: 2, item: call },
      ],
    );
    const stream = client.responses.stream({ model: "thinker", input: "Think", tools: [lookTool] });
    const events: ResponseStreamEvent[] = [];
    for await (const event of stream) events.push(event as ResponseStreamEvent);
    const first = await stream.finalResponse();
    expect(first.output).toEqual([
      reasoning,
      search,
      { ...call, id: expect.stringMatching(/^fc_/), parsed_arguments: {} },
    ]);
    expect(squeezed(events.filter(({ type }) => /reasoning|web_search/.test(type)).map(({ type }) => type))).toEqual([
      "response.reasoning_summary_part.added",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_text.done",
      "response.reasoning_summary_part.done",
      "response.web_search_call.in_progress",
      "response.web_search_call.searching",
      "response.web_search_call.completed",
    ]);
    upstream.answer = responds(
      [{ id: "msg_up", type: "message", role: "assistant", content: [{ type: "output_text", text: "Done" }] }],
      [],
    );
    const output = { type: "function_call_output", call_id: "call_5", output: "ok" } as const;
    await client.responses.create({ model: "thinker", previous_response_id: first.id, input: [output] });
    const sent = upstream.calls[1]?.body;
    expect(sent).toMatchObject({ store: false, include: ["reasoning.encrypted_content"] });
    expect(sent.input.slice(1)).toEqual([
      reasoning,
      search,
      { type: "function_call", call_id: "call_5", name: "look", arguments: "{}" },
      output,
    ]);
    // A client that keeps its own state sends the same items back, with nothing stored here.
    upstream.calls.length = 0;
    const own = [{ role: "user", content: "Think" }, ...first.output, output] as never;
    await client.responses.create({ model: "thinker", store: false, input: own });
    expect(upstream.calls[0]?.body.input.slice(1)).toEqual(sent.input.slice(1));
  });

  test("is read again from any event on, running or ended, each event once", async () => {
    const { client, upstream } = scene;
    const words = Array.from({ length: 40 }, (_, index) => `w${index} `);
    const gate = Promise.withResolvers<void>();
    upstream.answer = async (response) => {
      for (const content of words.slice(0, 20)) chunk(response, { content });
      await gate.promise;
      for (const content of words.slice(20)) chunk(response, { content });
      finishChat(response);
    };
    const live = await client.responses.create({ model: "m", input: "x", stream: true });
    const seen: ResponseStreamEvent[] = [];
    for await (const event of live) {
      seen.push(event);
      if (event.type === "response.output_text.delta") break;
    }
    const { id } = (seen[0] as Extract<ResponseStreamEvent, { type: "response.created" }>).response;
    const after = seen.at(-1)?.sequence_number as number;
    const rest = client.responses.retrieve(id, { stream: true, starting_after: after });
    gate.resolve();
    const resumed = [...seen, ...(await all(await rest))];
    expect(resumed.map(({ sequence_number }) => sequence_number)).toEqual(resumed.map((_, index) => index));
    const whole = await all(await client.responses.retrieve(id, { stream: true }));
    expect(whole).toEqual(resumed);
    for (const cut of [0, 3, 17, whole.length - 2]) {
      const events = await all(await client.responses.retrieve(id, { stream: true, starting_after: cut }));
      expect(events).toEqual(whole.slice(cut + 1));
    }
  });

  test("of a model that fails ends with response.failed, and leaves nothing in the conversation", async () => {
    const { client, upstream } = scene;
    upstream.answer = (response) => {
      chunk(response, { content: "Half" });
      response.write('data: {"error":{"message":"x","code":"server_error"}}\n\n');
      response.end();
    };
    const conversation = (await client.conversations.create()).id;
    const events = await all(await client.responses.create({ model: "m", input: "x", stream: true, conversation }));
    const last = events.at(-1) as Extract<ResponseStreamEvent, { type: "response.failed" }>;
    expect(last).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: { code: "server_error" } },
    });
    expect((await client.conversations.items.list(conversation)).data).toEqual([]);
    expect((await client.responses.retrieve(last.response.id)).status).toBe("failed");
  });
});

test("a stream that its caller loses meanwhile ends with an error event, numbered like the others", async () => {
  const { client, upstream, dialect, baseURL } = scene;
  const { tenant, server } = dialect;
  const admin = (await tenant.key("read", "write", "admin")).credential;
  const participants = server.client(ParticipantService, admin);
  const gate = Promise.withResolvers<void>();
  upstream.answer = async (response) => {
    chunk(response, { content: "So far" });
    await gate.promise;
    finishChat(response);
  };
  await tenant.addMember("ann");
  const key = await tenant.key("read", "write");
  const lost = async (caller: object, loses: (conversation: string, conversationId: string) => Promise<unknown>) => {
    const conversation = (await client.conversations.create()).id;
    const conversationId = conversation.replace(/^conv_(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    await participants.addParticipants({ conversationId, memberIds: ["ann"] });
    const response = await fetch(`${baseURL}/responses`, {
      method: "POST",
      headers: { ...caller, "content-type": "application/json" },
      body: JSON.stringify({ model: "m", input: "x", conversation, stream: true }),
    });
    let text = "";
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const began = text.includes("So far");
      text += piece;
      if (!began && text.includes("So far")) await loses(conversation, conversationId);
    }
    const events = [...text.matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, name, data = ""]) => ({
      name,
      data: JSON.parse(data),
    }));
    expect(events.map(({ data }) => data.sequence_number)).toEqual(events.map((_, index) => index));
    return events.at(-1);
  };
  const ended = await Promise.all([
    lost(key.credential, () => server.client(AccessService, admin).revokeApiKey({ apiKeyId: key.id })),
    lost(admin, (conversation) => client.conversations.delete(conversation)),
    lost({ ...admin, "x-act-for": "ann" }, (_, conversationId) =>
      participants.removeParticipant({ conversationId, memberId: "ann" }),
    ),
  ]);
  gate.resolve();
  const error = (code: string | null) => ({ name: "error", data: { type: "error", code, error: { code } } });
  expect(ended).toMatchObject([error("invalid_api_key"), error(null), error(null)]);
});

describe("in the background", () => {
  test("a response is answered at once, polled, and cancelled with what was said so far", async () => {
    const { client, upstream } = scene;
    const gate = Promise.withResolvers<void>();
    upstream.answer = async (response) => {
      chunk(response, { content: "So far" });
      await gate.promise;
      finishChat(response);
    };
    const begun = await client.responses.create({ model: "m", input: "x", background: true });
    expect(begun).toMatchObject({ status: "in_progress", background: true, output: [], usage: null });
    for await (const event of await client.responses.retrieve(begun.id, { stream: true })) {
      if (event.type === "response.output_text.delta") break;
    }
    const cancelled = await client.responses.cancel(begun.id);
    gate.resolve();
    expect(cancelled).toMatchObject({
      status: "cancelled",
      output: [{ status: "incomplete", content: [{ text: "So far" }] }],
    });
    expect(await client.responses.cancel(begun.id)).toEqual(cancelled);
    const events = await all(await client.responses.retrieve(begun.id, { stream: true }));
    expect(events.at(-1)).toMatchObject({ type: "response.incomplete", response: { status: "cancelled" } });
  });

  test("what is not stored cannot be, and what was answered synchronously cannot be cancelled", async () => {
    const { client } = scene;
    const wrong = client.responses.create({ model: "m", input: "x", background: true, store: false });
    await expect(wrong).rejects.toMatchObject({ status: 400, param: "background" });
    const { id } = await client.responses.create({ model: "m", input: "x" });
    await expect(client.responses.cancel(id)).rejects.toBeInstanceOf(BadRequestError);
  });
});

describe("a request that is refused", () => {
  test.each<[what: object, param: string | null, code: string | null]>([
    [{ model: "m" }, "input", "missing_required_parameter"],
    [{ model: "m", input: 5 }, "input", "invalid_type"],
    [{ model: "m", input: [] }, "input", "invalid_value"],
    [{ model: "m", input: [{ role: "robot", content: "x" }] }, "input[0].role", "invalid_value"],
    [
      { model: "m", input: [{ type: "function_call_output", call_id: "c" }] },
      "input[0].output",
      "missing_required_parameter",
    ],
    [{ input: "x" }, "model", "missing_required_parameter"],
    [{ model: "m", input: "x", temperature: 3 }, "temperature", "invalid_value"],
    [{ model: "m", input: "x", max_output_tokens: 1 }, "max_output_tokens", "invalid_value"],
    [{ model: "m", input: "x", text: "plain" }, "text", "invalid_type"],
    [{ model: "m", input: "x", tools: [{ type: "function" }] }, "tools[0].name", "missing_required_parameter"],
    [{ model: "m", input: "x", tools: [{ type: "function", name: "a b" }] }, "tools[0].name", "invalid_value"],
    [{ model: "m", input: "x", previous_response_id: "resp_x" }, "previous_response_id", "previous_response_not_found"],
    [{ model: "m", input: "x", conversation: 5 }, "conversation", "invalid_type"],
    [
      { model: "m", input: "x", conversation: "conv_x", previous_response_id: "resp_x" },
      "previous_response_id",
      "invalid_value",
    ],
    [{ model: "m", input: "x", metadata: { a: 1 } }, "metadata", "invalid_type"],
  ])("%j", async (body, param, code) => {
    const error = (await scene.client.post("/responses", { body }).catch((caught: unknown) => caught)) as APIError;
    expect(error).toBeInstanceOf(BadRequestError);
    expect([error.status, error.type, error.code]).toEqual([400, "invalid_request_error", code]);
    expect(error.param).toContain(param);
    expect(scene.upstream.calls).toEqual([]);
  });

  test("for a conversation that is not there says so", async () => {
    const id = `conv_${"0".repeat(32)}`;
    const error = await scene.client.responses
      .create({ model: "m", input: "x", conversation: id })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NotFoundError);
    expect((error as APIError).message).toBe(`404 Conversation with id '${id}' not found.`);
  });

  test("by the model is handed on: too many, wrong, or broken", async () => {
    const refuse = (status: number, code: string) => {
      scene.upstream.answer = (response) => {
        response.writeHead(status, { "content-type": "application/json", "retry-after": "60" });
        response.end(JSON.stringify({ error: { message: "secret words", type: "x", code } }));
      };
      return scene.client.responses.create({ model: "m", input: "x" }).catch((caught: unknown) => caught);
    };
    const tooMany = await refuse(429, "rate_limit_exceeded");
    expect(tooMany).toBeInstanceOf(RateLimitError);
    expect(tooMany).toMatchObject({ code: "rate_limit_exceeded" });
    expect((tooMany as APIError).headers?.get("x-should-retry")).toBe("true");
    const spent = await refuse(429, "insufficient_quota");
    expect(spent).toBeInstanceOf(RateLimitError);
    expect(spent).toMatchObject({ type: "insufficient_quota", code: "insufficient_quota" });
    expect((spent as APIError).headers?.get("x-should-retry")).toBe("false");
    const wrong = await refuse(400, "context_length_exceeded");
    expect(wrong).toBeInstanceOf(BadRequestError);
    expect(wrong).toMatchObject({ code: "context_length_exceeded" });
    const broken = await refuse(500, "oops");
    expect(broken).toBeInstanceOf(InternalServerError);
    expect(broken).toMatchObject({ status: 502, type: "server_error", code: "server_error" });
    expect((broken as APIError).message).not.toContain("secret");
  });
});
