// The typed clients of the store over any wire.
import { type Client, createClient } from "@connectrpc/connect";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DirectoryService } from "../../../gen/colloquy/v1/directory_service_pb.ts";
import { DraftService } from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { EventService } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import { ReactionService } from "../../../gen/colloquy/v1/reaction_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { createClient as createRetryingClient } from "../../../src/client/index.ts";
import { transportOver, WIRE_FORMS, type WireForm } from "../../support/calls/five-wires.ts";

export type { WireForm };
export { WIRE_FORMS as WIRES };

export interface Clients {
  readonly wire: WireForm;
  readonly conversations: Client<typeof ConversationService>;
  readonly messages: Client<typeof MessageService>;
  readonly turns: Client<typeof TurnService>;
  readonly events: Client<typeof EventService>;
  readonly participants: Client<typeof ParticipantService>;
  readonly reactions: Client<typeof ReactionService>;
  readonly drafts: Client<typeof DraftService>;
  readonly directory: Client<typeof DirectoryService>;
}

export function clientsOver(wire: WireForm, baseUrl: string, headers: Readonly<Record<string, string>>): Clients {
  const transport = transportOver(wire, baseUrl, headers);
  return {
    wire,
    conversations: createClient(ConversationService, transport),
    messages: createClient(MessageService, transport),
    turns: createClient(TurnService, transport),
    events: createClient(EventService, transport),
    participants: createClient(ParticipantService, transport),
    reactions: createClient(ReactionService, transport),
    drafts: createClient(DraftService, transport),
    directory: createClient(DirectoryService, transport),
  };
}

/** For what must be there before a run begins: tries again while the server says that it is too busy. */
export function patientClients(baseUrl: string, { authorization = "" }: Readonly<Record<string, string>>) {
  const apiKey = authorization.replace("Bearer ", "");
  return createRetryingClient({ baseUrl, apiKey, retry: { retries: 100, maxMs: 300 }, timeoutMs: 60_000 });
}
