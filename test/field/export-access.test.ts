// An export goes on only as long as its caller may call: who may not any more gets no further page.
import { afterAll, beforeAll, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { MemberRole } from "../../gen/colloquy/v1/member_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { look } from "../support/errors.ts";
import {
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
  WIRES,
} from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const MESSAGES = 600;

/** A tenant whose export is more than lies in buffers on the way. */
async function filled(): Promise<{ tenant: IdentityTenant; admin: Credential }> {
  const tenant = await server.tenant();
  const admin = (await tenant.key("read", "write", "admin")).credential;
  const { conversation } = await server.client(ConversationService, admin).createConversation({});
  const text = `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
    select $1, $2::uuid, s, gen_random_uuid(), 1, 'x', repeat('y', 20000) from generate_series(1, ${MESSAGES}) as s`;
  await server.database.query({ name: "test_fill", text }, [tenant.id, conversation?.id]);
  return { tenant, admin };
}

/** Takes an export; `act` runs once the first record is there. */
async function around(credential: Credential, wire: (typeof WIRES)[number], act: () => Promise<unknown>) {
  let records = 0;
  try {
    for await (const { record } of server.client(TransferService, credential, wire).exportConversations({})) {
      if (record && ++records === 1) await act();
    }
    return { records, reason: "" };
  } catch (error) {
    return { records, reason: look(error).reason };
  }
}

test.each(WIRES)("A6: over %s, a key that is revoked meanwhile gets no further page", async (wire) => {
  const { tenant, admin } = await filled();
  const key = await tenant.key("read");
  const { revokeApiKey } = server.client(AccessService, admin);
  const { records, reason } = await around(key.credential, wire, () => revokeApiKey({ apiKeyId: key.id }));
  expect(reason).toBe("CREDENTIAL_INVALID");
  expect(records).toBeLessThan(MESSAGES);
});

test.each([
  ["that is a member from now on", { role: MemberRole.MEMBER }, "PERMISSION_DENIED"],
  ["that is a manager from now on", { role: MemberRole.MANAGER }, "PERMISSION_DENIED"],
])("A6: an administrator %s gets no further page", async (_, { role }, expected) => {
  const { tenant, admin } = await filled();
  await tenant.addMember("ada", { role: "admin" });
  const { setMemberRole } = server.client(DirectoryService, admin);
  const change = () => setMemberRole({ memberId: "ada", role });
  const { records, reason } = await around(await tenant.token("ada"), "connect", change);
  expect(reason).toBe(expected);
  expect(records).toBeLessThan(MESSAGES);
});

test("A6: an administrator that is removed gets no further page", async () => {
  const { tenant, admin } = await filled();
  await tenant.addMember("ada", { role: "admin" });
  const { deleteMember } = server.client(DirectoryService, admin);
  const { records, reason } = await around(await tenant.token("ada"), "connect", () =>
    deleteMember({ memberId: "ada" }),
  );
  expect(reason).not.toBe("");
  expect(records).toBeLessThan(MESSAGES);
});

test("A6: whoever stays what it was gets everything", async () => {
  const { tenant } = await filled();
  await tenant.addMember("ada", { role: "admin" });
  const { records, reason } = await around(await tenant.token("ada"), "connect", async () => {});
  expect({ records, reason }).toEqual({ records: MESSAGES + 1, reason: "" });
});
