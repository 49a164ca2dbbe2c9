// The keys that servers share: one row for each purpose, wrapped by the operator's key where there is one.
import type { KeyRing } from "../domain/secrets/key-ring.ts";
import { unwrap, wrap } from "../domain/secrets/wrapping.ts";
import { SettingError } from "../domain/settings/setting-error.ts";
import type { Database, Statement } from "./database.ts";

/** `signing` signs tokens; `sealing` encrypts credentials of agents and secrets of webhooks. */
export type KeyPurpose = "signing" | "sealing";

interface KeyRow {
  /** Empty: it is being written for the first time. */
  readonly value: Buffer;
  readonly wrapped: boolean;
}

/** $1 purpose. */
const read: Statement<KeyRow> = {
  name: "server_key",
  text: "select k.value, k.wrapped from server_key k where k.purpose = $1",
};

/** Waits for another server that does the same. $1 purpose. */
const begin: Statement = {
  name: "server_key_begin",
  text: "insert into server_key (purpose, value, wrapped) values ($1, '', false) on conflict (purpose) do nothing",
};

/** $1 purpose. */
const hold: Statement<KeyRow> = { name: "server_key_hold", text: `${read.text} for update` };

/** $1 purpose, $2 value, $3 whether it is wrapped. */
const write: Statement = {
  name: "server_key_write",
  text: "update server_key k set value = $2, wrapped = $3, update_time = now() where k.purpose = $1",
};

/** @param operatorKey wraps what is written, also what was written without it; undefined: nothing is wrapped */
export function createKeyRing(database: Database, purpose: KeyPurpose, operatorKey: Uint8Array | undefined): KeyRing {
  const open = (row: KeyRow | undefined): Buffer | undefined => {
    if (row === undefined || row.value.length === 0) return undefined;
    if (!row.wrapped) return row.value;
    if (operatorKey === undefined) {
      throw new SettingError("COLLOQUY_AGENT_KEY: must be set: the keys in the database are wrapped by it");
    }
    try {
      return unwrap(row.value, operatorKey, purpose);
    } catch (cause) {
      throw new SettingError("COLLOQUY_AGENT_KEY: must be the key by which the keys in the database are wrapped", {
        cause,
      });
    }
  };
  return {
    async read() {
      return open((await database.query(read, [purpose]))[0]);
    },
    async change(edit) {
      return await database.transaction(undefined, async (tx) => {
        await tx.query(begin, [purpose]);
        const [row] = await tx.query(hold, [purpose]);
        const current = open(row);
        const next = await edit(current);
        const wraps = operatorKey !== undefined;
        if (current === undefined || !next.equals(current) || wraps !== row?.wrapped) {
          await tx.query(write, [purpose, operatorKey === undefined ? next : wrap(next, operatorKey, purpose), wraps]);
        }
        return next;
      });
    },
  };
}
