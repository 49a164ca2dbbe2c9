// Finds out which call a delta of chat completions belongs to: servers leave out, repeat and invent ids and indices.
import type { JsonValue } from "@bufbuild/protobuf";
import { ToolType } from "../../../../../gen/colloquy/v1/part_pb.ts";
import type { CallSorter, SortedCall } from "../../call-sorter.ts";
import { AgentFailure } from "../../connector.ts";
import { isObject } from "../../failures.ts";
import { newCallId } from "../../new-call-id.ts";

/** Maximum bytes of a part's `call_id`; LiteLLM puts signatures of several KiB into ids. */
const MAX_ID_LENGTH = 256;
/** Maximum length of arguments that come before their name. */
const MAX_NAMELESS_LENGTH = 65_536;
/** Maximum calls of one reply. */
const MAX_CALLS = 256;

interface Known {
  readonly call: SortedCall;
  /** Its arguments so far. */
  said: string;
}

/** What came of a call before its name. */
interface Nameless {
  readonly id: string;
  readonly text: string;
}

type Delta = Readonly<Record<string, JsonValue>>;

export class ToolCalls {
  readonly #sorter: CallSorter;
  readonly #newId: () => string;
  readonly #taken: Set<string>;
  readonly #byId = new Map<string, Known>();
  readonly #byIndex = new Map<number, Known>();
  readonly #nameless = new Map<number | undefined, Nameless>();
  #last: Known | undefined;
  /** The last call's arguments are `{}` so far: some servers begin with that, whatever follows. */
  #isEmptyObject = false;

  /** @param taken ids of calls earlier in the conversation: some servers count anew in each reply */
  constructor(sorter: CallSorter, taken: Iterable<string> = [], newId: () => string = newCallId) {
    this.#sorter = sorter;
    this.#taken = new Set(taken);
    this.#newId = newId;
  }

  /** `tool_calls` of a delta or message: a list, or one call alone. */
  take(calls: JsonValue | undefined): void {
    for (const call of Array.isArray(calls) ? calls : [calls]) if (isObject(call)) this.#take(call);
  }

  /** `function_call`, of which there is one. */
  takeLegacy(call: JsonValue | undefined): void {
    if (isObject(call)) this.#take({ index: 0, function: call });
  }

  /** At the end of a reply. */
  end(): void {
    this.#settle();
    if (this.#nameless.size > 0) throw new AgentFailure("the agent called a tool without its name", { health: "up" });
  }

  #take(delta: Delta): void {
    const spoken = [delta.function, delta.custom].find(isObject) ?? delta;
    const index = typeof delta.index === "number" ? delta.index : undefined;
    const name = typeof spoken.name === "string" ? spoken.name : "";
    const early = name === "" ? undefined : this.#nameless.get(index);
    const id = early?.id || (typeof delta.id === "string" || typeof delta.id === "number" ? String(delta.id) : "");
    const text = (early?.text ?? "") + argumentsOf(spoken.arguments ?? spoken.input ?? spoken.parameters);
    let known = this.#knownFor(id, index, name);
    if (known === undefined && name === "") {
      this.#hold(id, index, text);
      return;
    }
    this.#nameless.delete(index);
    if (known?.call.complete && text.trimStart().startsWith("{")) {
      // Some servers say the whole once more at the end; what differs is another call.
      if (text.trim() === known.said.trim()) return;
      if (name !== "") known = undefined;
    }
    const isSame = known !== undefined && name !== "" && id !== "" && known.call.begun && !this.#byId.has(id);
    if (known === undefined || (isSame && text.startsWith("{"))) known = this.#begin(id, name, delta);
    if (id !== "" && !this.#byId.has(id)) this.#byId.set(id, known);
    if (index !== undefined) this.#byIndex.set(index, known);
    this.#add(known, text);
  }

  /** The call that goes on; undefined: another begins. */
  #knownFor(id: string, index: number | undefined, name: string): Known | undefined {
    const atIndex = index === undefined ? undefined : this.#byIndex.get(index);
    const sameId = id === "" ? undefined : this.#byId.get(id);
    // An id that is given twice, as by servers that name each call by its function.
    if (sameId !== undefined) {
      return index !== undefined && atIndex === undefined && name !== "" && sameId.call.complete ? undefined : sameId;
    }
    // Without a name nothing begins: indices that count the deltas, ids that change with each of them.
    if (name === "") return atIndex ?? this.#last;
    const open = atIndex ?? (index === undefined ? this.#last : undefined);
    if (open === undefined || open.call.name !== name || open.call.complete) return undefined;
    // The name once more, with another id: another call, unless the first is in the middle of its arguments.
    return id === "" || open.call.begun ? open : undefined;
  }

  #begin(id: string, name: string, delta: Delta): Known {
    if (this.#sorter.count >= MAX_CALLS) {
      throw new AgentFailure(`the agent called more than ${MAX_CALLS} tools at once`, { health: "up" });
    }
    this.#settle();
    const fits = id !== "" && id.length <= MAX_ID_LENGTH && !this.#taken.has(id);
    const callId = fits ? id : this.#newId();
    this.#taken.add(callId);
    const kept = {
      ...(delta.extra_content != null && { extra_content: delta.extra_content }),
      ...(id.length > MAX_ID_LENGTH && { call_id: id }),
    };
    const call = this.#sorter.begin({
      kind: "tool_call",
      callId,
      name,
      type: isObject(delta.custom) ? ToolType.CUSTOM : ToolType.FUNCTION,
      ...(Object.keys(kept).length > 0 && { providerJson: JSON.stringify(kept) }),
    });
    return { call, said: "" };
  }

  #add(known: Known, text: string): void {
    if (known !== this.#last) this.#settle();
    this.#last = known;
    if (text === "") return;
    if (known.said === "" && text === "{}") {
      this.#isEmptyObject = true;
      return;
    }
    this.#isEmptyObject = false;
    known.said += text;
    this.#sorter.arguments(known.call, text);
  }

  /** Nothing has followed `{}`. */
  #settle(): void {
    if (!this.#isEmptyObject || this.#last === undefined) return;
    this.#isEmptyObject = false;
    this.#last.said = "{}";
    this.#sorter.arguments(this.#last.call, "{}");
  }

  #hold(id: string, index: number | undefined, text: string): void {
    const before = this.#nameless.get(index);
    const held = (before?.text ?? "") + text;
    if (held.length > MAX_NAMELESS_LENGTH)
      throw new AgentFailure("the agent called a tool without its name", { health: "up" });
    this.#nameless.set(index, { id: before?.id || id, text: held });
  }
}

/** As text; servers that parse what the model wrote send an object. */
function argumentsOf(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
