// What a page of items costs beside the same page of the contract.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Credential } from "../../support/servers/identity-server.ts";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

const KINDS = [
  "MESSAGE",
  "REASONING",
  "TOOL_CALL",
  "TOOL_RESULT",
  "APPROVAL_REQUEST",
  "APPROVAL_RESPONSE",
  "ITEM",
  "SUMMARY",
];
const ROUNDS = 8;
/** Other work only adds to what a round takes: on a busy machine it needs more of them until both came without. */
const MOST_ROUNDS = 32;
const MOST = 1.15;
const CALLS = 25;

let scene: OpenAiScene;
let credential: Credential;
beforeAll(async () => {
  scene = await startOpenAi();
  credential = (await scene.dialect.tenant.key("read", "write")).credential;
});
afterAll(() => scene.close());

/** Processor time of this process for some calls of a path, in microseconds. */
async function timeOf(path: string): Promise<number> {
  const { url } = scene.dialect.server;
  const before = process.cpuUsage();
  for (let i = 0; i < CALLS; i++) {
    const response = await fetch(url + path, { headers: credential });
    await response.text();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

test("a list of 100 items costs at most 15 % more processor time than the list of the contract", async () => {
  const { client } = scene;
  const { id } = await client.conversations.create();
  const turn = (n: number) => [
    { role: "user", content: `What is the weather in place number ${n}, and what was it a year ago?` },
    {
      type: "reasoning",
      id: `rs_${n}`,
      summary: [{ type: "summary_text", text: "I look." }],
      encrypted_content: "gA".repeat(200),
    },
    { type: "function_call", call_id: `call_${n}`, name: "look", arguments: JSON.stringify({ place: n, year: 2024 }) },
    { type: "function_call_output", call_id: `call_${n}`, output: `It rains in place number ${n}. `.repeat(5) },
    {
      role: "assistant",
      content: [{ type: "output_text", text: `It rains in place ${n}.`.repeat(8), annotations: [] }],
    },
  ];
  const items = Array.from({ length: 20 }, (_, n) => turn(n)).flat();
  await client.conversations.items.create(id, { items: items as never });
  const hex = id.slice("conv_".length);
  const ours = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  const kinds = KINDS.map((kind) => `kinds=MESSAGE_KIND_${kind}`).join("&");
  const canonical = `/v1/conversations/${ours}/messages?pageSize=100&order=MESSAGE_ORDER_NEWEST_FIRST&${kinds}`;
  const own = `/openai/v1/conversations/${id}/items?limit=100`;
  for (const path of [own, canonical, own, canonical]) await timeOf(path);
  let [least, leastOwn] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS || (round < MOST_ROUNDS && leastOwn / least >= MOST); round++) {
    least = Math.min(least, await timeOf(canonical));
    leastOwn = Math.min(leastOwn, await timeOf(own));
  }
  process.stderr.write(`a list of 100 items: ${(leastOwn / least).toFixed(2)} of the list of the contract\n`);
  expect(leastOwn / least).toBeLessThan(MOST);
}, 120_000);
