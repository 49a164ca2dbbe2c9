// The state as a client has been told of it, to notice a change that it was told of and the store did not take.
import { setImmediate } from "node:timers/promises";
import { applyChanges, stateChangeIn } from "../../domain/turns/shared-state.ts";
import type { AguiEvent } from "./protocol.ts";
import type { EntryEvent } from "./turn-events.ts";

export class ToldState {
  #state: string;
  /** The changes of the entry that is open, which its end applies. */
  #told = 0;

  /** @param event tells of the state before; undefined: there is none */
  constructor(event: AguiEvent | undefined) {
    this.#state = event?.type === "STATE_SNAPSHOT" ? JSON.stringify(event.snapshot) : "";
  }

  /** Whether an entry has ended, or the turn, without all that the client was told of. */
  async isWrong(event?: EntryEvent): Promise<boolean> {
    if (event?.case === "entryStarted") return false;
    if (event?.case === "entryDelta") {
      const { piece } = event.value;
      if (piece.case === "part" && stateChangeIn(piece.value)) this.#told++;
      return false;
    }
    const told = this.#told;
    this.#told = 0;
    const changes = (event?.value.message?.parts ?? []).flatMap((part) => stateChangeIn(part) ?? []);
    if (changes.length === 0) return told > 0;
    const { state, isWhole } = await applyChanges(this.#state, changes, () => setImmediate());
    this.#state = state;
    return !isWhole || told > changes.length;
  }
}
