// Gives agents the bytes of the files that messages name, for an id of this store tells a model nothing, and stores the
// files that they make.
import { create } from "@bufbuild/protobuf";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { type FileBytes, filesIn, withBytes } from "../../domain/files/named.ts";
import type { ReplyPiece } from "../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../domain/turns/turn.ts";
import type { ByteStore } from "../../files/byte-store.ts";
import { type NamedFileRow, readNamed } from "../../store/files/named-files.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { toolFailure } from "../tools/tool-runner.ts";
import { AgentFailure, type ReplyRequest } from "./connector.ts";
import type { Connectors } from "./connectors.ts";
import { type MadeFilesOptions, type MadeIn, withMadeFiles } from "./made-files.ts";

/** The bytes of all files of one call. Of larger histories the agent gets the latest files. */
const MAX_BYTES = 8 * 1024 * 1024;

export type StoredFilesOptions = MadeFilesOptions;

/**
 * The same connectors, of which each gets files in place: their bytes, or no more than their names where there are too
 * many. What it sends as bytes, and what tools return so, becomes a file of the conversation.
 */
export function connectorsWithFiles(connectors: Connectors, options: StoredFilesOptions): Connectors {
  return {
    ...connectors,
    connectorOf(tenantId, agent) {
      const connector = connectors.connectorOf(tenantId, agent);
      return async function* (request, signal) {
        const { tenantId: tenant, conversationId } = request;
        const pieces = connector(await inPlace(request, options, signal), signal);
        return yield* kept(pieces, { tenantId: tenant, conversationId, agentId: agent.id }, options);
      };
    },
    tools: {
      async run(agent, call, place, signal) {
        const outcome = await connectors.tools.run(agent, call, place, signal);
        if (outcome.output.case !== "parts") return outcome;
        const part = create(PartSchema, { content: { case: "toolResult", value: { output: outcome.output } } });
        try {
          const { content } = await withMadeFiles(part, { ...place, agentId: agent.id }, options);
          return content.case === "toolResult" ? { ...outcome, output: content.value.output } : outcome;
        } catch (error) {
          if (error instanceof AgentFailure)
            return toolFailure(`the tool has run, but its result is lost: ${error.message}`);
          throw error;
        }
      },
    },
  };
}

async function* kept(
  pieces: AsyncGenerator<ReplyPiece, FinishReason>,
  place: MadeIn,
  options: StoredFilesOptions,
): AsyncGenerator<ReplyPiece, FinishReason> {
  try {
    for (;;) {
      const { value, done } = await pieces.next();
      if (done) return value;
      yield value.kind === "part" ? { ...value, part: await withMadeFiles(value.part, place, options) } : value;
    }
  } finally {
    await pieces.return(FinishReason.UNSPECIFIED);
  }
}

async function inPlace(request: ReplyRequest, options: StoredFilesOptions, signal: AbortSignal): Promise<ReplyRequest> {
  const named = request.messages.map(({ parts }) => filesIn(parts).map(({ id }) => id));
  if (named.every((ids) => ids.length === 0)) return request;
  const places = request.messages.flatMap(({ conversation_id: conversationId, seq }, index) =>
    (named[index] ?? []).map((fileId) => ({ fileId, conversationId, seq })),
  );
  const rows = await readNamed(options.database, request.tenantId, places, signal);
  const chosen = await read(
    rows,
    places.map(({ fileId }) => fileId).reverse(),
    request.tenantId,
    options.bytes,
    signal,
  );
  return {
    ...request,
    messages: request.messages.map((row, index) => (named[index]?.length ? filled(row, chosen) : row)),
  };
}

function filled(row: MessageRow, files: ReadonlyMap<string, FileBytes>): MessageRow {
  return { ...row, parts: withBytes(row.parts ?? "[]", files) };
}

/** Reads the files in this order, as many as there is room for. */
async function read(
  rows: readonly NamedFileRow[],
  order: readonly string[],
  tenantId: string,
  bytes: ByteStore,
  signal: AbortSignal,
): Promise<Map<string, FileBytes>> {
  const files = new Map<string, FileBytes>();
  let room = MAX_BYTES;
  for (const id of new Set(order)) {
    const row = rows.find((one) => one.id === id);
    if (row === undefined) continue;
    const { name, media_type: mediaType } = row;
    const length = Number(row.size);
    if (length > room) {
      files.set(id, { name, mediaType, base64: undefined });
      continue;
    }
    room -= length;
    const pieces: Uint8Array[] = [];
    if (length > 0) for await (const piece of bytes.read({ tenantId, id }, { offset: 0, length })) pieces.push(piece);
    signal.throwIfAborted();
    files.set(id, { name, mediaType, base64: Buffer.concat(pieces).toString("base64") });
  }
  return files;
}
