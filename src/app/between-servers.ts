// What servers of a database tell each other about access: what to read again, and how much callers have used up.
import type { Directory } from "../access/directory.ts";
import type { CountExchange, ServerCount } from "../domain/fixed-window.ts";
import type { Signals } from "../live/signals/signals.ts";

const FORGET = "forget";
const COUNT = "count";

/** Forgets something in the directory of this server, and in those of the others. */
export interface Forget {
  key(tenantId: string, keyId: string): void;
  member(tenantId: string, memberId: string): void;
  tenant(...names: string[]): void;
}

export function forgetEverywhere(directory: Directory, signals: Signals): Forget {
  return {
    key(tenantId, keyId) {
      directory.forgetKey(tenantId, keyId);
      signals.tellServers([FORGET, "key", tenantId, keyId]);
    },
    member(tenantId, memberId) {
      directory.forgetMember(tenantId, memberId);
      signals.tellServers([FORGET, "member", tenantId, memberId]);
    },
    tenant(...names) {
      directory.forgetTenant(...names);
      signals.tellServers([FORGET, "tenant", ...names]);
    },
  };
}

/** Lets the directory forget what other servers tell, until the process ends. */
export function listenForChanges(signals: Signals, directory: Directory): void {
  signals.servers.listen((notice) => {
    if (notice === undefined) {
      directory.forgetAll();
      return;
    }
    const [about, what, ...values] = notice;
    if (about !== FORGET) return;
    const names = values.map(String);
    const [tenantId = "", id = ""] = names;
    if (what === "key") directory.forgetKey(tenantId, id);
    else if (what === "member") directory.forgetMember(tenantId, id);
    else if (what === "tenant") directory.forgetTenant(...names);
  });
}

/** Tells the other servers what was counted here, and hears of them until the process ends. */
export function exchangeCounts(signals: Signals): CountExchange {
  const takers = new Map<string, (server: string, count: ServerCount) => void>();
  signals.servers.listen((notice, server) => {
    const [about, policy, key, count, leftMs] = notice ?? [];
    if (about !== COUNT) return;
    takers.get(String(policy))?.(server, { key: String(key), count: Number(count), leftMs: Number(leftMs) });
  });
  return {
    tell: (policy, { key, count, leftMs }) =>
      signals.tellServers([COUNT, policy, key, count, Math.ceil(leftMs)], `${COUNT} ${policy} ${key}`),
    listen: (policy, take) => void takers.set(policy, take),
  };
}
