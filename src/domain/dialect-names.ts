// The dialects by name, and where one is served.

export const DIALECT_NAMES = ["callcenter", "crm", "assistant", "workorder", "helpdesk"] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

/** The dialects that are documented without credentials, and can be made to trust the user id in a request. */
export const TRUSTING_DIALECTS = ["assistant", "helpdesk"] as const satisfies readonly DialectName[];
export type TrustingDialect = (typeof TRUSTING_DIALECTS)[number];

/** One dialect and where it is served. */
export interface MountPoint {
  readonly dialect: DialectName;
  /** A port of its own; undefined: the server's. */
  readonly port: number | undefined;
  /** A path before the dialect's own, such as `/legacy`; empty for none. */
  readonly prefix: string;
}
