// Grammars of the file settings: where files are stored, and how large they may be.
import { z } from "zod";
import { directory } from "./values.ts";

/** Where the bytes of files lie. */
export type FilesSetting =
  | { readonly kind: "disk"; readonly folder: string }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      /** Without slashes at its ends; may be empty. */
      readonly prefix: string;
      readonly endpoint: string | undefined;
      readonly region: string | undefined;
      /** Undefined: downloads are not redirected. */
      readonly presignSeconds: number | undefined;
    };

const MAX_PRESIGN_SECONDS = 300;
const S3_RULE =
  "must be s3://BUCKET, with a prefix and the parameters endpoint, region and presign where they are needed";

/**
 * `disk`, which is the folder `files` in the data directory (undefined), `disk:/folder`, or
 * `s3://bucket/prefix?endpoint=…`.
 */
export const filesPlace = z.string().transform((text, context): FilesSetting | undefined => {
  if (text === "disk") return undefined;
  const folder = /^disk:(.+)$/.exec(text)?.[1];
  if (folder !== undefined && directory.safeParse(folder).success) return { kind: "disk", folder };
  if (!/^s3:/i.test(text))
    return refuse(context, "must be disk, disk: and a folder, such as disk:/srv/files, or s3://BUCKET");
  const found = s3Place(text);
  return typeof found === "string" ? refuse(context, found) : found;
});

/** A text says what is wrong. */
function s3Place(text: string): FilesSetting | string {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "s3:" || url.hostname === "" || url.hash !== "") return S3_RULE;
  if (url.username !== "" || url.password !== "")
    return "must name no credentials: they come from AWS_ACCESS_KEY_ID and the like";
  const bucket = url.hostname;
  if (url.port !== "") return "must have no port: the parameter endpoint says where the store is";
  if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(bucket))
    return "must name a bucket of 3 to 63 letters, digits and ._- that begins and ends with a letter or digit";
  const prefix = url.pathname.replace(/^\/+|\/+$/g, "");
  if (!/^[\w!.*'()/-]{0,500}$/.test(prefix) || /(?:^|\/)\.{0,2}\//.test(prefix))
    return "must have a prefix of letters, digits, and !-_.*'() between single slashes";
  const unknown = [...url.searchParams.keys()].find((name) => !["endpoint", "region", "presign"].includes(name));
  if (unknown !== undefined) return `must not have the parameter ${unknown}: endpoint, region and presign are known`;
  const endpoint = url.searchParams.get("endpoint") ?? undefined;
  if (endpoint !== undefined && !isOrigin(endpoint)) return "endpoint must be an http or https URL without a path";
  const region = url.searchParams.get("region") ?? undefined;
  if (region !== undefined && !/^[a-z0-9-]{1,50}$/i.test(region)) return "region must be the name of a region";
  const presign = url.searchParams.get("presign") ?? undefined;
  if (
    presign !== undefined &&
    !(/^\d{1,3}$/.test(presign) && Number(presign) >= 1 && Number(presign) <= MAX_PRESIGN_SECONDS)
  ) {
    return `presign must be 1 to ${MAX_PRESIGN_SECONDS} seconds`;
  }
  return {
    kind: "s3",
    bucket,
    prefix,
    endpoint,
    region,
    presignSeconds: presign === undefined ? undefined : Number(presign),
  };
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.pathname === "/" &&
    url.search === "" &&
    url.username === "" &&
    url.hash === ""
  );
}

const UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
const RULE = "must be a size such as 100MiB, in B, KiB, MiB, GiB or TiB";

/** A number of bytes: `100MiB`. */
export const byteSize = z.string().transform((text, context) => sizeOf(text) ?? refuse(context, RULE));

/** The same, or `0`. */
export const byteSizeOrZero = z
  .string()
  .transform((text, context) => (text === "0" ? 0 : (sizeOf(text) ?? refuse(context, `${RULE}, or 0`))));

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
