// What is said in a message or in the output of a tool.
import type { JsonObject } from "@bufbuild/protobuf";
import type { FilePart } from "../../../../gen/colloquy/v1/part_pb.ts";

/** `json` is the part in the words of Responses, where it was written in them. */
export type Content =
  | { readonly type: "text"; readonly text: string; readonly json?: JsonObject }
  | { readonly type: "refusal"; readonly text: string }
  /** `isImage`: whoever named it says that it is one, which nothing else may tell. */
  | { readonly type: "file"; readonly file: FilePart; readonly isImage?: boolean; readonly json?: JsonObject };
