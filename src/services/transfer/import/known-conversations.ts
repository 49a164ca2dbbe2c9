// Maps ids of another system to those of existing conversations.
import { isOurId } from "../../../domain/ids/id.ts";

/** The conversations that an import has named by the ids of another system, as many as are worth remembering. */
export class KnownConversations {
  static readonly #MAX = 100_000;
  readonly #ids = new Map<string, string>();

  set(foreign: string, id: string): void {
    this.#ids.delete(foreign);
    this.#ids.set(foreign, id);
    for (const oldest of this.#ids.keys()) {
      if (this.#ids.size <= KnownConversations.#MAX) break;
      this.#ids.delete(oldest);
    }
  }

  find(id: string): string | undefined {
    return isOurId(id) ? id.toLowerCase() : this.#ids.get(id);
  }
}
