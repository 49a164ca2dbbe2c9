// Which dialects are served where, and which of them may trust a user id.
import { z } from "zod";
import { list } from "./values.ts";

export const DIALECTS = ["callcenter", "crm", "assistant", "workorder", "helpdesk"] as const;
export type Dialect = (typeof DIALECTS)[number];

/** The dialects documented without credentials, which can trust the user id in a request. */
export const TRUSTING_DIALECTS = ["assistant", "helpdesk"] as const;
export type TrustingDialect = (typeof TRUSTING_DIALECTS)[number];

/** One dialect and where it is served. */
export interface Mount {
  readonly dialect: Dialect;
  /** A port of its own; undefined: the server's port. */
  readonly port: number | undefined;
  /** A path before the dialect's own, such as `/legacy`; may be empty. */
  readonly prefix: string;
}

/** `name[@port][/prefix]` */
const MOUNT = /^(?<name>[a-z]+)(?:@(?<port>\d{1,5}))?(?<prefix>(?:\/[\w.~-]+)*)$/;

export const mounts = list.transform((items, context) => {
  const seen = new Set<string>();
  return items.map((item): Mount => {
    const { name, port: mountPort, prefix } = MOUNT.exec(item)?.groups ?? {};
    const known = (DIALECTS as readonly (string | undefined)[]).includes(name);
    const portNumber = mountPort === undefined ? undefined : Number(mountPort);
    if (!known || (portNumber !== undefined && (portNumber < 1 || portNumber > 65_535))) {
      context.addIssue(`"${item}" must be name[@port][/prefix], where name is one of ${DIALECTS.join(", ")}`);
    } else if (seen.has(item)) {
      context.addIssue(`"${item}" must not be repeated`);
    }
    seen.add(item);
    return { dialect: name as Dialect, port: portNumber, prefix: prefix ?? "" };
  });
});

export const trusting = list.pipe(
  z.array(
    z.enum(TRUSTING_DIALECTS, {
      error: ({ input }) => `"${String(input)}" must be one of ${TRUSTING_DIALECTS.join(" and ")}`,
    }),
  ),
);
