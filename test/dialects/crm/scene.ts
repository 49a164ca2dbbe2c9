// A company with an agent, for the tests of the CRM's API.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import type { AgentSchema } from "../../../gen/colloquy/v1/agent_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { type DialectServer, type HttpAnswer, sendHttp, startDialects } from "../../support/servers/dialect-server.ts";
import type { Credential, IdentityTenant } from "../../support/servers/identity-server.ts";

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

export interface Company {
  readonly tenant: IdentityTenant;
  /** An agent that repeats what it is told. */
  readonly agentId: string;
  /** A key with the scopes `read` and `write`. */
  readonly key: Credential;
  readonly keyId: string;
  call(method: string, path: string, credential?: Credential, body?: unknown): Promise<HttpAnswer>;
  addAgent(connector: MessageInitShape<typeof AgentSchema>["connector"]): Promise<string>;
  /** Makes a conversation and gives its id. */
  made(credential: Credential, body?: object): Promise<string>;
  say(credential: Credential, conversationId: string, message: string): Promise<HttpAnswer>;
}

export function startCrm(): Promise<DialectServer> {
  return startDialects("crm", { COLLOQUY_AGENT_PRIVATE: "yes" });
}

export async function company(dialect: DialectServer): Promise<Company> {
  const tenant = await dialect.server.tenant();
  const { credential: key, id: keyId } = await tenant.key("read", "write");
  const owner = await tenant.key("admin", "read");
  const agents = dialect.server.client(AgentService, owner.credential);
  let count = 0;
  const addAgent: Company["addAgent"] = async (connector) => {
    const { agent } = await agents.createAgent({
      agent: { name: `agent ${++count}`, connector: connector ?? { case: undefined } },
    });
    return agent?.id ?? "";
  };
  const agentId = await addAgent({ case: "echo", value: {} });
  const call: Company["call"] = (method, path, credential = {}, body = undefined) =>
    sendHttp(dialect.server.url + path, method, { credential, body });
  return {
    tenant,
    agentId,
    key,
    keyId,
    call,
    addAgent,
    async made(credential, body = {}) {
      const answer = await call("POST", "/v1/conversation", credential, { agent_id: agentId, ...body });
      expect(answer.status, answer.text).toBe(201);
      return answer.json.id;
    },
    say: (credential, id, message) => call("POST", `/v1/conversation/${id}/chat`, credential, { message }),
  };
}

/** An error as this API writes it. */
export function expectError({ status, json, headers }: HttpAnswer, expected: number, code: string): void {
  expect([status, json]).toEqual([
    expected,
    { error: { code, message: expect.any(String), request_id: expect.stringMatching(/^req_[0-9A-Za-z]{20}$/) } },
  ]);
  expect(headers.get("x-request-id")).toBe(json.error.request_id);
}
