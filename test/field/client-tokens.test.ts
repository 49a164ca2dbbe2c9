// Faults of short-lived tokens that other products' users reported: F-TOKEN in the README.
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { createClient } from "../../src/client/index.ts";
import { reasonOf } from "../support/errors.ts";
import { bearer, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

async function scene() {
  const tenant = await server.tenant();
  for (const id of ["ada", "bob"]) await tenant.addMember(id);
  const key = await tenant.key("read", "write");
  const asAda = { ...key.credential, "x-act-for": "ada" };
  const { conversation } = await server
    .client(ConversationService, asAda)
    .createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  /** A token of bob's that expires after so many seconds. */
  const token = (seconds: number) =>
    server.issuer.issueForClient({
      tenantId: tenant.id,
      keyId: key.id,
      memberId: "bob",
      scopes: ["read", "write"],
      limits: {},
      expireAt: Math.floor(Date.now() / 1000) + seconds,
    });
  /** A client whose back end answers with these, the last one again and again. */
  const clientOf = (...answers: (string | Error)[]) => {
    let asked = 0;
    const ask = async () => {
      const answer = answers[Math.min(asked++, answers.length - 1)] ?? "";
      if (answer instanceof Error) throw answer;
      return answer;
    };
    return { client: createClient({ baseUrl: server.url, token: ask }), asked: () => asked };
  };
  return { tenant, key, asAda, conversationId, token, clientOf };
}

describe("the client", () => {
  test("asks again when the server refuses a token that its own clock takes for valid", async () => {
    const { token, clientOf, conversationId, key } = await scene();
    const { tenant: other } = await scene();
    const revoked = (await other.key("read")).id;
    const gone = await server.issuer.issueForClient({
      tenantId: other.id,
      keyId: revoked.replace(/^./, (digit) => (digit === "f" ? "e" : "f")),
      memberId: "bob",
      scopes: ["read"],
      limits: {},
      expireAt: Math.floor(Date.now() / 1000) + 600,
    });
    const { client, asked } = clientOf(gone, await token(600));
    expect((await client.conversations.getConversation({ conversationId })).conversation?.id).toBe(conversationId);
    expect([asked(), key.id !== revoked]).toEqual([2, true]);
  });

  test("asks no third time, and gives the refusal", async () => {
    const { token, clientOf, conversationId } = await scene();
    const { client, asked } = clientOf(await token(-60), await token(-61));
    expect(await reasonOf(client.conversations.getConversation({ conversationId }))).toBe("CREDENTIAL_INVALID");
    expect(asked()).toBe(2);
  });

  test("asks once for many calls, and again for each that is about to expire", async () => {
    const { token, clientOf, conversationId } = await scene();
    const { client, asked } = clientOf(await token(20), await token(20), await token(600));
    const call = () => client.conversations.getConversation({ conversationId });
    await Promise.all([call(), call(), call()]);
    expect(asked()).toBe(1);
    for (const _ of [1, 2, 3]) await call();
    expect(asked()).toBe(3);
  });

  test("goes on with a token that still works when the back end is away", async () => {
    const { token, clientOf, conversationId } = await scene();
    const { client, asked } = clientOf(await token(20), new Error("away"));
    for (const _ of [1, 2]) await client.conversations.getConversation({ conversationId });
    expect(asked()).toBe(2);
  });

  test("opens a refused subscription once more with a new token", async () => {
    const { token, clientOf, conversationId } = await scene();
    const { client, asked } = clientOf(await token(-60), await token(600));
    for await (const { event } of client.subscribe({ conversationId })) {
      expect(event.conversationId).toBe(conversationId);
      break;
    }
    expect(asked()).toBe(2);
  });

  test("does not open a subscription again and again with a token that cannot be renewed", async () => {
    const { token, conversationId } = await scene();
    const interrupted: unknown[] = [];
    const client = createClient({ baseUrl: server.url, token: await token(-60) });
    const onInterruption = (error: unknown) => interrupted.push(error);
    const following = (async () => {
      for await (const _ of client.subscribe({ conversationId, onInterruption }));
    })();
    expect(await reasonOf(following)).toBe("CREDENTIAL_INVALID");
    expect(interrupted).toEqual([]);
  });
});

describe("the server", () => {
  test("shows nothing to a removed participant whose token is still valid", async () => {
    const { key, asAda, conversationId } = await scene();
    const access = server.client(AccessService, key.credential);
    const { token } = await access.createClientToken({ memberId: "bob", conversationId });
    await server.client(ParticipantService, asAda).removeParticipant({ conversationId, memberId: "bob" });
    const { getConversation } = server.client(ConversationService, bearer(token));
    expect(await reasonOf(getConversation({ conversationId }))).toBe("NOT_FOUND");
  });

  test.each([
    ["signed with the public key as a shared secret", "HS256", "colloquy"],
    ["for another audience", "ES256", "elsewhere"],
  ])("refuses a client token %s", async (_, alg, audience) => {
    const { tenant, key } = await scene();
    const [signing] = await server.issuer.keys.all();
    if (signing === undefined) throw new Error("the issuer has no key");
    const claims = { use: "client", tenant: tenant.id, sub: key.id, api_key: key.id, act_for: "bob", scope: "read" };
    const secret = Buffer.from(JSON.stringify((await server.issuer.keys.publicKeys()).keys[0]));
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg, kid: signing.kid })
      .setIssuer("colloquy")
      .setAudience(audience)
      .setExpirationTime("5m")
      .sign(alg === "HS256" ? secret : signing);
    expect(await reasonOf(server.client(AccessService, bearer(forged)).whoAmI({}))).toBe("CREDENTIAL_INVALID");
  });
});
