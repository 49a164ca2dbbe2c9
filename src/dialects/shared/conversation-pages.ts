// Pages of conversations that are longer than those of the services.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  ConversationService,
  type ListConversationsRequestSchema,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

/** Maximum conversations that the services return at once. */
export const CANONICAL_PAGE = 200;

/** Where a document gives no maximum for a page, this is it. */
export const LONGEST_PAGE = 1000;

export interface ConversationPage {
  readonly conversations: readonly Conversation[];
  /** Empty: there are no more. */
  readonly nextPageToken: string;
  /** How many match in all, if the request asks for it. */
  readonly total: number;
}

/** One page of at most `size` conversations, read in as many calls as that takes. */
export async function readConversations(
  canonical: Canonical,
  context: CallContext,
  request: Omit<MessageInitShape<typeof ListConversationsRequestSchema>, "$typeName" | "pageSize">,
  size: number,
): Promise<ConversationPage> {
  const conversations: Conversation[] = [];
  let { pageToken = "" } = request;
  let total = 0;
  const budget = canonical.responseBudget(context);
  do {
    const pageSize = Math.min(size - conversations.length, CANONICAL_PAGE);
    const page = await canonical.call(context, ConversationService.method.listConversations, {
      ...request,
      pageSize,
      pageToken,
    });
    await budget.add(page.conversations);
    conversations.push(...page.conversations);
    total = Number(page.totalSize ?? total);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && conversations.length < size);
  return { conversations, nextPageToken: pageToken, total };
}
