// The Unix socket of the embedded PostgreSQL, by a path that is short enough.
import { mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "./cluster.ts";
import { PORT } from "./postmaster.ts";

/** What a Unix socket's path may have on every system, in bytes (`sun_path`). */
const MAX_SOCKET_PATH = 103;

export interface Socket {
  readonly directory: string;
  /** The temporary directory that holds a shorter way to it. */
  readonly link: string | undefined;
}

export async function reachableSocket({ directory }: Cluster): Promise<Socket> {
  if (Buffer.byteLength(join(directory, `.s.PGSQL.${PORT}`)) <= MAX_SOCKET_PATH) return { directory, link: undefined };
  const link = await mkdtemp(join(tmpdir(), "colloquy-"));
  await symlink(directory, join(link, "pg"));
  return { directory: join(link, "pg"), link };
}
