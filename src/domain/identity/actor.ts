// Who did something: as a text in the store, as an Actor in the contract. Nothing else turns one into the other.
import { type Actor, ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { invalidField } from "../errors.ts";
import { RESERVED } from "./reserved.ts";

const PREFIXES: readonly (readonly [ActorType, string])[] = [
  [ActorType.API_KEY, RESERVED.key],
  [ActorType.AGENT, RESERVED.agent],
  [ActorType.SYSTEM, RESERVED.system],
];

const COLON = ":".charCodeAt(0);

/** Who did what a member did that was erased: the part of the system that bears no name. */
export const ERASED = "system:erased";

/** Who does what a server does by itself, such as retention. */
export const SERVER = "system:server";

/** How audit entries, which also tell for whom an API key acted, name a member. */
const MEMBER_PREFIX = "member:";

/** The actor of a conversation, message, event or revision. */
export function toActor(text: string): Actor {
  for (const [type, prefix] of PREFIXES) {
    // Most are members: for them one character tells, at a fraction of what `startsWith` costs.
    if (text.charCodeAt(prefix.length - 1) === COLON && text.startsWith(prefix)) {
      return actor(type, idAfter(prefix, text));
    }
  }
  return actor(ActorType.MEMBER, text);
}

/** The text of an actor; without a type it is a member. What {@link toActor} reads. */
export function actorText({ type, id }: Pick<Actor, "type" | "id">): string {
  return `${PREFIXES.find(([own]) => own === type)?.[1] ?? ""}${id}`;
}

/**
 * The actor of an audit entry, or the creator of an API key: `member:<id>`, `key:<id>`, `key:<id>:<member>`,
 * `system:<part>`.
 */
export function toAuditActor(text: string): Actor {
  if (text.startsWith(MEMBER_PREFIX)) return actor(ActorType.MEMBER, text.slice(MEMBER_PREFIX.length));
  const { type, id } = toActor(text);
  const colon = type === ActorType.API_KEY ? id.indexOf(":") : -1;
  return colon === -1 ? actor(type, id) : { ...actor(type, id.slice(0, colon)), actingFor: id.slice(colon + 1) };
}

/** The text of an actor in audit entries. What {@link toAuditActor} reads. */
export function auditActorText({ type, id, actingFor = "" }: Pick<Actor, "type" | "id" | "actingFor">): string {
  if (type === ActorType.UNSPECIFIED || type === ActorType.MEMBER) return MEMBER_PREFIX + id;
  return actorText({ type, id }) + (actingFor === "" ? "" : `:${actingFor}`);
}

/** A filter by actor, or undefined where none is asked for. Throws INVALID_FIELD unless it names one. */
export function actorFilter(field: string, asked: Actor | undefined): Actor | undefined {
  if (asked?.id === "") throw invalidField(`${field}.id`, "must be set in a filter", "actor.id");
  if (asked?.displayName !== undefined) {
    throw invalidField(`${field}.display_name`, "must be unset in a filter", "actor.display_name");
  }
  if (asked?.actingFor !== undefined && asked.type !== ActorType.API_KEY) {
    throw invalidField(
      `${field}.acting_for`,
      "must be unset unless the type is ACTOR_TYPE_API_KEY",
      "actor.acting_for",
    );
  }
  return asked;
}

/** The agents and keys of one list are few, and mostly follow each other. */
let lastText = "";
let lastId = "";

/**
 * A flat string. What `slice` gives is a view of the whole text, at which JSON.stringify leaves its fast path for all
 * that it has to write: a page of messages then takes twice as long.
 */
function idAfter(prefix: string, text: string): string {
  if (text !== lastText) {
    lastId = Buffer.from(text.slice(prefix.length)).toString();
    lastText = text;
  }
  return lastId;
}

/** As `create` makes it, in a fraction of the time: there is one in every message of a page. */
function actor(type: ActorType, id: string): Actor {
  return { $typeName: "colloquy.v1.Actor", type, id };
}
