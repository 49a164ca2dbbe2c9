// Grammars of the settings of files: where they lie, and how large they may be.
import { z } from "zod";
import { directory } from "./values.ts";

/** Where the bytes of files lie. */
export interface FilesSetting {
  readonly kind: "disk";
  readonly folder: string;
}

/** `disk`, which is the folder `files` in the data directory (undefined), or `disk:/folder`. */
export const filesPlace = z.string().transform((text, context): FilesSetting | undefined => {
  if (text === "disk") return undefined;
  const folder = /^disk:(.+)$/.exec(text)?.[1];
  if (folder !== undefined && directory.safeParse(folder).success) return { kind: "disk", folder };
  context.addIssue("must be disk, or disk: and a folder, such as disk:/srv/files");
  return z.NEVER;
});

const UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
const RULE = "must be a size such as 100MiB, in B, KiB, MiB, GiB or TiB";

/** A number of bytes: `100MiB`. */
export const byteSize = z.string().transform((text, context) => sizeOf(text) ?? refuse(context, RULE));

/** The same, or undefined for `unlimited`. */
export const byteSizeOrUnlimited = z
  .string()
  .transform((text, context) =>
    text === "unlimited" ? undefined : (sizeOf(text) ?? refuse(context, `${RULE}, or unlimited`)),
  );

function sizeOf(text: string): number | undefined {
  const { number, unit } = /^(?<number>[1-9]\d{0,9})(?<unit>B|[KMGT]iB)$/.exec(text)?.groups ?? {};
  if (number === undefined) return undefined;
  const size = Number(number) * UNITS[unit as keyof typeof UNITS];
  return Number.isSafeInteger(size) ? size : undefined;
}

function refuse(context: { addIssue(issue: string): void }, rule: string): never {
  context.addIssue(rule);
  return z.NEVER;
}
