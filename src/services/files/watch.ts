// Tells a running download when something may have changed that decides who sees its file.
import type { Hints, Waker } from "../../live/hints/hints.ts";
import type { Database } from "../../store/database.ts";
import { conversationsOf } from "../../store/files/files.ts";

/** How often to look without a hint: one may be lost, and not everything gives one. */
const LOOK_MS = 5_000;

export class FileWatch {
  readonly #database: Database;
  readonly #tenantId: string;
  readonly #waker: Waker;
  #looked = performance.now();
  /** Those that show the file; `null`: too many to know. Undefined: not asked for yet. */
  #conversations: ReadonlySet<string> | null | undefined;

  /** To be made before the caller's right is looked at, so that no change is missed. */
  constructor(database: Database, hints: Pick<Hints, "listen">, tenantId: string) {
    this.#database = database;
    this.#tenantId = tenantId;
    this.#waker = hints.listen({ kind: "log", tenantId });
  }

  /** Whether the caller's right is to be looked at again. */
  async isDue(fileId: string): Promise<boolean> {
    const named = this.#waker.named();
    const isOld = performance.now() - this.#looked >= LOOK_MS;
    if (!isOld && named !== undefined && !(await this.#concerns(named, fileId))) return false;
    this.#looked = performance.now();
    // A message may have named it in another one.
    this.#conversations = undefined;
    return true;
  }

  async #concerns(named: ReadonlySet<string>, fileId: string): Promise<boolean> {
    if (named.size === 0) return false;
    if (this.#conversations === undefined) {
      this.#conversations = (await conversationsOf(this.#database, this.#tenantId, fileId)) ?? null;
    }
    return this.#conversations === null || !named.isDisjointFrom(this.#conversations);
  }

  close(): void {
    this.#waker.close();
  }
}
