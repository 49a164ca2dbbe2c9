// Bare: what comes is hashed and piped into a file, which is flushed and renamed; what is asked for is piped out of its
// file. No rows.
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const folder = join(process.env.FOLDER ?? "", "peer");
await mkdir(folder, { recursive: true });

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = randomUUID();
  const hash = createHash("sha256");
  request.on("data", (chunk: Buffer) => hash.update(chunk));
  // `flush` makes it durable before it is closed.
  await pipeline(request, createWriteStream(join(folder, `${id}.new`), { flush: true }));
  await rename(join(folder, `${id}.new`), join(folder, id));
  response.writeHead(201, { "content-type": "application/json" });
  response.end(JSON.stringify({ id, sha256: hash.digest("hex") }));
}

async function give(id: string, response: ServerResponse): Promise<void> {
  const { size } = await stat(join(folder, id));
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
  await pipeline(createReadStream(join(folder, id)), response);
}

createServer((request, response) => {
  const done = request.method === "POST" ? take(request, response) : give((request.url ?? "").slice(1), response);
  done.catch(() => response.destroy());
}).listen(Number(process.env.PORT), "127.0.0.1");
