// Keeps a table of messages with vectors: receives the events of a webhook endpoint in batches. Colloquy has the
// cursor, so the indexer may be killed at any time; what it did not answer for comes again.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { createClient, ErrorReason, reasonOf } from "colloquy/client";
import pg from "pg";

const { KEY = "", SECRET = "", PORT = "9100", COLLOQUY = "http://127.0.0.1:8080", INDEX_URL = "" } = process.env;
const { messages } = createClient({ baseUrl: COLLOQUY, apiKey: KEY });
const pool = new pg.Pool({ connectionString: INDEX_URL });
await pool.query(`create table if not exists message_index (message_id text primary key, conversation_id text not null,
  content text not null, embedding real[] not null)`);
await pool.query("create index if not exists message_index_conversation on message_index (conversation_id)");

interface Message {
  readonly id: string;
  readonly conversationId: string;
  readonly content: string;
  readonly deleteTime?: unknown;
}

/** A stand-in for a model: letters counted. With pgvector, the column is `vector(26)`. */
function embed(content: string): number[] {
  const letters = content.toLowerCase();
  return Array.from("abcdefghijklmnopqrstuvwxyz", (letter) => letters.split(letter).length - 1);
}

async function put(db: pg.PoolClient, { id, conversationId, content, deleteTime }: Message): Promise<void> {
  // What was deleted before it was sent has no content.
  if (deleteTime) return void (await db.query("delete from message_index where message_id = $1", [id]));
  const values = [id, conversationId, content, embed(content)];
  await db.query(
    `insert into message_index values ($1, $2, $3, $4)
     on conflict (message_id) do update set content = excluded.content, embedding = excluded.embedding`,
    values,
  );
}

/** The items of all pages. */
async function* all<Page extends { nextPageToken: string }, Item>(
  read: (pageToken: string) => Promise<Page>,
  itemsOf: (page: Page) => Item[],
): AsyncGenerator<Item> {
  let pageToken = "";
  do {
    const page = await read(pageToken);
    yield* itemsOf(page);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/** After a restoration, whose event has no messages: those of each branch, as when they were sent. */
async function refill(db: pg.PoolClient, conversationId: string): Promise<void> {
  const branches = all(
    (pageToken) => messages.listBranches({ conversationId, pageToken }),
    (page) => page.branches,
  );
  try {
    for await (const { messageId: branchMessageId } of branches) {
      const found = all(
        (pageToken) => messages.listMessages({ conversationId, branchMessageId, pageSize: 200, pageToken }),
        (page) => page.messages,
      );
      for await (const message of found) await put(db, message);
    }
  } catch (error) {
    // A conversation that is gone again has none.
    if (reasonOf(error) !== ErrorReason.NOT_FOUND) throw error;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an event as it comes
async function apply(db: pg.PoolClient, event: any): Promise<void> {
  const { conversationId, messageSent, messageEdited, messageDeleted, messageRestored } = event;
  const message = messageSent ?? messageEdited?.message ?? messageRestored?.message;
  if (message) await put(db, message);
  if (messageDeleted) await db.query("delete from message_index where message_id = $1", [messageDeleted.messageId]);
  if (event.allMessagesDeleted || event.conversationDeleted || event.conversationPurged) {
    await db.query("delete from message_index where conversation_id = $1", [conversationId]);
  }
  if (event.allMessagesRestored || event.conversationRestored) await refill(db, conversationId);
}

function isGenuine(headers: NodeJS.Dict<string | string[]>, body: string): boolean {
  const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const key = Buffer.from(SECRET.replace("whsec_", ""), "base64");
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(content).digest("base64")}`);
  const given = String(headers["webhook-signature"])
    .split(" ")
    .map((text) => Buffer.from(text));
  return given.some((bytes) => bytes.length === expected.length && timingSafeEqual(bytes, expected));
}

createServer(async (request, response) => {
  const db = await pool.connect();
  try {
    const body = Buffer.concat(await request.toArray()).toString();
    if (!isGenuine(request.headers, body)) return response.writeHead(401).end();
    await db.query("begin");
    for (const event of JSON.parse(body).events) await apply(db, event);
    await db.query("commit");
    response.writeHead(204).end();
  } catch {
    await db.query("rollback").catch(() => {});
    response.writeHead(503, { "retry-after": "1" }).end();
  } finally {
    db.release();
  }
}).listen(Number(PORT), "127.0.0.1");
