// F-CONNECTIONS: a burst of connections before somebody else's: libuv#3696, node-v0.x-archive#1057, redis#904.
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { StartQueue } from "../../src/pipeline/start-queue.ts";
import { ECHO, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

const CONNECTIONS = 64;
const BODY = "{}";
const REQUEST = [
  ...[`POST ${ECHO} HTTP/1.1`, "host: 127.0.0.1", `authorization: Bearer ${TOKEN}`, "content-type: application/json"],
  ...[`content-length: ${BODY.length}`, "connection: close", "", BODY],
].join("\r\n");

test("F-CONNECTIONS: the last of many connections is taken before most of their calls have begun", async () => {
  const starts = new StartQueue();
  let begun = 0;
  const begunBefore: number[] = [];
  const onConnection = () => {
    begunBefore.push(begun);
    starts.connectionCame();
  };
  const limit = () => {
    begun++;
  };
  const server = await startEchoServer({ starts, onConnection, limit });
  const sockets = Array.from({ length: CONNECTIONS }, () => {
    const socket = connect(server.port, "127.0.0.1").resume();
    socket.write(REQUEST);
    return socket;
  });
  await Promise.all(sockets.map((socket) => once(socket, "close")));
  expect(begun).toBe(CONNECTIONS);
  expect(begunBefore).toHaveLength(CONNECTIONS);
  // Eight connections for four calls; one for one without.
  expect(begunBefore.at(-1)).toBeLessThanOrEqual((CONNECTIONS * 5) / 8);
  await server.close();
});
