// The rules for addresses that administrators give: of agents and of their tools.
import { checkHost, hostOf } from "../../agents/connectors/addresses.ts";
import type { Sealer } from "../../agents/secrets/sealing.ts";
import { invalidField } from "../../domain/errors.ts";
import { readUrl } from "../../domain/network/url.ts";

export interface AgentRules {
  readonly sealer: Sealer;
  readonly allowPrivate: boolean;
}

/** What can be told from the URL alone; a name is checked again whenever it is resolved. */
export function checkUrl(field: string, text: string, allowPrivate: boolean): void {
  const url = readUrl(text);
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalidField(field, "must be a URL that begins with https:// or http://", "url");
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw invalidField(field, "must have no user, password or fragment; put the secret into credential", "url");
  }
  if (allowPrivate) return;
  const host = hostOf(url);
  try {
    if (/(^|\.)localhost\.?$/i.test(host)) throw new Error("loopback");
    checkHost(host);
  } catch {
    throw invalidField(
      field,
      "must not be on a private network, which takes COLLOQUY_AGENT_PRIVATE=yes",
      "url.private",
    );
  }
}
