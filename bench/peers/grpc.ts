// grpc-js with proto-loader, a pool of pg, and the same statements.
import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import grpc from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import pg from "pg";
import { ActorType } from "../../gen/colloquy/v1/actor_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { GET, getValues, LIST, listValues } from "./statements.ts";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const files = new Map<string, DescFile>();
const gather = (file: DescFile): void => {
  if (files.has(file.name)) return;
  file.dependencies.forEach(gather);
  files.set(file.name, file);
};
gather(MessageService.file);
gather(ConversationService.file);
const set = create(FileDescriptorSetSchema, { file: [...files.values()].map(({ proto }) => proto) });
const definition = loadFileDescriptorSetFromBuffer(Buffer.from(toBinary(FileDescriptorSetSchema, set)), {
  longs: String,
  enums: Number,
});
// biome-ignore lint/suspicious/noExplicitAny: grpc-js gives loaded packages no types
const loaded = grpc.loadPackageDefinition(definition) as any;

type Call = grpc.ServerUnaryCall<{ conversation_id: string; page_size?: number }, unknown>;
type Done = grpc.sendUnaryData<unknown>;
type Unary = grpc.handleUnaryCall<{ conversation_id: string; page_size?: number }, unknown>;

function timestamp(date: Date | null): { seconds: number; nanos: number } | null {
  if (date === null) return null;
  const ms = date.getTime();
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}

const server = new grpc.Server();
server.addService(loaded.colloquy.v1.MessageService.service, {
  listMessages: ((call: Call, done: Done) => {
    const { request } = call;
    pool.query({ ...LIST, values: listValues(request.conversation_id, request.page_size || 50) }).then(
      ({ rows }) =>
        done(null, {
          messages: rows.map((row) => ({
            id: row.id,
            conversation_id: row.conversation_id,
            seq: row.seq,
            role: row.role,
            sender: { type: ActorType.MEMBER, id: row.sender },
            content: row.content,
            state: row.state,
            create_time: timestamp(row.create_time),
            revision: row.revision,
            etag: String(row.version),
          })),
        }),
      (error) => done(error),
    );
  }) satisfies Unary,
});
server.addService(loaded.colloquy.v1.ConversationService.service, {
  getConversation: ((call: Call, done: Done) => {
    const { request } = call;
    pool.query({ ...GET, values: getValues(request.conversation_id) }).then(
      ({ rows: [row] }) =>
        done(null, {
          conversation: {
            id: row.id,
            title: row.title,
            status: row.status,
            creator: { type: ActorType.MEMBER, id: row.creator },
            last_seq: row.last_seq,
            message_count: row.message_count,
            create_time: timestamp(row.create_time),
            update_time: timestamp(row.update_time),
          },
        }),
      (error) => done(error),
    );
  }) satisfies Unary,
});
const address = `127.0.0.1:${process.env.PORT}`;
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
