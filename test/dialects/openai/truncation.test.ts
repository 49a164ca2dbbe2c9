// `truncation: auto`: a history that the model cannot hold is cut at its old end, between turns.
import { BadRequestError } from "openai";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ModelScene, responds, says, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
});

const TURNS = 12;
const WORDS = "word ".repeat(100);

/** A conversation of several turns, each with a call and its result. */
async function conversation(): Promise<string> {
  const { id } = await scene.client.conversations.create();
  for (let turn = 0; turn < TURNS; turn++) {
    const call_id = `call_${turn}`;
    await scene.client.conversations.items.create(id, {
      items: [
        { type: "message", role: "user", content: `question ${turn} ${WORDS}` },
        { type: "function_call", call_id, name: "look", arguments: "{}" },
        { type: "function_call_output", call_id, output: `found ${turn}` },
        { type: "message", role: "assistant", content: `answer ${turn} ${WORDS}` } as never,
      ],
    });
  }
  return id;
}

/** Refuses what is longer than so many characters, as OpenAI does. */
function holds(characters: number) {
  scene.upstream.answer = (response, { body, path }) => {
    if (JSON.stringify(body.messages ?? body.input).length <= characters) {
      const message = { type: "message", id: "m", role: "assistant", status: "completed" };
      const output = [{ ...message, content: [{ type: "output_text", text: "Hello", annotations: [], logprobs: [] }] }];
      const delta = {
        type: "response.output_text.delta",
        item_id: "m",
        output_index: 0,
        content_index: 0,
        delta: "Hello",
      };
      return (path.endsWith("/responses") ? responds(output, [delta]) : says("Hello"))(response);
    }
    const message = "This model's maximum context length is 1024 tokens.";
    response.writeHead(400, { "content-type": "application/json" });
    const code = "context_length_exceeded";
    response.end(JSON.stringify({ error: { message, type: "invalid_request_error", param: "messages", code } }));
  };
}

test.each(["gpt-x", "thinker"])("F-TRUNCATE: leaves out the oldest turns of %s until the rest fits", async (model) => {
  holds(6_000);
  const made = await conversation();
  const response = await scene.client.responses.create({
    model,
    conversation: made,
    input: "last",
    truncation: "auto",
  });
  expect([response.output_text, response.truncation]).toEqual(["Hello", "auto"]);
  const { body } = scene.upstream.calls.at(-1) as (typeof scene.upstream.calls)[number];
  const sent = JSON.stringify(body.messages ?? body.input);
  expect(sent.length).toBeGreaterThan(3_000);
  const kept = (word: string) => [...sent.matchAll(new RegExp(`${word} (\\d+)`, "g"))].map(([, turn]) => Number(turn));
  const turns = kept("question");
  expect(turns).toEqual(Array.from(turns, (_, index) => TURNS - turns.length + index));
  expect([kept("found"), kept("answer")]).toEqual([turns, turns]);
  expect(sent).toContain("last");
  expect(body).not.toHaveProperty("truncation");
  const { data } = await scene.client.conversations.items.list(made, { limit: 100 });
  expect(data).toHaveLength(TURNS * 4 + 2);
});

test.each(["gpt-x", "thinker"])("without it, %s's refusal is the answer", async (model) => {
  holds(6_000);
  const made = await conversation();
  const refused = scene.client.responses.create({ model, conversation: made, input: "last" });
  await expect(refused).rejects.toBeInstanceOf(BadRequestError);
  await expect(refused).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
  expect(scene.upstream.calls).toHaveLength(1);
});

test("F-TRUNCATE: what must go in any case is refused when the model cannot hold it", async () => {
  holds(10);
  const made = await conversation();
  const refused = scene.client.responses.create({
    model: "gpt-x",
    conversation: made,
    input: "last",
    truncation: "auto",
  });
  await expect(refused).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
  expect(scene.upstream.calls.length).toBeLessThan(15);
});
