// Begins the turn that a response is: of the right model, in its place, once the conversation is free.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AgentService as Agents } from "../../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService as Conversations } from "../../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Turn } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { type CreateTurnRequestSchema, TurnService as Turns } from "../../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../../domain/errors.ts";
import type { InlineTexts } from "../../../domain/files/inline-bytes.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { orAborted } from "../../../pipeline/call/deadline.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import type { KeepInPlace } from "../files/keep.ts";
import { throwUnseen } from "../files/unseen.ts";
import type { FindItems } from "../find-items.ts";
import { ourConversationId } from "../ids.ts";
import { objectOf } from "../items/json-members.ts";
import { readItems } from "../items/read-items.ts";
import type { ConversationLines } from "./line.ts";
import { noteText, readNote } from "./note.ts";
import type { WantedResponse } from "./request.ts";
import { lineOf, turnEnd } from "./turn-end.ts";

/** The agent that is asked for models which are no agents. */
const FALLBACK = "openai";

/** @param texts those that were taken out of the request */
export type Begin = (context: CallContext, wanted: WantedResponse, texts: InlineTexts) => Promise<Turn>;

type Request = Exclude<MessageInitShape<typeof CreateTurnRequestSchema>, { readonly $typeName: string }>;

export interface BeginParts {
  readonly canonical: Canonical;
  readonly found: FindItems;
  readonly lines: ConversationLines;
  readonly keep: KeepInPlace;
}

export function createBegin({ canonical, found, lines, keep }: BeginParts): Begin {
  /** The agent, and the model that it is asked for in place of its own. */
  async function agentOf(context: CallContext, { model }: WantedResponse, conversationId: string) {
    if (model === "") return { agent: "", model: "", shown: await conversationAgent(context, conversationId) };
    try {
      const { agent } = await canonical.call(context, Agents.method.getAgent, { agentId: model });
      return { agent: agent?.id ?? "", model: "", shown: model };
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND)) throw error;
      return { agent: FALLBACK, model, shown: model };
    }
  }

  async function conversationAgent(context: CallContext, conversationId: string): Promise<string> {
    const { getConversation } = Conversations.method;
    const { conversation } =
      conversationId === "" ? {} : await canonical.call(context, getConversation, { conversationId });
    const name = conversation?.agent ?? "";
    if (name === "") throw invalidField("model", "must be given", "required");
    return name;
  }

  /** Our id of the conversation in which the turn before is. Throws UNKNOWN_REFERENCE for one that is no response. */
  async function conversationOf(context: CallContext, previousTurnId: string): Promise<string | undefined> {
    if (previousTurnId === "") return undefined;
    const previous = await canonical
      .call(context, Turns.method.getTurn, { turnId: previousTurnId })
      .catch(() => undefined);
    const note = readNote(previous?.turn?.noteJson ?? "");
    if (note?.store) return previous?.turn?.conversationId;
    const description = "is not a response";
    throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `previous_response_id: ${description}`, {
      violations: [{ field: "previous_response_id", description, rule: "reference" }],
    });
  }

  /** Waits while another turn is open in the conversation. */
  async function create(context: CallContext, request: Request): Promise<Turn> {
    for (;;) {
      try {
        const { turn } = await canonical.once(context, Turns.method.createTurn, request);
        if (turn === undefined) throw new Error("a turn that was just created is not there");
        return turn;
      } catch (error) {
        const busy = error instanceof DomainError && error.reason === ErrorReason.TURN_IN_PROGRESS;
        const turnId = busy ? error.details.metadata?.turn_id : undefined;
        if (turnId === undefined) throw error;
        await turnEnd(canonical, context, turnId);
      }
    }
  }

  /** Throws for a conversation that the caller does not see, and for an agent that is not there. */
  async function requirePlace(context: CallContext, wanted: WantedResponse, own: string, agent: string): Promise<void> {
    try {
      if (own !== "") await canonical.call(context, Conversations.method.getConversation, { conversationId: own });
    } catch (error) {
      const missing = error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND;
      throw missing ? noConversation(wanted.conversationId) : error;
    }
    if (agent !== FALLBACK) return;
    try {
      await canonical.call(context, Agents.method.getAgent, { agentId: agent });
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND)) throw error;
      const description = "names no registered agent";
      throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `model: ${description}`, {
        violations: [{ field: "model", description, rule: "reference" }],
      });
    }
  }

  return async (context, wanted, texts) => {
    const { previousTurnId, parameters, fields, tools } = wanted;
    const own = wanted.conversationId === "" ? "" : ourConversationId(wanted.conversationId);
    const { agent, model, shown } = await agentOf(context, wanted, own);
    const known = own || (await conversationOf(context, previousTurnId));
    const read = await readItems(found, context, known, wanted.input, "input");
    if (read.length === 0) throw invalidField("input", "must have something that is stored", "repeated.min_items");
    // No file is stored for what would be refused.
    if (texts.size > 0) await requirePlace(context, wanted, own, agent);
    const messages = await keep(context, read, texts, "input");
    const stored = { name: "input", items: wanted.input, drafts: messages };
    const instructions = fields.get("instructions");
    const request: Request = {
      conversationId: own,
      previousTurnId,
      messages,
      agent,
      options: {
        model,
        instructions: instructions === undefined ? "" : (JSON.parse(instructions) as string),
        parametersJson: parameters.size === 0 ? "" : objectOf(parameters),
      },
      tools: [...tools],
      endWithCalls: true,
      discardFailed: true,
      ephemeral: !wanted.store,
      noteJson: noteText(wanted, shown),
    };
    if (own === "") return create(context, request).catch((error: unknown) => throwUnseen(error, stored));
    const place = lines.enter(lineOf(context, own));
    try {
      await orAborted(place.before, context.signal);
      return await create(context, request);
    } catch (error) {
      const missing = error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND;
      if (missing) throw noConversation(wanted.conversationId);
      return throwUnseen(error, stored);
    } finally {
      place.leave();
    }
  };
}

function noConversation(id: string): DomainError {
  const { reason } = notFound("conversation");
  return new DomainError(reason, `Conversation with id '${id}' not found.`);
}
