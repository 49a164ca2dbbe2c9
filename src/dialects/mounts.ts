// Where each dialect is served: on which port, under which prefix; and that no two want the same place.
import type { DescService } from "@bufbuild/protobuf";
import type { MountedName, MountPoint } from "../domain/settings/dialect-names.ts";
import { SettingError } from "../domain/settings/setting-error.ts";
import { bindingsOf } from "../protocols/rest/binding/binding.ts";
import type { Mount } from "../protocols/rest/binding/mount.ts";
import { shapeOf } from "../protocols/rest/binding/template.ts";
import type { Dialect } from "./shared/dialect.ts";

/** Two dialects that cannot be served where they were asked to. The message names both and says what to do. */
export class MountError extends SettingError {
  override readonly name = "MountError";
}

/** The REST mount of a dialect at a place. */
export function mountOf(dialect: Dialect, { prefix }: Pick<MountPoint, "prefix">): Mount {
  return {
    // As these APIs' own servers do.
    unknown: "ignore",
    trailingSlash: true,
    ...dialect.mount,
    name: dialect.name,
    serves: dialect.services.map(({ service }) => service),
    prefix,
  };
}

/**
 * The mounts of each port, `undefined` being the server's own, where `own` is mounted too. Throws MountError if two
 * claim the same route.
 */
export function mountsByPort(
  points: readonly MountPoint[],
  dialects: ReadonlyMap<MountedName, Dialect>,
  own: readonly Mount[],
  ownPort: number,
): ReadonlyMap<number | undefined, readonly Mount[]> {
  const ports = new Map<number | undefined, Mount[]>([[undefined, [...own]]]);
  for (const point of points) {
    const dialect = dialects.get(point.dialect);
    if (dialect === undefined) throw new MountError(`there is no dialect ${point.dialect}`);
    const port = point.port === ownPort ? undefined : point.port;
    ports.set(port, [...(ports.get(port) ?? []), mountOf(dialect, point)]);
  }
  for (const [port, mounts] of ports) refuseCollisions(mounts, port ?? ownPort);
  return ports;
}

function refuseCollisions(mounts: readonly Mount[], port: number): void {
  const claims = new Map<string, Mount>();
  for (const mount of mounts) {
    for (const route of routesOf(mount)) {
      const other = claims.get(route);
      if (other !== undefined && other !== mount) {
        throw new MountError(
          `${other.name} and ${mount.name} both claim ${route} on port ${port}: give one of them a port or a prefix ` +
            `of its own in COLLOQUY_COMPAT, such as ${mount.name}@3030 or ${mount.name}/${mount.name}`,
        );
      }
      claims.set(route, mount);
    }
  }
}

/** Each route as `GET /conversations/*`: the same for two that answer the same requests. */
function routesOf({ serves, prefix }: Mount): string[] {
  const methods = serves.flatMap((one) => (one.kind === "service" ? (one as DescService).methods : [one]));
  return [
    ...new Set(
      methods.flatMap((method) =>
        bindingsOf(method, prefix).map(({ verb, template }) => `${verb} ${shapeOf(template)}`),
      ),
    ),
  ];
}
