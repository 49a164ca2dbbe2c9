// Visibility of conversations, as conditions of statements.

import type { Viewer } from "../domain/identity/visibility.ts";
import type { Deleted } from "../domain/lists/deleted.ts";
import type { Statement } from "./database.ts";

export type ViewerKind = Viewer["kind"];

/** For each choice among deleted things: letters for a statement's name, and a condition on a row. */
export const SHOWN: Readonly<Record<Deleted, readonly [letters: string, condition: (row: string) => string]>> = {
  exclude: ["", (row) => `${row}.delete_time is null`],
  include: ["i", () => "true"],
  only: ["d", (row) => `${row}.delete_time is not null`],
};

/** One of something for each kind of viewer. */
export function byViewer<T>(make: (kind: ViewerKind) => T): Readonly<Record<ViewerKind, T>> {
  return { tenant: make("tenant"), member: make("member"), manager: make("manager") };
}

interface ViewerOptions extends Pick<Statement, "changes" | "extendsLog" | "maxBytes" | "isWeighed"> {
  /** Its text where tables are distributed. Default: the same. */
  readonly sharded?: (kind: ViewerKind) => string;
}

/** Creates a statement for each kind of viewer, so that each has its own plan. `$1` is the tenant, `$2` the caller. */
export function forEachViewer<Row>(
  name: string,
  text: (kind: ViewerKind) => string,
  { sharded, ...options }: ViewerOptions = {},
): Readonly<Record<ViewerKind, Statement<Row>>> {
  return byViewer((kind) => ({
    ...options,
    name: `${name}_${kind}`,
    text: text(kind),
    ...(sharded && { sharded: sharded(kind) }),
  }));
}

/**
 * The members whose conversations a viewer sees: itself, and for a manager its subordinates at any depth.
 * `$1` is the tenant, `viewer` an expression for the viewer, default `$2`.
 */
export function watchedMembers(kind: "member" | "manager", viewer = "$2::text"): string {
  if (kind === "member") return `select ${viewer} collate "C" as id`;
  // UNION, not UNION ALL: it terminates even with a cycle.
  return `with recursive report(id) as (
      select ${viewer} collate "C"
      union
      select m.id from member m join report r on m.manager_id = r.id where m.tenant_id = $1
    ) select id from report`;
}

/**
 * An optimization fence of a subquery that is evaluated for one conversation at a time. Without it, PostgreSQL may hash
 * all of the member's conversations first, if it estimates few.
 */
export const ONE_BY_ONE = "offset 0";

/** A condition on conversation `c`: the viewer sees it. `$1` is the tenant, `viewer` as above. */
export function visible(kind: ViewerKind, viewer = "$2::text"): string {
  switch (kind) {
    case "tenant":
      // Uses the parameter, so that all kinds of viewers have the same parameters.
      return `(${viewer} is null or true)`;
    case "member":
      return `(c.owner_id = ${viewer} or exists (
        select from participant v where v.tenant_id = $1 and v.conversation_id = c.id and v.member_id = ${viewer}
        ${ONE_BY_ONE}))`;
    case "manager":
      return `(c.owner_id in (${watchedMembers(kind, viewer)}) or exists (
        select from participant v where v.tenant_id = $1 and v.conversation_id = c.id
          and v.member_id in (${watchedMembers(kind, viewer)}) ${ONE_BY_ONE}))`;
  }
}

/** A condition on conversation `c`: `member` is a participant. Both arguments are SQL expressions. */
export function takesPart(member: string, tenant = "$1"): string {
  return `exists (select from participant f
      where f.tenant_id = ${tenant} and f.conversation_id = c.id and f.member_id = ${member}
      ${ONE_BY_ONE})`;
}

/** Whether the viewer may write to a visible conversation `c`. `$1` is the tenant, `viewer` as above. */
export function writable(kind: ViewerKind, viewer = "$2::text"): string {
  if (kind === "tenant") return "true";
  return `(c.owner_id = ${viewer} or ${takesPart(viewer)}) is true`;
}
