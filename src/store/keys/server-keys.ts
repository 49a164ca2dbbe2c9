// The keys that servers share: one row for each purpose, wrapped by the operator's key where there is one.
import type { KeyRing } from "../../domain/secrets/key-ring.ts";
import type { OperatorKeys } from "../../domain/secrets/operator-keys.ts";
import { unwrap, wrap } from "../../domain/secrets/wrapping.ts";
import { SettingError } from "../../domain/settings/setting-error.ts";
import type { Database, Statement } from "../database.ts";

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

/** What reading again may tell. */
export interface KeyRingOptions {
  /** Called once when what was read cannot be unwrapped any more, because another server wraps it by another key. */
  readonly onUnreadable?: (error: SettingError) => void;
}

/** @param keys the current one wraps what is written, also what was written without it or by the old one */
export function createKeyRing(
  database: Database,
  purpose: KeyPurpose,
  keys: OperatorKeys,
  { onUnreadable = () => {} }: KeyRingOptions = {},
): KeyRing {
  /** What was read or written last. */
  let known: Buffer | undefined;
  let told = false;

  const readAgain = (row: KeyRow | undefined): Buffer | undefined => {
    try {
      known = open(row, purpose, keys).value;
      told = false;
    } catch (error) {
      // A server that runs goes on, so that the key of the operator can change while servers restart one by one.
      if (known === undefined || !(error instanceof SettingError)) throw error;
      if (!told) onUnreadable(error);
      told = true;
    }
    return known;
  };
  return {
    async read() {
      return readAgain((await database.query(read, [purpose]))[0]);
    },
    async change(edit) {
      const changed = await database.transaction(undefined, async (tx) => {
        await tx.query(begin, [purpose]);
        const [row] = await tx.query(hold, [purpose]);
        const { value, by } = open(row, purpose, keys);
        const next = await edit(value);
        const { current } = keys;
        if (value === undefined || !next.equals(value) || by !== current) {
          await tx.query(write, [purpose, current ? wrap(next, current, purpose) : next, current !== undefined]);
        }
        return next;
      });
      known = changed;
      return changed;
    },
  };
}

interface Opened {
  readonly value: Buffer | undefined;
  /** The key that wraps it. */
  readonly by: Uint8Array | undefined;
}

function open(row: KeyRow | undefined, purpose: KeyPurpose, { current, old }: OperatorKeys): Opened {
  if (row === undefined || row.value.length === 0) return { value: undefined, by: undefined };
  if (!row.wrapped) return { value: row.value, by: undefined };
  for (const by of [current, old]) {
    if (by === undefined) continue;
    try {
      return { value: unwrap(row.value, by, purpose), by };
    } catch {
      // By the other one, or by none of them.
    }
  }
  throw new SettingError(
    current === undefined && old === undefined
      ? "COLLOQUY_AGENT_KEY: must be set: the keys in the database are encrypted by it"
      : "COLLOQUY_AGENT_KEY: must be the key by which the keys in the database are encrypted, or COLLOQUY_AGENT_KEY_OLD must be",
  );
}
