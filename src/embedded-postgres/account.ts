// Which account the embedded PostgreSQL runs as: PostgreSQL refuses to run as root.
import { execFile, spawnSync } from "node:child_process";
import { chown, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { SettingError } from "../domain/settings/setting-error.ts";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const NAME = "postgres";
const run = promisify(execFile);

/**
 * The account to switch to, or undefined where Colloquy does not run as root. As root it is the account that owns the
 * cluster already, else `postgres`, which is created as a system account if there is none.
 */
export async function accountFor(clusterDirectory: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  if (process.platform !== "linux")
    throw new SettingError("the embedded PostgreSQL does not run as root: use another account");
  const owner = await lstat(clusterDirectory).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return lookUp() ?? (await create());
}

function lookUp(): Account | undefined {
  const [uid, gid] = ["-u", "-g"].map((flag) => Number.parseInt(spawnSync("id", [flag, NAME]).stdout?.toString(), 10));
  return uid && gid ? { uid, gid } : undefined;
}

async function create(): Promise<Account> {
  try {
    await run("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]);
  } catch (cause) {
    const another = lookUp();
    if (another !== undefined) return another;
    throw new SettingError(
      `PostgreSQL refuses to run as root, and the account "${NAME}" could not be created for it: ` +
        "create it, run Colloquy as another user, or set DATABASE_URL",
      { cause },
    );
  }
  const account = lookUp();
  if (account === undefined) throw new Error(`the account "${NAME}" was created but cannot be found`);
  return account;
}

/** Gives a cluster that root owns (restored from a backup, say) to the account that will run it. */
export async function giveTo(account: Account, path: string): Promise<void> {
  const status = await lstat(path);
  if (status.uid === account.uid) return;
  await chown(path, account.uid, account.gid);
  if (!status.isDirectory()) return;
  for (const name of await readdir(path)) await giveTo(account, join(path, name));
}
