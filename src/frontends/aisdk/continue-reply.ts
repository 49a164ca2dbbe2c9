// A posted reply that waits: its turn is given the results and answers that the client has added, and goes on.
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { findById } from "../../services/in-process/stored.ts";
import { type PostedAnswers, readAnswers, refused } from "./answers.ts";
import { liveEntriesOfTurn } from "./known-messages.ts";
import type { PostParts, Reply } from "./reply.ts";
import type { UiMessage } from "./request.ts";

/** Throws NOT_AWAITED, and stores nothing, unless all that the reply has is stored or awaited. */
export async function continueReply(parts: PostParts, conversationId: string, last: UiMessage): Promise<Reply> {
  const { canonical, context } = parts;
  const turn = await turnOf(parts, conversationId, last.id);
  const asked = await findById(canonical, context, turn.messageId);
  const read = async () => {
    const entries = await liveEntriesOfTurn(canonical, context, conversationId, turn.id, asked?.seq ?? 0n);
    return readAnswers(turn.id, last.parts, entries);
  };
  // Others may have answered since it was read.
  const waitsStill = async () => (await turnOf(parts, conversationId, last.id)).state === TurnState.INPUT_REQUIRED;
  const { answers, held } = await read();
  if (!isEmpty(answers)) {
    try {
      await canonical.once(context, TurnService.method.answerTurn, { turnId: turn.id, ...answers });
    } catch (error) {
      // The same answers, sent twice at once: the others were first.
      const isLate = error instanceof DomainError && error.reason === ErrorReason.NOT_AWAITED;
      if (!isLate || !isEmpty((await read()).answers)) throw error;
    }
  } else if (turn.state === TurnState.INPUT_REQUIRED && (await waitsStill())) {
    throw refused(turn.id, "the reply waits for results or approvals, and the posted one has none");
  }
  const request = { turnId: turn.id, streamEntries: true };
  return { turnId: turn.id, held, events: canonical.stream(context, TurnService.method.resumeTurn, request) };
}

function isEmpty({ results, approvals }: PostedAnswers["answers"]): boolean {
  return results.length + approvals.length === 0;
}

async function turnOf({ canonical, context }: PostParts, conversationId: string, id: string): Promise<Turn> {
  const none = () => refused(id, "the last message is not a reply of this chat that can go on");
  if (!isOurId(id)) throw none();
  try {
    const { turn } = await canonical.call(context, TurnService.method.getTurn, { turnId: id });
    if (turn?.conversationId === conversationId) return turn;
  } catch (error) {
    if (!(error instanceof DomainError) || error.reason !== ErrorReason.NOT_FOUND) throw error;
  }
  throw none();
}
