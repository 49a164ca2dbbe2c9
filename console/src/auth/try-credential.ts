// Asks the server whom a credential stands for, before a session begins with it.
import { createClient, type Transport } from "@connectrpc/connect";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { text } from "../strings/en.ts";
import type { Session } from "./session.ts";

export interface Credential {
  readonly credential: string;
  readonly actFor?: string;
}

/** Throws the failure of the call, or an error if the credential names no tenant. */
export async function tryCredential(transport: Transport, { credential, actFor }: Credential): Promise<Session> {
  const headers = { authorization: `Bearer ${credential}`, ...(actFor && { "x-act-for": actFor }) };
  const who = await createClient(AccessService, transport).whoAmI({}, { headers });
  if (who.tenantId === "") throw new Error(text.signIn.noTenant);
  return {
    credential,
    ...(actFor && { actFor }),
    tenant: who.tenantSlug,
    name: who.memberId || who.apiKeyId,
  };
}
