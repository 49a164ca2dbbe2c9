// The entry point of the dialects: their additions to the pipeline, its permissions and REST.
import type { DescMethod } from "@bufbuild/protobuf";
import type { CountExchange } from "../domain/fixed-window.ts";
import type { MountedName, MountPoint } from "../domain/settings/dialect-names.ts";
import type { CallContext } from "../pipeline/call/call.ts";
import type { ServiceEntry } from "../pipeline/service.ts";
import type { Mount } from "../protocols/rest/binding/mount.ts";
import type { Attempts } from "../services/in-process/attempts.ts";
import { createCanonical, type Permit } from "../services/in-process/in-process.ts";
import { mountsByPort } from "./mounts.ts";
import { createActing, LOOK_UP_MEMBER, type People } from "./shared/act-as-user.ts";
import { INTRODUCE_MEMBER } from "./shared/auto-register.ts";
import type { CreateDialect, Dialect } from "./shared/dialect.ts";
import { type AllowsOrigin, refuseForeignPages } from "./shared/own-pages.ts";

export interface CompatOptions {
  /** Every dialect there is. */
  readonly dialects: Readonly<Partial<Record<MountedName, CreateDialect>>>;
  /** Where they are served; a dialect that is nowhere is not served at all, on no wire. */
  readonly points: readonly MountPoint[];
  /** The services of `colloquy.v1`. */
  readonly services: readonly ServiceEntry[];
  readonly permit: Permit;
  readonly people: People;
  /** For the dialects of clients that send requests again by themselves. */
  readonly attempts: Attempts;
  /** For the dialects with limits of their own. Default: none, so each server counts by itself. */
  readonly counts?: CountExchange;
  /** Whether the server's ports speak TLS. Default: they do not. */
  readonly tls?: boolean;
  /** The dialects that trust a user id without a credential, and the tenant, by id or slug, of those users. */
  readonly trust: {
    readonly dialects: readonly MountedName[];
    readonly tenant: string;
    /** Whether pages of an origin may call without a credential, besides those of this server. */
    readonly allowsOrigin: AllowsOrigin;
  };
}

export interface Compat {
  readonly dialects: ReadonlyMap<MountedName, Dialect>;
  /** For the pipeline and reflection, beside the canonical services. */
  readonly services: readonly ServiceEntry[];
  /** Whether a method is a dialect's. */
  serves(method: DescMethod): boolean;
  /**
   * For the pipeline's stage of permissions: throws unless the caller may call everything that a dialect's method
   * calls. Without a credential, only the methods of a dialect that trusts user ids are let through.
   */
  allow(context: CallContext): void;
  /** The mounts of each port, `undefined` being the server's own, where `own` is mounted too. Throws MountError. */
  mounts(own: readonly Mount[], ownPort: number): ReadonlyMap<number | undefined, readonly Mount[]>;
}

export function createCompat({
  dialects: makers,
  points,
  services,
  permit,
  people,
  attempts,
  counts,
  tls = false,
  trust,
}: CompatOptions): Compat {
  const dialects = new Map<MountedName, Dialect>();
  const owners = new Map<DescMethod, Dialect>();
  const callsOf = (method: DescMethod) => owners.get(method)?.calls.get(method) ?? [];
  const mayCallOf = (method: DescMethod) => owners.get(method)?.mayCall?.get(method) ?? [];
  const answersOf = (method: DescMethod) => owners.get(method)?.answers?.get(method) ?? [];
  const always = [LOOK_UP_MEMBER, INTRODUCE_MEMBER];
  const canonical = createCanonical({ services, permit, callsOf, mayCallOf, answersOf, always });
  for (const name of new Set(points.map(({ dialect }) => dialect))) {
    const make = makers[name];
    if (make === undefined) throw new Error(`there is no dialect ${name}`);
    const trusts = trust.dialects.includes(name);
    const acting = createActing({ people, trustedTenant: trusts ? trust.tenant : undefined, canonical });
    const dialect = make({ canonical, acting, tenants: people, attempts, counts, tls });
    dialects.set(name, dialect);
    for (const { service } of dialect.services) {
      for (const method of service.methods) {
        // Nobody needs anything for a method that calls nothing, so this must not be forgotten.
        if (!dialect.calls.get(method)?.length) throw new Error(`${method} does not say what it calls`);
        owners.set(method, dialect);
      }
    }
  }
  return {
    dialects,
    services: [...dialects.values()].flatMap((dialect) => dialect.services),
    serves: (method) => owners.has(method),
    allow(context) {
      const { method, principal } = context;
      const dialect = owners.get(method);
      if (principal.kind === "anonymous" && dialect !== undefined && trust.dialects.includes(dialect.name)) {
        refuseForeignPages(context, trust.allowsOrigin);
        return;
      }
      dialect?.admit?.(principal);
      for (const called of callsOf(method)) permit(principal, called);
    },
    mounts: (own, ownPort) => mountsByPort(points, dialects, own, ownPort),
  };
}
