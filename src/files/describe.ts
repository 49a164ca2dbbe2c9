// What a file is, told from its bytes.
import type { imageSize as ImageSizeOf } from "image-size";
import { mediaTypeOf, plainType } from "../domain/files/media-type.ts";

/** So much of the beginning is looked at: more than the metadata before the size of nearly every picture. */
export const HEAD_BYTES = 64 * 1024;

export interface Description {
  readonly mediaType: string;
  /** In pixels, upright. Undefined: it is no picture, or its beginning does not say. */
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/**
 * @param head the beginning, up to `HEAD_BYTES`
 * @param isWhole whether that is all
 * @param contentType what it was said to be
 */
export async function describe(head: Buffer, isWhole: boolean, contentType: string): Promise<Description> {
  // Loaded with the first file: they are sixty modules, and many servers never get one.
  const [{ fileTypeFromBuffer }, { imageSize }] = await Promise.all([import("file-type"), import("image-size")]);
  // It throws where a file ends earlier than its own beginning says.
  const found = await fileTypeFromBuffer(head).catch(() => undefined);
  const mediaType = mediaTypeOf(found?.mime, plainType(contentType), isText(head, isWhole));
  return {
    mediaType,
    ...(found?.mime.startsWith("image/") ? sizeOf(head, imageSize) : { width: undefined, height: undefined }),
  };
}

function isText(head: Buffer, isWhole: boolean): boolean {
  if (head.includes(0)) return false;
  try {
    // A character may be cut at the end of what was looked at.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: !isWhole });
    return true;
  } catch {
    return false;
  }
}

/** EXIF: the picture lies on its side. */
const LYING = 5;
const MAX_SIDE = 2 ** 31 - 1;

function sizeOf(head: Buffer, imageSize: typeof ImageSizeOf): Pick<Description, "width" | "height"> {
  try {
    const { width, height, orientation = 1 } = imageSize(head);
    const sides = orientation >= LYING ? [height, width] : [width, height];
    const [across, down] = sides.map((side) =>
      Number.isSafeInteger(side) && side > 0 && side <= MAX_SIDE ? side : undefined,
    );
    if (across !== undefined && down !== undefined) return { width: across, height: down };
  } catch {
    // Not a picture that it knows, or its size comes later.
  }
  return { width: undefined, height: undefined };
}
