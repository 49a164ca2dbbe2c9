// Grammars of the dialect settings: where each is served, and which may trust user ids.
import { z } from "zod";
import {
  MOUNTED_NAMES,
  type MountedName,
  type MountPoint,
  TRUSTING_DIALECTS,
} from "../domain/settings/dialect-names.ts";
import { list } from "./values.ts";

/** `name[@port][/prefix]` */
const MOUNT = /^(?<name>[a-z][a-z0-9]*)(?:@(?<port>\d{1,5}))?(?<prefix>(?:\/[\w.~-]+)*)$/;

export const mounts = list.transform((items, context) => {
  const seen = new Set<string>();
  return items.map((item): MountPoint => {
    const { name, port: mountPort, prefix } = MOUNT.exec(item)?.groups ?? {};
    const known = (MOUNTED_NAMES as readonly (string | undefined)[]).includes(name);
    const portNumber = mountPort === undefined ? undefined : Number(mountPort);
    if (!known || (portNumber !== undefined && (portNumber < 1 || portNumber > 65_535))) {
      context.addIssue(`"${item}" must be name[@port][/prefix], where name is one of ${MOUNTED_NAMES.join(", ")}`);
    } else if (/\/\.{1,2}(\/|$)/.test(item)) {
      context.addIssue(`"${item}" must not have a prefix with the segment . or .., which no request path has`);
    } else if (seen.has(item)) {
      context.addIssue(`"${item}" must not be repeated`);
    }
    seen.add(item);
    return { dialect: name as MountedName, port: portNumber, prefix: prefix ?? "" };
  });
});

export const trusting = list.pipe(
  z.array(
    z.enum(TRUSTING_DIALECTS, {
      error: ({ input }) => `"${String(input)}" must be one of ${TRUSTING_DIALECTS.join(" and ")}`,
    }),
  ),
);
