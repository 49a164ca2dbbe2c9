// The whole server with dialects on it, and plain HTTP requests to them.
import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import { urlOf } from "../postgres/postgres.ts";
import { type Credential, type IdentityServer, type IdentityTenant, startIdentityServer } from "./identity-server.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly json: any;
}

export interface HttpCall {
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly credential?: Credential | undefined;
}

export interface DialectServer {
  readonly server: IdentityServer;
  readonly tenant: IdentityTenant;
  /** `http("GET", "/api/conversations")` */
  http(method: string, path: string, call?: HttpCall): Promise<HttpAnswer>;
  /** The cluster of the server's database, for those who break it. */
  readonly postgresUrl: string;
  close(): Promise<void>;
}

/** A server in the development profile, whose trusted tenant is `tenant`. */
export async function startDialects(
  compat: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<DialectServer> {
  const slug = `trusted-${randomUUID()}`;
  const server = await startIdentityServer({
    environment: { COLLOQUY_COMPAT: compat, COLLOQUY_TRUST_TENANT: slug, ...environment },
  });
  const tenant = await server.tenant(slug);
  return {
    server,
    tenant,
    http: (method, path, call = {}) => sendHttp(server.url + path, method, call),
    postgresUrl: urlOf(inject("postgresUrl"), "postgres"),
    close: () => server.close(),
  };
}

export async function sendHttp(url: string, method: string, call: HttpCall = {}): Promise<HttpAnswer> {
  const { body, raw = body === undefined ? undefined : JSON.stringify(body), headers = {}, credential = {} } = call;
  const response = await fetch(url, {
    method,
    headers: { ...(raw !== undefined && { "content-type": "application/json" }), ...credential, ...headers },
    ...(raw !== undefined && { body: raw }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text === "" ? undefined : JSON.parse(text) };
}
