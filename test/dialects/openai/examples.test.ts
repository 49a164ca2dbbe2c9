// The programs of examples/openai, run as they stand against a server on another port.
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callsTools, type ModelScene, says, startModelScene } from "./model-scene.ts";

const folder = join(import.meta.dirname, "../../../examples/openai");
const run = promisify(execFile);

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
  scene.upstream.answer = (response, { body }) => {
    const last = body.messages.at(-1);
    if (last.role === "tool") return says(`It is ${last.content}.`)(response);
    if (body.tools) return callsTools({ id: "call_1", name: "weather", arguments: '{"city":"Oslo"}' })(response);
    const told = body.messages.filter(({ role }: { role: string }) => role === "user").length;
    return says("You said ", `${told} things.`)(response);
  };
});
afterAll(() => scene.close());

test.each([
  ["chat.ts", "You said 1 things.\nYou said 2 things.\n4 items in conv_…\n"],
  ["tools.ts", 'weather({"city":"Oslo"})\nIt is sunny in Oslo.\n'],
  ["background.ts", "completed You said 1 things.\nresponse.completed true\n"],
  ["session.ts", "You said 1 things.\nYou said 2 things.\n4 items\n"],
])("%s prints what it should", async (name, printed) => {
  const source = await readFile(join(folder, name), "utf8");
  const file = join(folder, `.run-${process.pid}-${name}`);
  await writeFile(file, source.replaceAll("http://127.0.0.1:8080", scene.dialect.server.url));
  try {
    const env = { ...process.env, KEY: scene.apiKey, MODEL: "m", OPENAI_API_KEY: scene.apiKey };
    const { stdout } = await run(process.execPath, [file], { env });
    expect(stdout).toBe(printed);
  } finally {
    await rm(file);
  }
});
