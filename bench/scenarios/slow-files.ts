// What 50 slow uploads and 50 slow downloads hold of the server's memory.
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Served } from "../process.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const EACH = 50;
const BYTES = 20 * 2 ** 20;
const PIECE = Buffer.alloc(64 * 1024, "a");
const PACE_MS = 50;
const LOOKS = 100;

export async function slowFiles(stage: Stage, server: Served): Promise<Row> {
  const id = await fill(stage, server);
  // What was needed for the work before is given back.
  await sleep(2_000);
  const rest = server.memoryMiB();
  const sockets: Socket[] = [];
  const uploads = Array.from({ length: EACH }, () => open(stage, server, "POST /v1/files", BYTES));
  const downloads = Array.from({ length: EACH }, () => open(stage, server, `GET /v1/files/${id}/content`, 0));
  sockets.push(...uploads, ...downloads);
  for (const socket of downloads) socket.pause();
  let most = 0;
  for (let look = 0; look < LOOKS; look++) {
    for (const socket of uploads) if (socket.writableLength === 0) socket.write(PIECE);
    for (const socket of downloads) socket.read(PIECE.length);
    await sleep(PACE_MS);
    most = Math.max(most, server.memoryMiB());
  }
  for (const socket of sockets) socket.destroy();
  return {
    goal: "–",
    work: `${EACH} slow uploads and ${EACH} slow downloads of 20 MiB`,
    measured: [
      { name: "at rest", amount: { median: rest, least: rest, most: rest }, unit: " MiB" },
      { name: "at most", amount: { median: most, least: most, most }, unit: " MiB" },
    ],
    verdicts: [{ what: "above rest", value: most - rest, atMost: 64, unit: " MiB" }],
  };
}

function open(stage: Stage, { port }: Served, what: string, length: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const headers = [`${what} HTTP/1.1`, "host: bench", `authorization: Bearer ${stage.token()}`];
  socket.write(`${headers.join("\r\n")}\r\n${length === 0 ? "" : `content-length: ${length}\r\n`}\r\n`);
  return socket;
}

async function fill(stage: Stage, { port }: Served): Promise<string> {
  const headers = { authorization: `Bearer ${stage.token()}` };
  const response = await fetch(`http://127.0.0.1:${port}/v1/files`, {
    method: "POST",
    headers,
    body: Buffer.alloc(BYTES),
  });
  return ((await response.json()) as { id: string }).id;
}
