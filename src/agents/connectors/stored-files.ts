// Gives agents the bytes of the files that messages name, for an id of this store tells a model nothing, and stores the
// files that they make.
import { create } from "@bufbuild/protobuf";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { type FileBytes, filesIn, type NamedFile, withBytes } from "../../domain/files/named.ts";
import type { ReplyPiece } from "../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../domain/turns/turn.ts";
import type { ByteStore, FileKey } from "../../files/byte-store.ts";
import type { ConnectorName } from "../../store/agents/agents.ts";
import { type NamedFileRow, readNamed } from "../../store/files/named-files.ts";
import { HeldBytes } from "../held-bytes.ts";
import { toolFailure } from "../tools/tool-runner.ts";
import { AgentFailure, type ReplyRequest } from "./connector.ts";
import type { Connectors } from "./connectors.ts";
import { isText } from "./history/files.ts";
import { type MadeFilesOptions, type MadeIn, withMadeFiles } from "./made-files.ts";
import { StreamedFiles } from "./streamed-files.ts";
import { waitForRoom } from "./wait-for-room.ts";

/**
 * The bytes of the files of one call, each as often as the history names it. Of larger histories the agent gets the
 * latest files. Where they are read while they are sent, the bound is what providers take: OpenAI 50 MB of request,
 * Anthropic 32 MB, a third of which base64 adds. Elsewhere the process holds them several times.
 */
const MAX_BYTES: Readonly<Record<ConnectorName, number>> = {
  openai: 32 << 20,
  anthropic: 22 << 20,
  a2a: 8 << 20,
  connect: 8 << 20,
  // It repeats text.
  echo: 0,
};
const STREAMED: readonly ConnectorName[] = ["openai", "anthropic"];
/** Of these, the bytes of files that are not read while they are sent. */
const MAX_IN_MEMORY = 8 << 20;

/** What the files of all calls take in this process. */
const MAX_HELD = 256 << 20;
/** Of bytes in memory there are so many copies while a call runs: base64, JSON, and what is sent. */
const COPIES = 4;
/** What a call takes that reads files while they are sent: pieces, their base64, and what waits in its socket. */
const STREAM_BYTES = 2 << 20;

export interface StoredFilesOptions extends MadeFilesOptions {
  /** What the files of all calls of the process take together. Default: {@link MAX_HELD}. */
  readonly room?: HeldBytes;
}

/**
 * The same connectors, of which each gets files in place: their bytes, or no more than their names where there are too
 * many. What it sends as bytes, and what tools return so, becomes a file of the conversation.
 */
export function connectorsWithFiles(connectors: Connectors, options: StoredFilesOptions): Connectors {
  const { room = new HeldBytes(MAX_HELD) } = options;
  return {
    ...connectors,
    connectorOf(tenantId, agent) {
      const connector = connectors.connectorOf(tenantId, agent);
      return async function* (request, signal) {
        const { tenantId: tenant, conversationId } = request;
        const place = { tenantId: tenant, conversationId, agentId: agent.id };
        const files = await namedIn(request, options, signal);
        if (files === undefined) return yield* kept(connector(request, signal), place, options);
        const held = new CallFiles(agent.connector, files);
        const hold = yield* waitForRoom(room, tenant, held.bytes, signal);
        try {
          const pieces = connector(await inPlace(request, agent.connector, files, options, signal), signal);
          // Once the agent answers, it has what was sent; what is in memory stays for as long as the call.
          return yield* kept(pieces, place, options, () => hold.shrinkTo(held.bytesInMemory));
        } finally {
          hold.leave();
        }
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
  onAnswer: () => void = () => {},
): AsyncGenerator<ReplyPiece, FinishReason> {
  try {
    for (;;) {
      const { value, done } = await pieces.next();
      onAnswer();
      if (done) return value;
      yield value.kind === "part" ? { ...value, part: await withMadeFiles(value.part, place, options) } : value;
    }
  } finally {
    await pieces.return(FinishReason.UNSPECIFIED);
  }
}

/** The files that each message of a request names, and what is stored of them. */
interface NamedFiles {
  readonly named: readonly (readonly NamedFile[])[];
  readonly rows: ReadonlyMap<string, NamedFileRow>;
}

/** Undefined: the request names none. */
async function namedIn(
  request: ReplyRequest,
  { database }: StoredFilesOptions,
  signal: AbortSignal,
): Promise<NamedFiles | undefined> {
  const named = request.messages.map(({ parts }) => filesIn(parts));
  if (named.every((files) => files.length === 0)) return undefined;
  const places = request.messages.flatMap(({ conversation_id: conversationId, seq }, index) =>
    (named[index] ?? []).map(({ id: fileId }) => ({ fileId, conversationId, seq })),
  );
  const rows = await readNamed(database, request.tenantId, places, signal);
  return { named, rows: new Map(rows.map((row) => [row.id, row])) };
}

async function inPlace(
  request: ReplyRequest,
  connector: ConnectorName,
  { named, rows }: NamedFiles,
  options: StoredFilesOptions,
  signal: AbortSignal,
): Promise<ReplyRequest> {
  const room = new Room(connector, rows, { tenantId: request.tenantId, bytes: options.bytes, signal });
  const messages = [...request.messages];
  for (const [index, row] of [...messages.entries()].reverse()) {
    const files = named[index] ?? [];
    if (files.length > 0) messages[index] = { ...row, parts: withBytes(row.parts ?? "[]", await room.take(files)) };
  }
  return { ...request, messages, files: room.streamed };
}

/** What the files of a call take at most in this process, before any is read. */
class CallFiles {
  readonly bytesInMemory: number;
  readonly bytes: number;

  constructor(connector: ConnectorName, { named, rows }: NamedFiles) {
    let inMemory = 0;
    let streams = false;
    for (const { id, times } of named.flat()) {
      const row = rows.get(id);
      if (row === undefined) continue;
      if (isInMemory(connector, row)) inMemory += times * Number(row.size);
      else streams = true;
    }
    this.bytesInMemory = COPIES * Math.min(inMemory, MAX_IN_MEMORY, MAX_BYTES[connector]);
    this.bytes = this.bytesInMemory + (streams ? STREAM_BYTES : 0);
  }
}

/** Models get files of text as text. */
function isInMemory(connector: ConnectorName, { media_type: mediaType, size }: NamedFileRow): boolean {
  return !STREAMED.includes(connector) || size === 0n || isText(mediaType);
}

interface Source {
  readonly tenantId: string;
  readonly bytes: ByteStore;
  readonly signal: AbortSignal;
}

/** Gives the files of one call their bytes, while there is room for them. */
class Room {
  readonly streamed = new StreamedFiles();
  readonly #connector: ConnectorName;
  readonly #rows: ReadonlyMap<string, NamedFileRow>;
  readonly #source: Source;
  readonly #held = new Map<string, string>();
  #left: number;
  #leftInMemory = MAX_IN_MEMORY;

  constructor(connector: ConnectorName, rows: ReadonlyMap<string, NamedFileRow>, source: Source) {
    this.#connector = connector;
    this.#left = MAX_BYTES[connector];
    this.#rows = rows;
    this.#source = source;
  }

  /** Those of one message, the last first. What is not among them is gone. */
  async take(files: readonly NamedFile[]): Promise<ReadonlyMap<string, FileBytes>> {
    const taken = new Map<string, FileBytes>();
    for (const { id, times } of files.toReversed()) {
      const row = this.#rows.get(id);
      if (row === undefined) continue;
      const { name, media_type: mediaType } = row;
      taken.set(id, { name, mediaType, source: await this.#sourceOf(row, times) });
    }
    return taken;
  }

  async #sourceOf(row: NamedFileRow, times: number): Promise<FileBytes["source"]> {
    const { id, media_type: mediaType, size } = row;
    const length = Number(size);
    const all = times * length;
    const inMemory = isInMemory(this.#connector, row);
    if (all > this.#left || (inMemory && all > this.#leftInMemory)) return {};
    this.#left -= all;
    const { tenantId, bytes, signal } = this.#source;
    const read = () => readOrFail(bytes, { tenantId, id }, length);
    if (!inMemory) return { url: `data:${mediaType};base64,${this.streamed.add({ size: length, read })}` };
    this.#leftInMemory -= all;
    const base64 = this.#held.get(id) ?? (await base64Of(read()));
    this.#held.set(id, base64);
    signal.throwIfAborted();
    return { data: base64 };
  }
}

async function base64Of(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  // The memory of a piece is used again for the next one.
  for await (const piece of pieces) all.push(Uint8Array.from(piece));
  return Buffer.concat(all).toString("base64");
}

async function* readOrFail(bytes: ByteStore, key: FileKey, length: number): AsyncGenerator<Uint8Array> {
  if (length === 0) return;
  try {
    yield* bytes.read(key, { offset: 0, length }, { reuse: true });
  } catch (cause) {
    throw new AgentFailure("a file of the conversation cannot be read", { retryable: true, health: "up", cause });
  }
}
