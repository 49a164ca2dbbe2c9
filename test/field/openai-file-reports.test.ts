// What people reported of the Files API of other servers, tried here.
import { toFile } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ModelScene, says, startModelScene } from "../dialects/openai/model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());

/** Uploads a form as its bytes; gives the status and the answer. */
async function post(disposition: string): Promise<[number, { filename?: string }]> {
  const part = (head: string, body: string) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`;
  const body = `${part('name="purpose"', "user_data")}${part(disposition, "x")}--b--\r\n`;
  const headers = { authorization: `Bearer ${scene.apiKey}`, "content-type": "multipart/form-data; boundary=b" };
  const response = await fetch(`${scene.baseURL}/files`, { method: "POST", headers, body });
  return [response.status, (await response.json()) as { filename?: string }];
}

test("openai/openai-dotnet#72: a name that is not ASCII, in either form that clients write", async () => {
  expect(await post('name="file"; filename="文件.txt"')).toMatchObject([200, { filename: "文件.txt" }]);
  expect(await post(`name="file"; filename*=UTF-8''%E6%96%87%E4%BB%B6.txt`)).toMatchObject([
    200,
    { filename: "文件.txt" },
  ]);
});

test("BerriAI/litellm#36324, BerriAI/litellm#37855, langgenius/dify#41780: a list ends, whatever limit and purpose it is asked for", async () => {
  const { files } = scene.client;
  const purposes = ["batch", "evals", "batch", "evals"] as const;
  const made: string[] = [];
  for (const purpose of purposes) made.push((await files.create({ file: await toFile(Buffer.from("x")), purpose })).id);
  const page = await files.list({ limit: 10_000, purpose: "evals", order: "asc" });
  expect([page.data.map(({ id }) => id), page.has_more]).toEqual([[made[1], made[3]], false]);
  const full = await files.list({ limit: 2, purpose: "evals" });
  expect([full.data.length, full.has_more]).toEqual([2, false]);
  const half = await files.list({ limit: 1, purpose: "batch", order: "asc" });
  expect([half.data.map(({ id }) => id), half.has_more]).toEqual([[made[0]], true]);
});

test("BerriAI/litellm#24797: an id is no longer than what endpoints take", async () => {
  const { id } = await scene.client.files.create({ file: await toFile(Buffer.from("x")), purpose: "vision" });
  expect(id.length).toBeLessThanOrEqual(64);
});

test("openai/openai-node#1560, ogx-ai/ogx#4206, mindconnect-ai/mindconnect#48: a file that is no PDF reaches the model as text", async () => {
  const file = await toFile(Buffer.from('{"lodging": "spring"}'), "a.json", { type: "application/json" });
  const { id } = await scene.client.files.create({ file, purpose: "user_data" });
  scene.upstream.answer = says("Read.");
  const content = [
    { type: "input_file" as const, file_id: id },
    { type: "input_text" as const, text: "What is in this file?" },
  ];
  await scene.client.responses.create({ model: "gpt", input: [{ role: "user", content }] });
  const told = scene.upstream.calls.at(-1)?.body.messages.at(-1).content;
  expect(JSON.stringify(told)).toContain(JSON.stringify('{"lodging": "spring"}').slice(1, -1));
});
