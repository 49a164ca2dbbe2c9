// Files in an S3-compatible store: an object each, which is there when all of it is.
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { ByteStore, FileKey } from "../byte-store.ts";
import { type Bucket, keyOf, objectOf, openBucket, type S3Place } from "./bucket.ts";
import { isGone, isNotImplemented, throwUnavailable } from "./faults.ts";
import { readObject } from "./reader.ts";
import { S3Writer, UploadMemory } from "./writer.ts";

/** The memory that uploads may take together. */
const UPLOAD_BYTES = 512 * 1024 * 1024;

/** Throws if the store refuses the bucket. @param maxBytes of a file */
export async function openS3Store(place: S3Place, maxBytes: number): Promise<ByteStore> {
  const bucket = await openBucket(place);
  const memory = new UploadMemory(UPLOAD_BYTES);
  const { presignSeconds } = place;
  return {
    create: async (key) => new S3Writer(bucket, objectOf(bucket, key), memory, maxBytes),
    read: (key, range) => readObject(bucket, objectOf(bucket, key), range),
    remove: (key) => remove(bucket, key).catch(throwUnavailable),
    list: (before) => list(bucket, before),
    removeUnfinished: (before) => removeUnfinished(bucket, before).catch(throwUnavailable),
    ...(presignSeconds !== undefined && {
      link: (key, { contentType, contentDisposition }) =>
        getSignedUrl(
          bucket.client,
          new GetObjectCommand({
            Bucket: bucket.name,
            Key: objectOf(bucket, key),
            ResponseContentType: contentType,
            ResponseContentDisposition: contentDisposition,
            ResponseCacheControl: "private, no-store",
          }),
          { expiresIn: presignSeconds },
        ),
    }),
    async close() {
      bucket.client.destroy();
    },
  };
}

async function remove(bucket: Bucket, key: FileKey): Promise<void> {
  const { client, name, keepsVersions } = bucket;
  const object = objectOf(bucket, key);
  if (!keepsVersions) {
    await client.send(new DeleteObjectCommand({ Bucket: name, Key: object })).catch(unlessGone);
    return;
  }
  // What is erased must not stay as an older version, nor the mark that says it was deleted.
  let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await client.send(new ListObjectVersionsCommand({ Bucket: name, Prefix: object, ...marker }));
    for (const { Key, VersionId } of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]) {
      if (Key !== object) continue;
      await client.send(new DeleteObjectCommand({ Bucket: name, Key, VersionId })).catch(unlessGone);
    }
    if (!page.IsTruncated) return;
    marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
}

async function* list(bucket: Bucket, before: Date): AsyncGenerator<FileKey> {
  const { client, name, prefix } = bucket;
  let from: { ContinuationToken?: string | undefined } = {};
  for (;;) {
    const page = await client
      .send(new ListObjectsV2Command({ Bucket: name, Prefix: prefix, ...from }))
      .catch(throwUnavailable);
    for (const { Key, LastModified } of page.Contents ?? []) {
      const key = keyOf(bucket, Key);
      if (key !== undefined && LastModified !== undefined && LastModified < before) yield key;
    }
    if (!page.IsTruncated) return;
    from = { ContinuationToken: page.NextContinuationToken };
  }
}

/** Parts of uploads that never ended: no list of objects shows them, but they take room. */
async function removeUnfinished(bucket: Bucket, before: Date): Promise<number> {
  const { client, name, prefix } = bucket;
  let removed = 0;
  let from: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await client
      .send(new ListMultipartUploadsCommand({ Bucket: name, Prefix: prefix, ...from }))
      .catch(unlessNotImplemented);
    for (const { Key, UploadId, Initiated } of page?.Uploads ?? []) {
      if (keyOf(bucket, Key) === undefined || Initiated === undefined || Initiated >= before) continue;
      await client.send(new AbortMultipartUploadCommand({ Bucket: name, Key, UploadId })).catch(unlessGone);
      removed++;
    }
    if (!page?.IsTruncated) return removed;
    from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}

function unlessGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

function unlessNotImplemented(error: unknown): undefined {
  if (!isNotImplemented(error)) throw error;
}
