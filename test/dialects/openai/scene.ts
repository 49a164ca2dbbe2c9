// OpenAI's own client on a server of ours.
import OpenAI from "openai";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";

type Scope = "read" | "write" | "admin";

export interface OpenAiScene {
  readonly dialect: DialectServer;
  readonly client: OpenAI;
  /** A client with another key. */
  clientOf(...scopes: Scope[]): Promise<OpenAI>;
  close(): Promise<void>;
}

export async function startOpenAi(environment: Readonly<Record<string, string>> = {}): Promise<OpenAiScene> {
  const dialect = await startDialects("openai", environment);
  const baseURL = `${dialect.server.url}/openai/v1`;
  const clientOf = async (...scopes: Scope[]) =>
    new OpenAI({ baseURL, apiKey: (await dialect.tenant.key(...scopes)).text, maxRetries: 0 });
  return { dialect, client: await clientOf("read", "write"), clientOf, close: () => dialect.close() };
}
