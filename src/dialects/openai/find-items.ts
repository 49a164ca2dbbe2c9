// Finds items by their ids: those that were derived from ours, and those that clients gave.
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { FileService as Files } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { type Message, MessageKind, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { eachNamedFile } from "../../services/files/named-in-request.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { findById } from "../../services/in-process/stored.ts";
import type { FileInPlace, FilesInPlace } from "./files/in-place.ts";
import { clientIdOf, ourIdIn } from "./ids.ts";
import { standInOf } from "./items/sent-before.ts";
import { writeItem } from "./items/write-item.ts";

/** Every kind of entry is an item. */
export const KINDS = [
  MessageKind.MESSAGE,
  MessageKind.REASONING,
  MessageKind.TOOL_CALL,
  MessageKind.TOOL_RESULT,
  MessageKind.APPROVAL_REQUEST,
  MessageKind.APPROVAL_RESPONSE,
  MessageKind.ITEM,
  MessageKind.SUMMARY,
];

/** What finding an item calls. */
export const FIND_ITEM = [Messages.method.getMessage, Messages.method.listMessages] as const;

/** An id of a conversation's item may be given again so often, each time after the item was deleted. */
const MAX_TIMES = 100;
/** Items that a provider made are found among the latest ones. */
const MAX_MADE = 200;

export interface GivenId {
  readonly clientId: string;
  readonly stored?: Message;
}

export interface FindItems {
  /** The entry that an item is, also if it was deleted where `deleted` says so. Throws NOT_FOUND. */
  find(context: CallContext, conversationId: string, id: string, deleted?: boolean): Promise<Message>;
  /** The entry that an item of any conversation is, by an id that was derived. Throws NOT_FOUND. */
  findAnywhere(context: CallContext, id: string): Promise<Message>;
  /**
   * The client id for an item whose client gave it an id, and the item that is there with it. Throws INVALID_FIELD for
   * the id of an item that is there and whose id was derived; whether the two are the same, the store checks.
   */
  clientIdFor(context: CallContext, conversationId: string, id: string, place: string): Promise<GivenId>;
  /** What stands for the bytes of a stored entry's files, as the caller sees them. Undefined: some are gone. */
  standInsOf(context: CallContext, message: Message): Promise<FilesInPlace | undefined>;
}

/** Of a file, for a caller that may only write too. */
const GONE: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.NOT_FOUND,
  ErrorReason.SCOPE_MISSING,
  ErrorReason.PERMISSION_DENIED,
]);

export function createFindItems(canonical: Canonical): FindItems {
  const { method } = Messages;

  /** By our id, in a conversation's history if it is given; undefined: the caller does not see it. */
  async function byOurId(
    context: CallContext,
    id: string,
    conversationId = "",
    deleted = false,
  ): Promise<Message | undefined> {
    const messageId = ourIdIn(id);
    if (messageId === undefined) return undefined;
    const filter = deleted ? DeletedFilter.INCLUDE : DeletedFilter.EXCLUDE;
    return await findById(canonical, context, messageId, filter, conversationId);
  }

  /** The latest of those that were given an id, deleted or not, and how many there were before it. */
  async function byGivenId(context: CallContext, conversationId: string, id: string) {
    let latest: { message: Message; times: number } | undefined;
    for (let times = 0; times < MAX_TIMES; times++) {
      const request = { conversationId, clientId: clientIdOf(id, times), kinds: KINDS, deleted: DeletedFilter.INCLUDE };
      const [message] = (await canonical.call(context, method.listMessages, request)).messages;
      if (message === undefined) break;
      latest = { message, times };
      if (message.deleteTime === undefined) break;
    }
    return latest;
  }

  /** Among the latest thoughts and items of hosted tools, which have their provider's ids. */
  async function madeByProvider(context: CallContext, conversationId: string, id: string) {
    const kinds = [MessageKind.REASONING, MessageKind.ITEM];
    const request = { conversationId, kinds, order: MessageOrder.NEWEST_FIRST, pageSize: MAX_MADE };
    const { messages } = await canonical.call(context, method.listMessages, request);
    return messages.find((message) => message.turnId !== "" && writeItem(message).id === id);
  }

  return {
    async find(context, conversationId, id, deleted = false) {
      const derived = await byOurId(context, id, conversationId, deleted);
      if (derived?.clientId === "") return derived;
      const given =
        (await byGivenId(context, conversationId, id))?.message ?? (await madeByProvider(context, conversationId, id));
      if (given === undefined || (given.deleteTime !== undefined && !deleted)) throw notFound("item");
      return given;
    },

    async findAnywhere(context, id) {
      const message = await byOurId(context, id);
      if (message === undefined) throw notFound("item");
      return message;
    },

    async clientIdFor(context, conversationId, id, place) {
      const derived = await byOurId(context, id);
      if (derived?.conversationId === conversationId && derived.clientId === "") throw notUnique(place);
      const given = await byGivenId(context, conversationId, id);
      if (given === undefined) return { clientId: id };
      const { message, times } = given;
      if (message.deleteTime !== undefined) return { clientId: clientIdOf(id, times + 1) };
      return { clientId: clientIdOf(id, times), stored: message };
    },

    async standInsOf(context, message) {
      const files = new Map<string, FileInPlace>();
      let whole = true;
      const ids: string[] = [];
      eachNamedFile(message, MessageSchema, (_, id) => ids.push(id));
      for (const fileId of new Set(ids)) {
        try {
          const { file } = await canonical.call(context, Files.method.getFile, { fileId });
          files.set(fileId, { base64: standInOf(file?.sha256 ?? "") });
        } catch (error) {
          if (!(error instanceof DomainError && GONE.has(error.reason))) throw error;
          whole = false;
        }
      }
      return whole ? files : undefined;
    },
  };
}

export function notUnique(place: string): DomainError {
  return invalidField(`${place}.id`, "must be unique in its conversation", "id.unique");
}
