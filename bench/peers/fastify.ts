// Fastify 5 and pg, with response schemas, so that it writes JSON with its compiled writer.
import Fastify from "fastify";
import pg from "pg";
import { GET, getValues, LIST, listValues } from "./statements.ts";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const app = Fastify();

const text = { type: "string" } as const;
const integer = { type: "integer" } as const;
const time = { type: "string", format: "date-time", nullable: true } as const;
const object = { type: "object", additionalProperties: true, nullable: true } as const;
const message = {
  type: "object",
  properties: {
    ...{ id: text, conversation_id: text, seq: text, role: integer, sender: text, content: text, metadata: object },
    ...{ state: integer, client_time: time, create_time: time, edit_time: time, delete_time: time },
    ...{ revision: integer, version: integer },
  },
} as const;
const conversation = {
  type: "object",
  properties: {
    ...{ id: text, title: text, status: integer, owner_id: text, creator: text, agent: text, mode: text },
    ...{ last_seq: text, message_count: text, version: integer, create_time: time, update_time: time },
    ...{ read_seq: text, unread_count: integer },
  },
} as const;
const body = {
  type: "object",
  required: ["conversationId"],
  properties: { conversationId: { type: "string", maxLength: 128 }, pageSize: { type: "integer" } },
} as const;

interface Asked {
  readonly conversationId: string;
  readonly pageSize?: number;
}

const list = { type: "object", properties: { messages: { type: "array", items: message } } };
app.post<{ Body: Asked }>("/list", { schema: { body, response: { 200: list } } }, async (request) => {
  const { conversationId, pageSize = 50 } = request.body;
  const { rows } = await pool.query({ ...LIST, values: listValues(conversationId, pageSize) });
  return { messages: rows };
});

const one = { type: "object", properties: { conversation } };
app.post<{ Body: Asked }>("/get", { schema: { body, response: { 200: one } } }, async (request) => {
  const { rows } = await pool.query({ ...GET, values: getValues(request.body.conversationId) });
  return { conversation: rows[0] };
});

await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
