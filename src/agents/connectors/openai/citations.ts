// Citations as endpoints give them, as annotations of a text.
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type Annotation, AnnotationSchema } from "../../../../gen/colloquy/v1/part_pb.ts";

const MAX_ADDRESS_LENGTH = 16_384;

/** A page: `url`, `title`, `start_index`, `end_index`. Undefined: it names none. */
export function urlCitation({ url, title, start_index, end_index }: JsonObject): Annotation | undefined {
  if (typeof url !== "string" || url === "" || url.length > MAX_ADDRESS_LENGTH) return undefined;
  const page = { url, ...(typeof title === "string" && { title: title.slice(0, MAX_ADDRESS_LENGTH) }) };
  return create(AnnotationSchema, { ...rangeOf(start_index, end_index), target: { case: "url", value: page } });
}

/** A file, be it of a container: `file_id`, `container_id`, `filename`, `index`. */
export function fileCitation(cited: JsonObject): Annotation | undefined {
  const { file_id: fileId, container_id: containerId, filename, index } = cited;
  if (typeof fileId !== "string" || fileId.length > 256) return undefined;
  const file = {
    fileId,
    ...(typeof containerId === "string" && containerId.length <= 256 && { containerId }),
    ...(typeof filename === "string" && { filename: filename.slice(0, MAX_ADDRESS_LENGTH) }),
    ...(isIndex(index) && { index }),
  };
  return create(AnnotationSchema, {
    ...rangeOf(cited.start_index, cited.end_index),
    target: { case: "file", value: file },
  });
}

function rangeOf(start: JsonValue | undefined, end: JsonValue | undefined) {
  return { ...(isIndex(start) && { start }), ...(isIndex(end) && { end }) };
}

function isIndex(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}
