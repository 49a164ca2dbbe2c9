// The dialect `helpdesk`: its service, its place in REST and what its methods call.
import type { DescMethod } from "@bufbuild/protobuf";
import { ConversationService } from "../../../gen/colloquy/compat/helpdesk/v1/conversation_service_pb.ts";
import { ConversationService as Canonical } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { LOOK_UP_AGENT } from "../agent-names.ts";
import type { Dialect, DialectTools } from "../shared/dialect.ts";
import { renderError } from "./errors.ts";
import { createHelpdeskService } from "./service.ts";

export function createHelpdesk(tools: DialectTools): Dialect {
  const { method } = ConversationService;
  const { createConversation, listConversations, updateConversation, deleteConversation, assignConversationNumbers } =
    Canonical.method;
  return {
    name: "helpdesk",
    title: "Helpdesk Conversations API",
    services: [createHelpdeskService(tools)],
    calls: new Map<DescMethod, readonly DescMethod[]>([
      [method.createConversation, [createConversation, assignConversationNumbers]],
      [method.getConversation, [listConversations]],
      [method.listConversations, [listConversations, assignConversationNumbers]],
      [method.updateConversation, [updateConversation]],
      [method.deleteConversation, [deleteConversation]],
    ]),
    // To find what a number stands for, where the change itself answers it; and to name agents.
    answers: new Map<DescMethod, readonly DescMethod[]>([
      [method.createConversation, [LOOK_UP_AGENT]],
      [method.getConversation, [LOOK_UP_AGENT]],
      [method.listConversations, [LOOK_UP_AGENT]],
      [method.updateConversation, [listConversations, LOOK_UP_AGENT]],
      [method.deleteConversation, [listConversations]],
    ]),
    mount: { basePaths: ["/api"], renderError },
  };
}
