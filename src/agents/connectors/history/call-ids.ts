// Ids of calls as a provider takes them: of its form, and none twice.
import { createHash } from "node:crypto";
import type { Call } from "./items.ts";

/** Gives each call of one history its id. */
export class CallIds {
  readonly #fits: RegExp;
  readonly #taken = new Set<string>();

  /** @param fits what the provider takes */
  constructor(fits: RegExp) {
    this.#fits = fits;
  }

  /** The call's own id where it fits. The same history always gets the same ids, for caches of prompts. */
  of({ callId }: Pick<Call, "callId">): string {
    let id = this.#fits.test(callId) ? callId : shortened(callId);
    for (let times = 1; this.#taken.has(id); times++) id = shortened(`${callId}#${times}`);
    this.#taken.add(id);
    return id;
  }
}

/** Nine letters and digits, which all providers take; Mistral takes nothing else. */
function shortened(id: string): string {
  return createHash("sha256").update(id).digest("hex").slice(0, 9);
}
