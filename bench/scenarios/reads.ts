// P1, P2, P5 and P6: pages of messages and one conversation, over every wire, beside the peers.
import { create, toBinary } from "@bufbuild/protobuf";
import { GetConversationRequestSchema } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { ListMessagesRequestSchema } from "../../gen/colloquy/v1/message_service_pb.ts";
import { checkAlike, checkGrpcAlike, type Way } from "../check.ts";
import { idOf, MESSAGES_EACH } from "../layout.ts";
import { grpc, HAS_H2LOAD, type Http1Load, http1 } from "../load.ts";
import { brief, type Contestant, compare, ratio } from "../measure.ts";
import type { Served } from "../process.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const CONNECTIONS = 32;
const JSON_TYPE = { "content-type": "application/json" };
const METHODS = {
  list: "/colloquy.v1.MessageService/ListMessages",
  get: "/colloquy.v1.ConversationService/GetConversation",
};
const BODIES = {
  list: `{"conversationId":"{id}","pageSize":${MESSAGES_EACH}}`,
  get: '{"conversationId":"{id}"}',
};

type Work = keyof typeof METHODS;

function contestant(
  stage: Stage,
  server: Served,
  load: Omit<Http1Load, "port" | "numbers" | "connections">,
): Contestant {
  const whole = {
    ...load,
    port: server.port,
    numbers: [2, stage.sizes.conversations],
    connections: CONNECTIONS,
  } as const;
  return { name: server.name, server, run: (seconds) => http1(whole, seconds, stage.directory) };
}

/** A call of Connect with JSON, to Colloquy or to the plain peer. */
function connectCall(stage: Stage, server: Served, work: Work): Contestant {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${stage.token()}` };
  return contestant(stage, server, { method: "POST", path: METHODS[work], headers, body: BODIES[work] });
}

function peerCall(stage: Stage, server: Served, work: Work): Contestant {
  return contestant(stage, server, { method: "POST", path: `/${work}`, headers: JSON_TYPE, body: BODIES[work] });
}

async function jsonRow(stage: Stage, work: Work, peers: readonly ("bare" | "fastify")[]): Promise<Contestant[]> {
  const [colloquy, plain] = [await stage.colloquy(), await stage.peer("plain")];
  const others: Served[] = [];
  for (const peer of peers) others.push(await stage.peer(peer));
  const authorization = { authorization: `Bearer ${stage.token()}` };
  const ways: Way[] = [
    { name: "colloquy", port: colloquy.port, path: METHODS[work], headers: authorization },
    ...others.map(({ name, port }) => ({ name, port, path: `/${work}`, headers: {} })),
    { name: "plain", port: plain.port, path: METHODS[work], headers: {} },
  ];
  await checkAlike(work, ways, BODIES[work].replace("{id}", idOf("conversation", 2)));
  return [
    connectCall(stage, colloquy, work),
    ...others.map((peer) => peerCall(stage, peer, work)),
    connectCall(stage, plain, work),
  ];
}

export async function p1(stage: Stage): Promise<Row> {
  const measured = await compare(await jsonRow(stage, "list", ["bare", "fastify"]), stage.effort);
  return {
    goal: "P1",
    work: "List 50 messages, Connect JSON over HTTP/1.1",
    measured,
    verdicts: [
      { what: "/ bare", value: ratio(measured, "colloquy", "bare"), atLeast: 0.9 },
      { what: "/ plain", value: ratio(measured, "colloquy", "plain"), atLeast: 4 },
      { what: "/ fastify", value: ratio(measured, "colloquy", "fastify"), atLeast: 1 },
    ],
  };
}

export async function p2(stage: Stage): Promise<Row> {
  const measured = await compare(await jsonRow(stage, "get", ["bare"]), stage.effort);
  return {
    goal: "P2",
    work: "Get one conversation, Connect JSON over HTTP/1.1",
    measured,
    verdicts: [
      { what: "/ bare", value: ratio(measured, "colloquy", "bare"), atLeast: 0.85 },
      { what: "/ plain", value: ratio(measured, "colloquy", "plain"), atLeast: 3 },
    ],
  };
}

function grpcCall(stage: Stage, server: Served, port: number, work: Work): Contestant {
  const conversationId = idOf("conversation", 2);
  const message =
    work === "list"
      ? toBinary(
          ListMessagesRequestSchema,
          create(ListMessagesRequestSchema, { conversationId, pageSize: MESSAGES_EACH }),
        )
      : toBinary(GetConversationRequestSchema, create(GetConversationRequestSchema, { conversationId }));
  const headers = { authorization: `Bearer ${stage.token()}` };
  const load = { port, path: METHODS[work], headers, message, connections: 4, streams: 16 };
  return { name: server.name, server, run: (seconds) => grpc(load, seconds, stage.directory) };
}

export async function p5(stage: Stage): Promise<Row[]> {
  if (!HAS_H2LOAD) {
    const notes = ["not measured: h2load is missing (Debian: apt-get install nghttp2-client)"];
    return [{ goal: "P5", work: "The same RPCs over gRPC", measured: [], verdicts: [], notes }];
  }
  const [colloquy, js, plain] = [await stage.colloquy(), await stage.peer("grpc"), await stage.peer("plain")];
  const authorization = { authorization: `Bearer ${stage.token()}` };
  const ways = [
    { name: colloquy.name, port: colloquy.port, headers: authorization },
    { name: js.name, port: js.port, headers: {} },
    { name: plain.name, port: plain.port + 1, headers: {} },
  ];
  await checkGrpcAlike(ways, idOf("conversation", 2));
  const rows: Row[] = [];
  for (const [work, title] of [
    ["list", "List 50 messages"],
    ["get", "Get one conversation"],
  ] as const) {
    const measured = await compare(
      [
        grpcCall(stage, colloquy, colloquy.port, work),
        grpcCall(stage, js, js.port, work),
        grpcCall(stage, plain, plain.port + 1, work),
      ],
      stage.effort,
    );
    rows.push({
      goal: "P5",
      work: `${title}, gRPC, 4 connections of 16 streams`,
      measured,
      verdicts: [
        { what: "/ grpc-js", value: ratio(measured, "colloquy", "grpc"), atLeast: 1.2 },
        { what: "/ plain", value: ratio(measured, "colloquy", "plain"), atLeast: 3 },
      ],
    });
  }
  return rows;
}

export async function p6(stage: Stage): Promise<Row> {
  const colloquy = await stage.colloquy();
  const headers = { authorization: `Bearer ${stage.token()}` };
  const path = `/v1/conversations/{id}/messages?page_size=${MESSAGES_EACH}`;
  const rest = { ...contestant(stage, colloquy, { method: "GET", path, headers }), name: "REST" };
  const connect = { ...connectCall(stage, colloquy, "list"), name: "Connect" };
  const measured = await compare([rest, connect], brief(stage.effort));
  return {
    goal: "P6",
    work: "List 50 messages, REST against Connect JSON",
    measured,
    verdicts: [{ what: "REST / Connect", value: ratio(measured, "REST", "Connect"), atLeast: 0.95 }],
  };
}
