// Signing in to the console at a real OpenID provider, in Chromium: authorization code with PKCE.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HAS_CHROMIUM } from "../support/fronts/browser.ts";
import { type ConsoleStage, startConsole } from "../support/fronts/console.ts";

/** The package has no types. */
interface OidcProvider {
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}
type MakeProvider = new (issuer: string, configuration: object) => OidcProvider;

const RESOURCE = "https://talk.example";

describe.skipIf(!HAS_CHROMIUM)("signing in at an identity provider", () => {
  let stage: ConsoleStage;
  let provider: Server;
  let issuer: string;
  /** What the provider was asked. */
  const asked: URL[] = [];

  beforeAll(async () => {
    provider = createServer();
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
    issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
    const oidc = (clientId: string) => ({
      issuer,
      client_id: clientId,
      name: "Acme",
      parameters: { resource: RESOURCE },
    });
    const accepted = { issuer, audience: RESOURCE, jwks_url: `${issuer}/jwks`, algorithms: ["RS256"] };
    stage = await startConsole({
      environment: {
        COLLOQUY_PROFILE: "production",
        COLLOQUY_ISSUERS: JSON.stringify([{ ...accepted, tenants: ["acme"] }]),
        COLLOQUY_CONSOLE_OIDC: JSON.stringify([oidc("console")]),
      },
    });
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const name: string = "oidc-provider";
    const { Provider } = (await import(name)) as { Provider: MakeProvider };
    const callback = new Provider(issuer, {
      clients: [
        {
          client_id: "console",
          token_endpoint_auth_method: "none",
          redirect_uris: [`${stage.server.url}/console/signed-in`],
          application_type: "native",
        },
      ],
      jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: "RS256", use: "sig" }] },
      clientBasedCORS: (_: unknown, origin: string) => origin === stage.server.url,
      findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
      extraTokenClaims: () => ({ tenant: "acme", role: "admin" }),
      features: {
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({ scope: "", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
          useGrantedResource: () => true,
        },
      },
    }).callback();
    provider.on("request", (request, response) => {
      asked.push(new URL(request.url ?? "", issuer));
      void callback(request, response);
    });
  });
  afterAll(async () => {
    await stage?.close();
    provider?.closeAllConnections();
    provider?.close();
  });

  async function signInAs(page: Page, name: string): Promise<void> {
    await page.getByRole("button", { name: "Sign in with Acme" }).click();
    await page.getByPlaceholder("Enter any login").fill(name);
    await page.getByPlaceholder("and password").fill("any");
    await page.getByRole("button", { name: "Sign-in" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
  }

  test("leads back to where one wanted to go, with a proof of the code, and leaves nothing of it behind", async () => {
    const page = await stage.open("/conversations?status=closed", { credential: undefined, apart: true });
    expect(await page.getByRole("button", { name: "Continue as developer" }).count()).toBe(0);
    await signInAs(page, "ada");
    await page.getByText("ada · acme").waitFor();
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe("/console/conversations?status=closed");
    const { searchParams } = asked.find(({ pathname }) => pathname === "/auth") as URL;
    expect(searchParams.get("code_challenge_method")).toBe("S256");
    expect(searchParams.get("response_type")).toBe("code");
    expect(await page.evaluate("Object.keys(sessionStorage).sort()")).toEqual(["colloquy.session"]);
    expect(await page.evaluate("document.cookie")).toBe("");
  });

  test("a response that belongs to no request of this tab signs nobody in", async () => {
    const page = await stage.open(`/signed-in?code=stolen&state=made-up&iss=${encodeURIComponent(issuer)}`, {
      credential: undefined,
    });
    await page.getByText("The identity provider did not sign you in.").waitFor();
    await page.getByText("Back to sign-in").click();
    await page.getByRole("heading", { name: "Sign in to Colloquy" }).waitFor();
  });

  test("one who refuses consent is told, and can try again", async () => {
    const page = await stage.open("/sign-in", { credential: undefined, apart: true });
    await page.getByRole("button", { name: "Sign in with Acme" }).click();
    await page.getByRole("link", { name: "[ Cancel ]" }).click();
    await page.getByText("The identity provider did not sign you in.").waitFor();
  });

  test("nothing breaks the page's policy", () => {
    expect(stage.faults).toEqual([]);
  });
});
