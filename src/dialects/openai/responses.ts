// The methods about responses: each is a turn, and its input and output are entries of a conversation's log.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CreateResponseResponseSchema,
  ResponseService,
} from "../../../gen/colloquy/compat/openai/v1/response_service_pb.ts";
import { MessageState } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService as Turns } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { textsOf } from "../../domain/files/inline-bytes.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Handlers } from "../../pipeline/service.ts";
import { STREAM_HEADERS } from "../../pipeline/streams/heartbeat.ts";
import { EVENTS_TYPE, JSON_TYPE } from "../../protocols/rest/binding/media.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { entriesOfTurn } from "../../services/in-process/stored.ts";
import { edgesOf } from "./conversations.ts";
import { SEQUENCE_NUMBER } from "./errors.ts";
import { type InPlace, MAX_SHOWN_BYTES } from "./files/in-place.ts";
import { createFindItems } from "./find-items.ts";
import { ourIdIn } from "./ids.ts";
import { writeItem } from "./items/write-item.ts";
import { createBegin } from "./responses/begin.ts";
import { inResponse } from "./responses/errors.ts";
import { ResponseEvents } from "./responses/events.ts";
import type { ConversationLines } from "./responses/line.ts";
import { type ResponseNote, readNote, responseIdOf } from "./responses/note.ts";
import { isOutput } from "./responses/output.ts";
import { readRequest } from "./responses/request.ts";
import { failureOf, responseJson, statusOf } from "./responses/response-json.ts";
import type { ActOnce } from "./retries.ts";

type Piece = Pick<Exclude<MessageInitShape<typeof CreateResponseResponseSchema>, { $typeName: string }>, "body">;

const DEFAULT_PAGE = 20;
const HEARTBEAT = ":\n\n";

export function createResponseHandlers(
  canonical: Canonical,
  lines: ConversationLines,
  actOnce: ActOnce,
  mayComeAgain: (context: CallContext) => void,
  { keep, show }: InPlace,
): Handlers<typeof ResponseService> {
  const begin = createBegin({ canonical, found: createFindItems(canonical), lines, keep });

  async function find(context: CallContext, responseId: string): Promise<{ turn: Turn; note: ResponseNote }> {
    const turnId = responseId.startsWith("resp_") ? ourIdIn(responseId) : undefined;
    try {
      const { turn } = turnId === undefined ? {} : await canonical.call(context, Turns.method.getTurn, { turnId });
      const note = readNote(turn?.noteJson ?? "");
      if (turn !== undefined && note?.store) return { turn, note };
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    throw noResponse(responseId);
  }

  /** What a call about a response returns, which may be deleted meanwhile. */
  async function ofResponse<T>(turn: Turn, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      throw isMissing(error) ? noResponse(responseIdOf(turn.id)) : error;
    }
  }

  async function document(context: CallContext, turn: Turn, note: ResponseNote): Promise<string> {
    const entries = (await entriesOfTurn(canonical, context, turn.id)).filter(isOutput);
    const files = await show(context, entries);
    return responseJson(
      turn,
      note,
      entries.map((message) => writeItem(message, files).json),
    );
  }

  /** The events of a response after one, to its end. */
  async function* events(context: CallContext, turn: Turn, note: ResponseNote, after: number): AsyncIterable<Piece> {
    for (const [name, value] of Object.entries(STREAM_HEADERS)) context.setHeader(name, value);
    const own = new ResponseEvents(turn, note, after);
    yield piece(own.begin());
    const request = { turnId: turn.id, asRecorded: true };
    const room = { bytes: MAX_SHOWN_BYTES };
    try {
      for await (const { event } of canonical.stream(context, Turns.method.resumeTurn, request)) {
        const isBroken = event.case === "entryEnded" && event.value.message?.state === MessageState.FAILED;
        if (isBroken) own.lostIf((await canonical.call(context, Turns.method.getTurn, { turnId: turn.id })).turn);
        const message = event.case === "entryEnded" ? event.value.message : undefined;
        const files = message && (await show(context, [message], room));
        const text = event.case === undefined ? HEARTBEAT : own.take(event, files);
        if (text !== "") yield piece(text);
      }
    } catch (error) {
      if (!own.ended) throw numbered(isMissing(error) ? noResponse(responseIdOf(turn.id)) : error, own.next);
    }
  }

  /** Waits for the end of a turn. */
  async function ended(context: CallContext, { id }: Turn): Promise<Turn> {
    let last: Turn | undefined;
    try {
      for await (const { event } of canonical.stream(context, Turns.method.resumeTurn, { turnId: id })) {
        if (event.case === "ended") last = event.value.turn;
      }
    } catch (error) {
      if (last === undefined) throw error;
    }
    if (last === undefined) throw new Error("a turn did not end");
    return last;
  }

  return {
    async *createResponse(request, context) {
      const wanted = readRequest(request);
      const once = await actOnce(context, Turns.method.createTurn, request);
      const turn = await begin(once, wanted, textsOf(request)).catch((error: unknown) => {
        throw inResponse(error);
      });
      const note = readNote(turn.noteJson);
      if (note === undefined) throw new Error("a turn has lost its note");
      if (request.stream) {
        yield* events(once, turn, note, -1);
        return;
      }
      if (wanted.background) {
        yield json(responseJson(turn, note, []));
        return;
      }
      const last = await ofResponse(turn, ended(once, turn));
      if (statusOf(last) === "failed") {
        // Nothing is left of it: the client's next attempt, be it of this call, acts anew.
        mayComeAgain(once);
        throw agentFailed(last);
      }
      yield json(await ofResponse(turn, document(once, last, note)));
    },

    async *getResponse({ responseId, stream, startingAfter }, context) {
      const { turn, note } = await find(context, responseId);
      if (stream) yield* events(context, turn, note, startingAfter === undefined ? -1 : Number(startingAfter));
      else yield json(await ofResponse(turn, document(context, turn, note)));
    },

    async deleteResponse({ responseId }, context) {
      const { turn } = await find(context, responseId);
      await ofResponse(turn, canonical.once(context, Turns.method.deleteTurn, { turnId: turn.id }));
      return { response: { id: responseId, object: "response", deleted: true } };
    },

    async cancelResponse({ responseId }, context) {
      const { turn, note } = await find(context, responseId);
      const isOpen = turn.endTime === undefined;
      if (!isOpen && !note.background) {
        throw invalidField(
          "response_id",
          "must be that of a response that runs, or that ran in the background",
          "response.cancel",
        );
      }
      const { turn: now = turn } = isOpen
        ? await ofResponse(turn, canonical.once(context, Turns.method.cancelTurn, { turnId: turn.id }))
        : { turn };
      return { response: await ofResponse(turn, document(context, now, note)) };
    },

    async listInputItems({ responseId, limit = DEFAULT_PAGE, after, order }, context) {
      const { turn } = await find(context, responseId);
      const entries = await ofResponse(turn, entriesOfTurn(canonical, context, turn.id, true));
      if (order !== "asc") entries.reverse();
      const from = after === undefined ? 0 : entries.findIndex((entry) => writeItem(entry).id === after) + 1;
      if (after !== undefined && from === 0) {
        throw new DomainError(ErrorReason.NOT_FOUND, "item not found", {
          violations: [{ field: "after", description: "item not found", rule: "found" }],
        });
      }
      const chosen = entries.slice(from, from + limit);
      const files = await show(context, chosen);
      const page = chosen.map((entry) => writeItem(entry, files));
      const hasMore = from + limit < entries.length;
      return { object: "list", data: page.map((item) => item.json), ...edgesOf(page), hasMore };
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND;
}

function noResponse(id: string): DomainError {
  return new DomainError(ErrorReason.NOT_FOUND, `Response with id '${id}' not found.`);
}

/** Says which number the event of the error gets. */
function numbered(error: unknown, next: number): unknown {
  if (!(error instanceof DomainError)) return error;
  const metadata = { ...error.details.metadata, [SEQUENCE_NUMBER]: String(next) };
  return new DomainError(error.reason, error.message, { ...error.details, metadata });
}

function piece(text: string): Piece {
  return { body: { contentType: EVENTS_TYPE, data: Buffer.from(text) } };
}

function json(text: string): Piece {
  return { body: { contentType: JSON_TYPE, data: Buffer.from(text) } };
}

function agentFailed(turn: Turn): DomainError {
  const { code, message } = failureOf(turn);
  const metadata = {
    status: String(turn.failureStatus),
    code: turn.failureCode || code,
    response_id: responseIdOf(turn.id),
  };
  return new DomainError(ErrorReason.AGENT_FAILED, message, { metadata });
}
