// Plain: what the manuals of Connect and MikroORM lead to: connect-node's adapter, and `em.find`.
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { MikroORM } from "@mikro-orm/postgresql";
import { ActorType } from "../../gen/colloquy/v1/actor_pb.ts";
import type { ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import type { MessageRole, MessageState } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ConversationEntity } from "../../src/store/orm/entities/conversation.ts";
import { MessageEntity } from "../../src/store/orm/entities/message.ts";
import { TABLES } from "../../src/store/orm/tables.ts";
import { TENANT } from "../layout.ts";

const orm = await MikroORM.init({
  entities: [...TABLES.entities],
  clientUrl: (process.env.DATABASE_URL ?? "").replace("@/", "@localhost/"),
  driverOptions: { connectionString: process.env.DATABASE_URL, max: 10 },
  ensureDatabase: false,
});

function routes(router: ConnectRouter): void {
  router.rpc(MessageService.method.listMessages, async ({ conversationId, pageSize }) => {
    const found = await orm.em
      .fork()
      .find(
        MessageEntity,
        { tenantId: TENANT, conversationId, deleteTime: null },
        { orderBy: { seq: "asc" }, limit: pageSize || 50 },
      );
    return {
      messages: found.map((message) => ({
        id: message.id as string,
        conversationId: message.conversationId,
        seq: BigInt(message.seq),
        role: message.role as MessageRole,
        sender: { type: ActorType.MEMBER, id: message.sender },
        content: message.content,
        state: message.state as MessageState,
        createTime: timestampFromDate(message.createTime),
        revision: message.revision as number,
        etag: String(message.version),
      })),
    };
  });
  router.rpc(ConversationService.method.getConversation, async ({ conversationId }) => {
    const found = await orm.em.fork().findOneOrFail(ConversationEntity, { tenantId: TENANT, id: conversationId });
    return {
      conversation: {
        id: found.id,
        title: found.title as string,
        status: found.status as ConversationStatus,
        creator: { type: ActorType.MEMBER, id: found.creator },
        lastSeq: BigInt(found.lastSeq),
        messageCount: BigInt(found.messageCount),
        createTime: timestampFromDate(found.createTime),
        updateTime: timestampFromDate(found.updateTime),
      },
    };
  });
}

const handler = connectNodeAdapter({ routes });
// gRPC needs HTTP/2, which clear text has on a port of its own.
createServer(handler).listen(Number(process.env.PORT), "127.0.0.1");
createHttp2Server(handler).listen(Number(process.env.PORT) + 1, "127.0.0.1");
