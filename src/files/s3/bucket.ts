// One bucket of an S3-compatible store, and the names that files have in it.
import { GetBucketVersioningCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { isOurId } from "../../domain/ids/id.ts";
import { SettingError } from "../../domain/settings/setting-error.ts";
import type { FileKey } from "../byte-store.ts";
import { isRefused, wordsOf } from "./faults.ts";

/** Where files lie in an S3-compatible store. Credentials come from the usual AWS variables, files and roles. */
export interface S3Place {
  readonly kind: "s3";
  readonly bucket: string;
  /** Before each key, without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** Undefined: AWS. */
  readonly endpoint: string | undefined;
  /** Undefined: that of the AWS variables, and of another store `us-east-1`. */
  readonly region: string | undefined;
  /** The seconds that a presigned URL is good for; undefined: bytes are only streamed through. */
  readonly presignSeconds: number | undefined;
}

export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  /** Ends with a slash, or is empty. */
  readonly prefix: string;
  /** Whether it keeps what is deleted as older versions. */
  readonly keepsVersions: boolean;
}

const CONNECT_MS = 5_000;
/** A connection on which nothing moves for so long is given up. */
const SILENT_MS = 60_000;
/** Each transfer has a connection of its own; how many there are at once is limited where calls come in. */
const SOCKETS = 4_096;

/** @throws SettingError if the store refuses it. A store that cannot be reached may be there later. */
export async function openBucket(place: S3Place): Promise<Bucket> {
  const client = createClient(place);
  const bucket = { client, name: place.bucket, prefix: place.prefix === "" ? "" : `${place.prefix}/` };
  await look(bucket).catch((cause) => {
    if (!isRefused(cause)) return;
    client.destroy();
    throw new SettingError(`COLLOQUY_FILES: the bucket ${place.bucket} cannot be used: ${wordsOf(cause)}`);
  });
  // A store that does not say has no versions, or does not let us see them.
  const versioning = await client.send(new GetBucketVersioningCommand({ Bucket: bucket.name })).catch(() => undefined);
  return { ...bucket, keepsVersions: versioning?.Status !== undefined };
}

/** What the store says against the bucket, for the operator; undefined: nothing. Answers within some 15 s. */
export async function faultOf(place: S3Place): Promise<string | undefined> {
  const client = createClient(place);
  try {
    await look({ client, name: place.bucket, prefix: place.prefix });
    return undefined;
  } catch (error) {
    return wordsOf(error);
  } finally {
    client.destroy();
  }
}

function look({ client, name, prefix }: Pick<Bucket, "client" | "name" | "prefix">): Promise<unknown> {
  return client.send(new ListObjectsV2Command({ Bucket: name, Prefix: prefix, MaxKeys: 1 }));
}

function createClient({ endpoint, region }: S3Place): S3Client {
  return new S3Client({
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true, region: region ?? "us-east-1" }),
    ...(region !== undefined && { region }),
    // Many compatible stores do not know the newer checksums. The bodies that we send are signed with their hash.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENT_MS,
      httpAgent: { maxSockets: SOCKETS, keepAlive: true },
      httpsAgent: { maxSockets: SOCKETS, keepAlive: true },
    },
  });
}

export function objectOf({ prefix }: Bucket, { tenantId, id }: FileKey): string {
  return `${prefix}${tenantId}/${id}`;
}

/** Undefined: it is none of ours. */
export function keyOf({ prefix }: Bucket, object: string | undefined): FileKey | undefined {
  if (!object?.startsWith(prefix)) return undefined;
  const [tenantId = "", id = "", ...more] = object.slice(prefix.length).split("/");
  return more.length === 0 && isOurId(tenantId) && isOurId(id) ? { tenantId, id } : undefined;
}
