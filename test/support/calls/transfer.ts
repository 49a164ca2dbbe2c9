// Exports and imports for tests: lines of JSON, in and out.
import { toJson } from "@bufbuild/protobuf";
import { RecordSchema } from "../../../gen/colloquy/v1/record_pb.ts";
import type { ImportConversationsResponse } from "../../../gen/colloquy/v1/transfer_service_pb.ts";
import type { Clients } from "../servers/store-server.ts";

/** All that a caller may see, a line for each record. */
export async function exported({ transfer }: Pick<Clients, "transfer">, conversationId = ""): Promise<string[]> {
  const lines: string[] = [];
  for await (const { record } of transfer.exportConversations({ conversationId })) {
    if (record) lines.push(JSON.stringify(toJson(RecordSchema, record)));
  }
  return lines;
}

/** Imports lines, cut into pieces of a size that is none of theirs. */
export function imported(
  { transfer }: Pick<Clients, "transfer">,
  lines: readonly (string | object)[],
  { stopOnError = false, pieceBytes = 9_973 } = {},
): Promise<ImportConversationsResponse> {
  const data = Buffer.from(lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return transfer.importConversations(
    (async function* () {
      for (let from = 0; from < data.length; from += pieceBytes) {
        yield { body: { data: data.subarray(from, from + pieceBytes) }, stopOnError };
      }
    })(),
  );
}

/** A moment of 2024, a second after the other. */
export function moment(second: number): string {
  return new Date(Date.UTC(2024, 4, 1, 8, 0, second)).toISOString();
}

export function conversationLine(id: string, fields: object = {}, participants: readonly object[] = []): object {
  return { conversation: { conversation: { id, createTime: moment(0), ...fields }, participants } };
}

export function messageLine(conversationId: string, id: string, fields: object = {}): object {
  return { message: { message: { conversationId, id, createTime: moment(1), content: id, ...fields } } };
}
