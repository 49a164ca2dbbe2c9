// ReactionService: adds, removes and lists reactions to messages.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ReactionSchema } from "../../../gen/colloquy/v1/reaction_pb.ts";
import * as pb from "../../../gen/colloquy/v1/reaction_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { MAX_KINDS, reactionOf } from "../../domain/reactions/reaction.ts";
import { toReactionCounts } from "../../domain/reactions/tally.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { ChangeQueue } from "../../store/conversation-queue.ts";
import type { Database, Queryable } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import * as store from "../../store/reactions/reactions.ts";
import { toReaction } from "../convert.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";

export interface ReactionServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
}

interface Asked {
  readonly messageId: string;
  readonly reaction: string;
}

type Outcome = Omit<MessageInitShape<typeof pb.AddReactionResponseSchema>, "$typeName">;

export function createReactionService({ database, secrets }: ReactionServiceOptions): ServiceEntry {
  const { method } = pb.ReactionService;
  const { messageMutation } = createMutations(database);
  // Changes of one message wait here instead of each on a connection, where the conversation's lock would hold them.
  const changes = new ChangeQueue();
  const addOnce = messageMutation(method.addReaction, (tx, caller, _, request, { interrupt }) =>
    change(tx, caller, "add", request, interrupt),
  );
  const removeOnce = messageMutation(method.removeReaction, (tx, caller, _, request, { interrupt }) =>
    change(tx, caller, "remove", request, interrupt),
  );
  /** One statement: acting twice changes nothing, so that only a request id needs a transaction. */
  const directly = (
    request: Asked,
    { principal, interrupt }: CallContext,
    what: "add" | "remove",
  ): Promise<Outcome> => {
    const caller = callerFrom(principal);
    const act = () => change(database, caller, what, request, interrupt);
    return changes.run(`${caller.tenantId}/${request.messageId.toLowerCase()}`, interrupt, act);
  };
  return serve(pb.ReactionService, {
    addReaction: (request, context) =>
      context.idempotencyKey === undefined ? directly(request, context, "add") : addOnce(request, context),

    removeReaction: (request, context) =>
      context.idempotencyKey === undefined ? directly(request, context, "remove") : removeOnce(request, context),

    async listReactions(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const name = request.reaction === "" ? null : reactionOf(request.reaction);
      const { items, ...page } = await paginate(secrets, caller, pb.ListReactionsRequestSchema, request, {
        item: ReactionSchema,
        async read({ after: [time, actor = "", last = ""] = [], limit }) {
          const after = time === undefined ? undefined : { time: new Date(Number(time)), actor, name: last };
          const rows = isOurId(request.messageId)
            ? await store.listReactions(database, caller, request.messageId, { name, after, limit }, interrupt)
            : undefined;
          if (rows === undefined) throw notFound("message");
          return rows;
        },
        convert: toReaction,
        key: ({ create_time, actor, name: reaction }) => [String(create_time.getTime()), actor, reaction],
      });
      return { reactions: items, ...page };
    },
  });
}

async function change(
  on: Queryable,
  caller: Caller,
  what: "add" | "remove",
  { messageId, reaction }: Asked,
  interrupt: CallContext["interrupt"],
): Promise<Outcome> {
  const name = reactionOf(reaction);
  const row = isOurId(messageId) ? await store.changeReaction(on, caller, what, messageId, name, interrupt) : undefined;
  if (row === undefined) throw notFound("message");
  if (!row.writable) {
    throw new DomainError(
      ErrorReason.PERMISSION_DENIED,
      "only the owner and participants of the conversation may do this",
    );
  }
  if (row.full && what === "add") {
    const description = `a message can have at most ${MAX_KINDS} different reactions`;
    throw new DomainError(ErrorReason.QUOTA_EXCEEDED, description, {
      quota: { subject: `message:${messageId.toLowerCase()}`, description },
    });
  }
  const before = row.mine ?? [];
  const mine = what === "add" ? [...before, name] : before.filter((own) => own !== name);
  return { reactions: toReactionCounts(row.reactions ?? [], mine) };
}
