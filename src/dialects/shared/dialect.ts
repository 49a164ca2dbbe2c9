// The definition of a dialect: a service, its place in REST, and the methods that it calls.
import type { DescMethod } from "@bufbuild/protobuf";
import type { CountExchange } from "../../domain/fixed-window.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import type { MountedName } from "../../domain/settings/dialect-names.ts";
import type { ServiceEntry } from "../../pipeline/service.ts";
import type { CallInfo, Mount } from "../../protocols/rest/binding/mount.ts";
import type { Attempts } from "../../services/in-process/attempts.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import type { Acting, People } from "./act-as-user.ts";

/** What every dialect is made of. */
export interface DialectTools {
  readonly canonical: Canonical;
  readonly acting: Acting;
  readonly tenants: Pick<People, "tenant">;
  readonly attempts: Attempts;
  /** Undefined: each server counts by itself. */
  readonly counts: CountExchange | undefined;
  /** Whether the server's ports speak TLS: for the URLs that it gives of itself. */
  readonly tls: boolean;
}

export interface Dialect {
  readonly name: MountedName;
  /** For people: the title of its OpenAPI document. */
  readonly title: string;
  readonly services: readonly ServiceEntry[];
  /**
   * The canonical methods that each method calls. What a caller needs for a dialect's method follows from it:
   * everything that these need.
   */
  readonly calls: ReadonlyMap<DescMethod, readonly DescMethod[]>;
  /**
   * The canonical methods that a method calls only if its request asks for them, as one method with many tools does:
   * what they need is asked of the caller then, not before. Default: none.
   */
  readonly mayCall?: ReadonlyMap<DescMethod, readonly DescMethod[]>;
  /**
   * The canonical methods that a method calls for its own answer: they ask for no scope of their own, so that an API
   * key which may write is answered what it wrote. What the caller may not see they do not show either. Default: none.
   */
  readonly answers?: ReadonlyMap<DescMethod, readonly DescMethod[]>;
  /**
   * Throws for a caller that the dialect does not take, before anything else is asked of it. Default: takes everybody.
   */
  readonly admit?: (principal: Principal) => void;
  /** How it is served over REST, but for where. */
  readonly mount: Pick<Mount, "basePaths" | "renderError"> & Partial<Omit<Mount, "name" | "prefix" | "serves">>;
}

export type CreateDialect = (tools: DialectTools) => Dialect;

export type { CallInfo };
