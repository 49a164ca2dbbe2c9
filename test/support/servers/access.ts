// Fakes of the store and the clock, for tests of access.

import { type ErrorReason, ErrorReasonSchema } from "../../../gen/colloquy/v1/error_reason_pb.ts";
import { makeApiKey } from "../../../src/access/keys/api-key.ts";
import type {
  KeyRecord,
  KeyStore,
  KeyUse,
  MemberRecord,
  MemberStore,
  TenantStore,
} from "../../../src/access/store-interfaces.ts";
import type { Role, Scope } from "../../../src/domain/identity/principal.ts";
import type { KeyRing } from "../../../src/domain/secrets/key-ring.ts";

export const TENANT = "01890a5d-ac96-774b-bcce-b302099a8057";
export const OTHER_TENANT = "01890a5d-ac96-774b-bcce-b302099a8058";

/** The name of a reason, as it travels: `NOT_FOUND`. */
export function reasonName(reason: ErrorReason): string {
  return ErrorReasonSchema.value[reason]?.localName ?? `unknown reason ${reason}`;
}

/** A clock that moves when told. */
export function fakeClock(start = Date.parse("2026-01-02T03:04:05Z")) {
  let time = start;
  const now = () => time;
  return Object.assign(now, {
    advance(ms: number) {
      time += ms;
    },
  });
}

/** A key ring in memory: what several servers share. */
export function fakeRing(): KeyRing & { stored: Buffer | undefined } {
  let turn: Promise<unknown> = Promise.resolve();
  const ring = {
    stored: undefined as Buffer | undefined,
    read: async () => ring.stored,
    change(edit: (current: Buffer | undefined) => Promise<Buffer>) {
      const changed = turn.then(async () => {
        ring.stored = await edit(ring.stored);
        return ring.stored;
      });
      turn = changed.catch(() => {});
      return changed;
    },
  };
  return ring;
}

/** Keys in memory, with a count of what was asked. */
export function fakeKeys() {
  const records = new Map<string, KeyRecord>();
  const store = {
    finds: 0,
    uses: [] as KeyUse[],
    fail: undefined as Error | undefined,
    records,
    async find(tenantId: string, keyId: string) {
      store.finds++;
      if (store.fail) throw store.fail;
      const record = records.get(keyId);
      return record?.tenantId === tenantId ? record : undefined;
    },
    async touch(uses: readonly KeyUse[]) {
      if (store.fail) throw store.fail;
      store.uses.push(...uses);
    },
    /** Makes a key and gives its text. */
    add(scopes: Scope[], change: Partial<KeyRecord> = {}): { text: string; keyId: string } {
      const { tenantId = TENANT, keyId = crypto.randomUUID() } = change;
      const { text, secretHash } = makeApiKey(tenantId, keyId);
      records.set(keyId, {
        tenantId,
        keyId,
        scopes: new Set(scopes),
        secrets: [{ hash: secretHash, expiresAt: undefined }],
        expiresAt: undefined,
        revokedAt: undefined,
        ...change,
      });
      return { text, keyId };
    },
  } satisfies KeyStore & Record<string, unknown>;
  return store;
}

/** Members in memory, with a count of what was asked. */
export function fakeMembers() {
  const members = new Map<string, MemberRecord>();
  const store = {
    asked: 0,
    members,
    async find(tenantId: string, memberId: string) {
      store.asked++;
      return members.get(`${tenantId}/${memberId}`);
    },
    async ensure(tenantId: string, memberId: string, role: Role) {
      store.asked++;
      const known = members.get(`${tenantId}/${memberId}`) ?? { memberId, role, deleted: false };
      members.set(`${tenantId}/${memberId}`, known);
      return known;
    },
    add(memberId: string, role: Role, change: { tenantId?: string; deleted?: boolean } = {}) {
      const { tenantId = TENANT, deleted = false } = change;
      members.set(`${tenantId}/${memberId}`, { memberId, role, deleted });
    },
  } satisfies MemberStore & Record<string, unknown>;
  return store;
}

/** Two tenants, `default` and `other`. */
export function fakeTenants(): TenantStore {
  const tenants = [
    { id: TENANT, slug: "default" },
    { id: OTHER_TENANT, slug: "other" },
  ];
  return { resolve: async (name) => tenants.find(({ id, slug }) => name === id || name === slug) };
}

/** A request with these headers. */
export function requestWith(headers: Record<string, string>, address = "192.0.2.1") {
  return { address, header: (name: string): string | undefined => headers[name] };
}
