// An agent is called the same by a dialect, whoever made the conversation.
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { type DialectServer, startDialects } from "../support/servers/dialect-server.ts";

let dialects: DialectServer;
beforeAll(async () => {
  dialects = await startDialects("crm,helpdesk/hd,assistant/as");
});
afterAll(() => dialects.close());

async function scene() {
  const { server, tenant, http } = dialects;
  const admin = await tenant.token("1", "admin");
  const { agent } = await server
    .client(AgentService, admin)
    .createAgent({ agent: { name: `helper-${crypto.randomUUID()}`, connector: { case: "echo", value: {} } } });
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await http(method, path, { body, credential: admin });
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer.json;
  };
  return { id: agent?.id ?? "", name: agent?.name ?? "", call };
}

test("F-AGENT-NAME: helpdesk gives the name of an agent that crm named by its id", async () => {
  const { id, name, call } = await scene();
  await call("POST", "/v1/conversation", { agent_id: id });
  const { data } = await call("GET", "/hd/api/conversations?user_id=1");
  expect(data[0].agent).toBe(name);
  expect((await call("GET", `/hd/api/conversations/${data[0].id}`)).data.agent).toBe(name);
  expect((await call("PUT", `/hd/api/conversations/${data[0].id}`, { title: "x" })).data.agent).toBe(name);
  expect((await call("POST", "/hd/api/conversations", { user_id: 1, title: "t", agent: id })).data.agent).toBe(name);
});

test("F-AGENT-NAME: crm gives the id of an agent that helpdesk named by its name, and other names as they are", async () => {
  const { id, name, call } = await scene();
  await call("POST", "/hd/api/conversations", { user_id: 1, title: "t", agent: name });
  await call("POST", "/hd/api/conversations", { user_id: 1, title: "t", agent: "nobody" });
  const { data } = await call("GET", "/v1/conversation");
  expect(data.slice(0, 2).map((one: { agent_id: string }) => one.agent_id)).toEqual(["nobody", id]);
});

test("F-AGENT-NAME: the name goes on as it is once the agent is removed", async () => {
  const { id, call } = await scene();
  await call("POST", "/v1/conversation", { agent_id: id });
  await call("DELETE", `/v1/agents/${id}`);
  expect((await call("GET", "/hd/api/conversations?user_id=1")).data[0].agent).toBe(id);
});
