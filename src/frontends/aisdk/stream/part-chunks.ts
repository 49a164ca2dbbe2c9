// Whole parts of an agent's message as chunks.
import type { Annotation, Part } from "../../../../gen/colloquy/v1/part_pb.ts";
import { toData, toFile, toSource } from "../parts/write.ts";
import type { Chunk } from "./chunks.ts";

/** @param own an id for what has none */
export function* partChunks({ id, content }: Part, own: string): Generator<Chunk> {
  switch (content.case) {
    case "text":
      yield* whole("text", own, content.value.text);
      yield* citationChunks(own, content.value.annotations);
      break;
    case "refusal":
      yield* whole("text", own, content.value.text);
      break;
    case "reasoning":
      yield* whole("reasoning", own, content.value.text ?? content.value.summary.join("\n\n"));
      break;
    case "file": {
      const file = toFile(content.value);
      // A chunk has no name of a file.
      if (file !== undefined) {
        const { url = "", mediaType = "application/octet-stream" } = file;
        yield { type: "part", part: { type: "file", mediaType, url } };
      }
      break;
    }
    case "source":
      yield { type: "part", part: toSource(content.value, content.value.sourceId ?? id ?? own) };
      break;
    case "data":
      yield { type: "part", part: { data: null, ...toData(content.value) } };
      break;
  }
}

/** The pages that a text cites. */
export function* citationChunks(id: string, annotations: readonly Annotation[]): Generator<Chunk> {
  for (const [index, { target }] of annotations.entries()) {
    if (target.case !== "url") continue;
    const { url = "", title } = target.value;
    const named = title === undefined ? {} : { title };
    yield { type: "part", part: { type: "source-url", sourceId: `${id}:source-${index + 1}`, url, ...named } };
  }
}

function* whole(of: "text" | "reasoning", id: string, delta: string): Generator<Chunk> {
  if (delta === "") return;
  yield { type: `${of}-start`, id };
  yield { type: `${of}-delta`, id, delta };
  yield { type: `${of}-end`, id };
}
