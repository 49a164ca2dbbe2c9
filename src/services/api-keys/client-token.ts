// CreateClientToken: a browser's token for one member, signed here, so that no back end has to sign anything.
import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import type { LocalIssuer } from "../../access/tokens/local-issuer.ts";
import { notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isMemberId, SCOPES } from "../../domain/identity/principal.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { Handler } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import { existingMembers, readConversation } from "../../store/conversations/conversations.ts";
import type { Database } from "../../store/database.ts";
import { toTimestamp } from "../convert.ts";
import { requireScopes } from "../directory/grants.ts";
import { createMutations } from "../mutations.ts";

const DEFAULT_TTL_MS = 15 * 60 * 1000;

type Create = (typeof AccessService.method)["createClientToken"];

export function createClientToken(database: Database, sign: LocalIssuer["issueForClient"]): Handler<Create> {
  const { mutation } = createMutations(database);
  // What is kept for repeats has no token: it is signed anew, with the same expiry.
  const register = mutation(AccessService.method.createClientToken, async (tx, caller, request, context) => {
    const { memberId, readOnly } = request;
    const known = isMemberId(memberId) && (await existingMembers(tx, caller, [memberId])).has(memberId);
    if (!known) throw notFound("member");
    const conversationId = request.conversationId.toLowerCase();
    if (conversationId !== "") {
      const member = { ...caller, memberId, viewer: { kind: "member", memberId } } as const;
      const seen = isOurId(conversationId) ? await readConversation(tx, member, conversationId) : undefined;
      if (seen === undefined) throw notFound("conversation");
    }
    const ttl = request.ttl === undefined ? DEFAULT_TTL_MS : durationMs(request.ttl);
    // A JWT counts whole seconds.
    const expireTime = new Date(Math.floor((Date.now() + ttl) / 1000) * 1000);
    const details = {
      expire_time: expireTime.toISOString(),
      ...(conversationId !== "" && { conversation_id: conversationId }),
      ...(readOnly && { read_only: "true" }),
    };
    const entry = { action: "client_token.create", resourceType: "member", resourceId: memberId, details };
    await audit(tx, caller, context, entry);
    return { expireTime: toTimestamp(expireTime) };
  });

  return async (request, context) => {
    const { principal } = context;
    if (principal.kind !== "key") throw new Error("the permission lets keys alone through");
    if (request.readOnly) requireScopes(principal, ["read"]);
    const { expireTime } = await register(request, context);
    const { tenantId } = callerFrom(principal);
    const conversationId = request.conversationId.toLowerCase();
    const token = await sign({
      tenantId,
      keyId: principal.keyId,
      memberId: request.memberId,
      scopes: SCOPES.filter(
        (scope) => principal.scopes.has(scope) && scope !== "admin" && !(request.readOnly && scope === "write"),
      ),
      limits: conversationId === "" ? {} : { conversationId },
      expireAt: expireTime === undefined ? 0 : timestampDate(expireTime).getTime() / 1000,
    });
    return { token, ...(expireTime && { expireTime }) };
  };
}
