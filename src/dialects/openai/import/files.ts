// What messages of an import have in place, as files.
import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { type Record as ImportRecord, RecordSchema } from "../../../../gen/colloquy/v1/record_pb.ts";
import { withStoredFiles } from "../files/store-drafts.ts";
import type { ImportedFiles, RecordDraft } from "./drafts.ts";

/** The record, with files that are stored named by their ids. Without times its message could not be found again. */
export async function withFiles(draft: RecordDraft, files: ImportedFiles | undefined): Promise<ImportRecord> {
  const record = create(RecordSchema, draft);
  if (files === undefined) return record;
  if (record.kind.case === "conversation") {
    const { id = "", createTime } = record.kind.value.conversation ?? {};
    files.conversation(id, createTime);
  }
  const message = record.kind.case === "message" ? record.kind.value.message : undefined;
  const createTime: Timestamp | undefined = message?.createTime;
  if (record.kind.case !== "message" || message === undefined || createTime === undefined) return record;
  const { conversationId, id, kind, parts } = message;
  const stored = await withStoredFiles({ kind, parts }, new Map(), {
    store: (file) => files.store({ conversationId, id, createTime }, file),
    idInUrl: () => undefined,
  });
  message.kind = stored.kind ?? kind;
  message.parts = (stored.parts ?? []).map((part) => create(PartSchema, part));
  return record;
}
