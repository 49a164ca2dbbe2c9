// What the server tells before anybody has signed in.
import { queryOptions } from "@tanstack/react-query";

export interface ServerConfig {
  readonly version: string;
  readonly issuers: readonly ConsoleIssuer[];
  /** Whether one click signs in, as in the development profile. */
  readonly developer: boolean;
}

export interface ConsoleIssuer {
  readonly issuer: string;
  readonly name: string;
  readonly clientId: string;
  readonly scope: string;
  readonly token: "access_token" | "id_token";
  readonly parameters: Readonly<Record<string, string>>;
}

export const serverConfig = queryOptions({
  queryKey: ["config"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async ({ signal }): Promise<ServerConfig> => {
    const response = await fetch("/console/config.json", { signal });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return response.json();
  },
});

/** Throws with what the server says if it refuses. */
export async function fetchDeveloperToken(): Promise<string> {
  const response = await fetch("/console/developer-token", { method: "POST" });
  const { token, error } = (await response.json()) as { token?: string; error?: string };
  if (token === undefined) throw new Error(error ?? `the server answered ${response.status}`);
  return token;
}
