// The dialects and front ends by name, and where one is served.

export const DIALECT_NAMES = ["callcenter", "crm", "assistant", "workorder", "helpdesk", "openai"] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

/** Protocols of chat front ends and agents, mounted like the dialects. */
export const FRONTEND_NAMES = ["mcp", "agui", "aisdk", "a2a"] as const;
export type FrontendName = (typeof FRONTEND_NAMES)[number];

/** All that `COLLOQUY_COMPAT` may name. */
export const MOUNTED_NAMES = [...DIALECT_NAMES, ...FRONTEND_NAMES] as const;
export type MountedName = DialectName | FrontendName;

/** The dialects that are documented without credentials, and can be made to trust the user id in a request. */
export const TRUSTING_DIALECTS = ["assistant", "helpdesk"] as const satisfies readonly DialectName[];
export type TrustingDialect = (typeof TRUSTING_DIALECTS)[number];

/** One dialect or front end and where it is served. */
export interface MountPoint {
  readonly dialect: MountedName;
  /** A port of its own; undefined: the server's. */
  readonly port: number | undefined;
  /** A path before the dialect's own, such as `/legacy`; empty for none. */
  readonly prefix: string;
}
