// Reads an image of a contract: a FileDescriptorSet with source info, as `buf build` writes it.
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Throws if the bytes are no image, or if a file that another one imports is missing. */
export function readImage(bytes: Uint8Array): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
}
