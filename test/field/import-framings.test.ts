// F-BODY: an import reads its lines whole, however the body arrives: the real store, over REST and as a stream of
// requests.
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ImportConversationsRequestSchema } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { cut, type FramedAnswer, type FramedCall, http1Request, speakHttp1 } from "../support/calls/framed-http1.ts";
import { callHttp2, openCutHttp2 } from "../support/calls/framed-http2.ts";
import { frame } from "../support/calls/raw-call.ts";
import { conversationLine, messageLine } from "../support/calls/transfer.ts";
import { Picker } from "../support/random/random-calls.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let admin: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  admin = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

const CONTENTS = ["one", "zwei — ü 👋", 'quoted " and \\ and \u2028', ""];
/** What an import that adds all of it answers. */
const ADDED = { lineCount: "5", conversationCount: "1", messageCount: "4" };

interface Import {
  readonly id: string;
  readonly lines: Buffer;
}

/** Lines as long as those of any other, with a last one that no newline ends. */
function newImport(): Import {
  const id = newId();
  const lines = [conversationLine(id), ...CONTENTS.map((content) => messageLine(id, newId(), { content }))];
  return { id, lines: Buffer.from(lines.map((line) => JSON.stringify(line)).join("\n")) };
}

/** Over REST, the lines as they are. */
function restCall({ lines }: Import, gzip: boolean): FramedCall {
  const coding = gzip ? { "content-encoding": "gzip" } : undefined;
  return {
    path: "/v1/conversations:import",
    headers: { "content-type": "application/x-ndjson", ...admin, ...coding },
    body: gzip ? gzipSync(lines) : lines,
  };
}

/** As a stream of requests, each with a piece of the lines. */
function streamCall({ lines }: Import, type: string, pieces: readonly number[]): FramedCall {
  const requests = cut(lines, pieces).map((data) =>
    frame(toBinary(ImportConversationsRequestSchema, create(ImportConversationsRequestSchema, { body: { data } }))),
  );
  return {
    path: "/colloquy.v1.TransferService/ImportConversations",
    headers: { "content-type": `application/${type}+proto`, ...admin, te: "trailers" },
    body: Buffer.concat(requests),
  };
}

async function expectImported({ id }: Import, answer: FramedAnswer | undefined, how: string): Promise<void> {
  expect(answer?.status, how).toBe(200);
  const { messages } = await server.client(MessageService, admin).listMessages({ conversationId: id });
  expect(
    messages.map(({ content }) => content),
    how,
  ).toEqual(CONTENTS);
}

const ones = (length: number) => Array.from({ length }, () => 1);

describe("over HTTP/1.1", () => {
  test.each([false, true])("chunked, gzip: %s", async (gzip) => {
    const length = restCall(newImport(), gzip).body.length;
    const framings: (readonly number[] | undefined)[] = [undefined, ones(length)];
    // Every border near both ends, and some between.
    for (let at = 1; at < length; at += at < 12 || at > length - 12 ? 1 : 41) framings.push([at]);
    for (const [i, chunks] of framings.entries()) {
      const one = newImport();
      const framing = { ...(chunks && { chunks }), extensions: i % 3 === 1, trailers: i % 3 === 2 };
      const bytes = http1Request(restCall(one, gzip), framing);
      const packets = [[bytes], cut(bytes, [1 + i, 300, 7]), cut(bytes, ones(2_000))][i % 3] as Buffer[];
      const [answer] = await speakHttp1(server.url, packets);
      await expectImported(one, answer, `${i}: ${chunks?.slice(0, 3)}`);
      expect(JSON.parse(Buffer.from(answer?.body ?? "", "latin1").toString())).toMatchObject(ADDED);
    }
  });

  test("one behind the other on a connection, and one again, which adds nothing", async () => {
    const all = Array.from({ length: 5 }, newImport);
    const requests = [...all, all[0] as Import].map((one, i) =>
      http1Request(restCall(one, i % 2 === 1), { chunks: [100 * i] }),
    );
    const answers = await speakHttp1(server.url, cut(Buffer.concat(requests), [50, 1, 900]), requests.length);
    for (const [i, one] of all.entries()) await expectImported(one, answers[i], String(i));
    const told = answers.map(({ body }) => JSON.parse(Buffer.from(body, "latin1").toString()));
    expect(told.slice(0, 5)).toEqual(Array(5).fill(expect.objectContaining(ADDED)));
    expect(told[5]).toMatchObject({ lineCount: "5", skippedCount: "5" });
  });
});

describe("over HTTP/2", () => {
  test.each(["REST", "connect", "grpc", "grpc-web"])("%s, in frames of many lengths", async (type) => {
    const pick = new Picker(7);
    for (let round = 0; round < 25; round++) {
      const one = newImport();
      const pieces = Array.from({ length: pick.below(30) }, () => 1 + pick.below(90));
      const call = type === "REST" ? restCall(one, pick.chance(0.5)) : streamCall(one, type, pieces);
      const padding = pick.one(["none", "aligned", "most"] as const);
      const session = openCutHttp2(server.url, { padding, packet: pick.one([1, 7, 100, 1_000_000]) });
      const frames = round === 0 ? ones(call.body.length) : Array.from({ length: 40 }, () => pick.below(120));
      const answer = await callHttp2(session, call, { frames, emptyEnd: pick.chance(0.5) });
      session.destroy();
      await expectImported(one, answer, `${type} ${round}`);
    }
  });
});
