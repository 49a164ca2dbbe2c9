// Bare: node:http, a pool of pg, a named prepared statement, JSON.stringify. Nothing else.
import { createServer } from "node:http";
import pg from "pg";
import { GET, getValues, LIST, listValues } from "./statements.ts";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

interface Asked {
  readonly conversationId: string;
  readonly pageSize?: number;
}

async function answer(path: string | undefined, { conversationId, pageSize = 50 }: Asked): Promise<unknown> {
  if (path === "/list") {
    const { rows } = await pool.query({ ...LIST, values: listValues(conversationId, pageSize) });
    return { messages: rows };
  }
  const { rows } = await pool.query({ ...GET, values: getValues(conversationId) });
  return { conversation: rows[0] };
}

createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", async () => {
    const text = JSON.stringify(await answer(request.url, JSON.parse(body)));
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
