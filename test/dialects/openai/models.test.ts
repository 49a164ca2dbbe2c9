// The registered agents, as OpenAI's client lists models.
import { createClient } from "@connectrpc/connect";
import { NotFoundError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { transportOver } from "../../support/calls/five-wires.ts";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

let scene: OpenAiScene;
beforeAll(async () => {
  scene = await startOpenAi();
});
afterAll(() => scene.close());

test("are listed and found by name and id", async () => {
  const { client, dialect } = scene;
  expect((await client.models.list()).data).toEqual([]);
  const { credential } = await dialect.tenant.key("read", "write", "admin");
  const agents = createClient(AgentService, transportOver("gRPC", dialect.server.url, credential));
  const { agent } = await agents.createAgent({ agent: { name: "parrot", connector: { case: "echo", value: {} } } });
  const model = { id: "parrot", object: "model", created: Number(agent?.createTime?.seconds), owned_by: "colloquy" };
  expect((await client.models.list()).data).toEqual([model]);
  expect(await client.models.retrieve("parrot")).toEqual(model);
  expect(await client.models.retrieve(agent?.id ?? "")).toEqual(model);
  const unknown = client.models.retrieve("gpt-none");
  await expect(unknown).rejects.toBeInstanceOf(NotFoundError);
  await expect(unknown).rejects.toMatchObject({ error: { message: "The model 'gpt-none' does not exist." } });
});
