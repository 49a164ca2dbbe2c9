// What is known of a file that a message names: by itself, and where it names only the id, as the store has it.
import { useQuery } from "@connectrpc/connect-query";
import { FileService } from "../../../../gen/colloquy/v1/file_service_pb.ts";
import type { FilePart } from "../../../../gen/colloquy/v1/part_pb.ts";

/** Pictures that no browser runs. SVG is not among them. */
export const PICTURES = /^image\/(?:png|jpeg|gif|webp|avif)$/;

export interface FileFacts {
  /** Empty: none is known. */
  readonly name: string;
  /** Empty: it is not known. */
  readonly mediaType: string;
}

/** What the message says takes precedence: it is what its sender saw. */
export function mergedFacts(part: Partial<FileFacts>, stored: Partial<FileFacts> | undefined): FileFacts {
  return { name: part.name || stored?.name || "", mediaType: part.mediaType || stored?.mediaType || "" };
}

export function useFileFacts({
  source,
  name = "",
  mediaType = "",
}: Pick<FilePart, "source" | "name" | "mediaType">): FileFacts {
  const fileId = source.case === "fileId" ? source.value : "";
  const enabled = fileId !== "" && (name === "" || mediaType === "");
  // A stored file never changes.
  const options = { enabled, staleTime: Number.POSITIVE_INFINITY, retry: false };
  const { data } = useQuery(FileService.method.getFile, { fileId }, options);
  return mergedFacts({ name, mediaType }, data?.file);
}
