// Signing in at an identity provider: OpenID Connect's authorization code flow with PKCE, as a public client.
import { InMemoryWebStorage, UserManager, WebStorageStateStore } from "oidc-client-ts";
import type { ConsoleIssuer } from "./server-config.ts";

/** What the provider returns as it is, to know where to go on. */
interface Place {
  readonly issuer: string;
  readonly next?: string;
}

function managerOf({ issuer, clientId, scope, parameters }: ConsoleIssuer): UserManager {
  const { resource, ...extraQueryParams } = parameters;
  return new UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: `${location.origin}/console/signed-in`,
    scope,
    extraQueryParams,
    ...(resource !== undefined && { resource }),
    // The session keeps the token; this keeps nothing.
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    stateStore: new WebStorageStateStore({ store: sessionStorage, prefix: "colloquy.oidc." }),
    loadUserInfo: false,
    automaticSilentRenew: false,
    monitorSession: false,
  });
}

/** Leaves for the provider. */
export async function beginSignIn(issuer: ConsoleIssuer, next: string | undefined): Promise<void> {
  const state: Place = { issuer: issuer.issuer, ...(next !== undefined && { next }) };
  await managerOf(issuer).signinRedirect({ state });
}

export interface SignedInUser {
  readonly credential: string;
  readonly next: string | undefined;
}

/** Takes the code that the provider sent back for a token. Throws with what the provider says if it refuses. */
export async function finishSignIn(issuers: readonly ConsoleIssuer[], url: string): Promise<SignedInUser> {
  // The state says which provider it was; its own code checks that the response belongs to the request.
  for (const issuer of issuers) {
    const manager = managerOf(issuer);
    const key = new URL(url).searchParams.get("state") ?? "";
    const kept = await manager.settings.stateStore.get(key);
    if (kept === null || (JSON.parse(kept) as { authority?: string }).authority !== issuer.issuer) continue;
    const user = await manager.signinRedirectCallback(url);
    const credential = issuer.token === "id_token" ? (user.id_token ?? "") : user.access_token;
    return { credential, next: (user.state as Place | undefined)?.next };
  }
  throw new Error("the response belongs to no sign-in of this tab");
}
