// What hostile clients do to a port. Each attack goes on until it has done its worst or its line is closed.
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../stage/random.ts";
import * as bombs from "./bombs.ts";
import {
  FLAG,
  FRAME,
  frame,
  headerBlock,
  INITIAL_WINDOW_SIZE,
  PREFACE,
  reset,
  settings,
  windowUpdate,
} from "./http2-frames.ts";

export interface Target {
  readonly port: number;
  /** Says who calls: attacks come also from those who may. */
  readonly headers: Readonly<Record<string, string>>;
  /** A conversation with more in it than a socket's buffer holds. */
  readonly conversationId: string;
}

export type Attack = (target: Target, random: Random, milliseconds: number) => Promise<void>;

const LIST = "/colloquy.v1.MessageService/ListMessages";
const SEND = "/colloquy.v1.MessageService/SendMessage";

/** Opens a line, lets `talk` use it until the time is over or the line is closed, and leaves without a word. */
async function onLine(port: number, milliseconds: number, talk: (line: Line) => Promise<void>): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const line = new Line(socket, performance.now() + milliseconds);
  try {
    await line.opened;
    await talk(line);
  } finally {
    socket.destroy();
  }
}

class Line {
  readonly socket: Socket;
  readonly opened: Promise<void>;
  readonly #until: number;
  #closed = false;

  constructor(socket: Socket, until: number) {
    this.socket = socket;
    this.#until = until;
    socket.on("error", () => {});
    this.opened = new Promise((resolve) => {
      socket.once("connect", () => resolve());
      socket.once("close", () => {
        this.#closed = true;
        resolve();
      });
    });
    socket.resume();
  }

  get open(): boolean {
    return !this.#closed && performance.now() < this.#until;
  }

  /** Writes, and waits while the other side does not read. */
  async write(bytes: Uint8Array | string): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, Math.max(0, this.#until - performance.now()));
      const done = () => {
        clearTimeout(patience);
        resolve();
      };
      this.socket.once("close", done);
      this.socket.write(bytes, () => {
        this.socket.off("close", done);
        done();
      });
    });
  }

  async repeat(bytes: () => Uint8Array | string, pauseMs = 0): Promise<void> {
    while (this.open) {
      await this.write(bytes());
      if (pauseMs > 0) await delay(pauseMs);
    }
  }
}

function http1(path: string, headers: Readonly<Record<string, string>>): string {
  const all = { host: "localhost", "content-type": "application/json", ...headers };
  return `POST ${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n`;
}

function callBlock(path: string, { headers }: Target, more: Readonly<Record<string, string>> = {}): Buffer {
  return headerBlock({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "localhost",
    "content-type": "application/json",
    ...headers,
    ...more,
  });
}

/** A line that has said hello, over which frames are written. */
function onHttp2(port: number, milliseconds: number, talk: (line: Line) => Promise<void>, first = settings()) {
  return onLine(port, milliseconds, async (line) => {
    await line.write(Buffer.concat([PREFACE, first]));
    await talk(line);
  });
}

/** Calls each odd number once: the ids of a client's streams. */
function streamIds(): () => number {
  let id = -1;
  return () => (id += 2);
}

export const ATTACKS = {
  "headers that come a byte at a time": ({ port }, _, ms) =>
    onLine(port, ms, async (line) => {
      await line.write("GET /readyz HTTP/1.1\r\nhost: x\r\nx: ");
      await line.repeat(() => "a", 50);
    }),
  "a body that comes a byte at a time": ({ port, headers }, _, ms) =>
    onLine(port, ms, async (line) => {
      await line.write(http1(SEND, { ...headers, "content-length": "100000" }));
      await line.repeat(() => " ", 50);
    }),
  "a body over HTTP/2 that comes a byte at a time": (target, _, ms) =>
    onHttp2(target.port, ms, async (line) => {
      await line.write(frame(FRAME.HEADERS, callBlock(SEND, target), { flags: FLAG.END_HEADERS, stream: 1 }));
      await line.repeat(() => frame(FRAME.DATA, Buffer.from(" "), { stream: 1 }), 50);
    }),
  "large answers over HTTP/1.1 that nobody reads": ({ port, headers, conversationId }, _, ms) =>
    onLine(port, ms, async (line) => {
      line.socket.pause();
      const body = JSON.stringify({ conversationId, pageSize: 200 });
      await line.repeat(() => http1(LIST, { ...headers, "content-length": String(body.length) }) + body, 20);
    }),
  "an answer over HTTP/1.1 that is read a byte at a time": ({ port, headers, conversationId }, _, ms) =>
    onLine(port, ms, async (line) => {
      line.socket.pause();
      const body = JSON.stringify({ conversationId, pageSize: 200 });
      await line.write(http1(LIST, { ...headers, "content-length": String(body.length) }) + body);
      while (line.open) {
        line.socket.read(1);
        await delay(50);
      }
    }),
  "a preface and frames of HTTP/2 that come a byte at a time": (target, _, ms) =>
    onLine(target.port, ms, async (line) => {
      const call = frame(FRAME.HEADERS, callBlock(SEND, target), { flags: FLAG.END_HEADERS, stream: 1 });
      const bytes = Buffer.concat([PREFACE, settings(), call]);
      let at = 0;
      await line.repeat(() => bytes.subarray(at, ++at), 3);
    }),
  "large answers over HTTP/2 into a window of zero": (target, _, ms) =>
    onHttp2(
      target.port,
      ms,
      async (line) => {
        const next = streamIds();
        const body = Buffer.from(JSON.stringify({ conversationId: target.conversationId, pageSize: 200 }));
        await line.repeat(() => {
          const stream = next();
          return Buffer.concat([
            frame(FRAME.HEADERS, callBlock(LIST, target), { flags: FLAG.END_HEADERS, stream }),
            frame(FRAME.DATA, body, { flags: FLAG.END_STREAM, stream }),
          ]);
        }, 20);
      },
      settings([INITIAL_WINDOW_SIZE, 0]),
    ),
  "as many large answers as a line may ask for at once, over HTTP/2 into a window of zero": (target, _, ms) =>
    onHttp2(
      target.port,
      ms,
      async (line) => {
        const next = streamIds();
        const body = Buffer.from(JSON.stringify({ conversationId: target.conversationId, pageSize: 200 }));
        const calls = Array.from({ length: 256 }, () => {
          const stream = next();
          return [
            frame(FRAME.HEADERS, callBlock(LIST, target), { flags: FLAG.END_HEADERS, stream }),
            frame(FRAME.DATA, body, { flags: FLAG.END_STREAM, stream }),
          ];
        });
        await line.write(Buffer.concat(calls.flat()));
        while (line.open) await delay(10);
      },
      settings([INITIAL_WINDOW_SIZE, 0]),
    ),
  "an answer over HTTP/2 that is let through a byte at a time": (target, _, ms) =>
    onHttp2(
      target.port,
      ms,
      async (line) => {
        const body = Buffer.from(JSON.stringify({ conversationId: target.conversationId, pageSize: 200 }));
        await line.write(frame(FRAME.HEADERS, callBlock(LIST, target), { flags: FLAG.END_HEADERS, stream: 1 }));
        await line.write(frame(FRAME.DATA, body, { flags: FLAG.END_STREAM, stream: 1 }));
        await line.repeat(() => windowUpdate(1, 1), 50);
      },
      settings([INITIAL_WINDOW_SIZE, 1]),
    ),
  "calls that are reset as soon as they are made": (target, _, ms) =>
    onHttp2(target.port, ms, (line) => {
      const next = streamIds();
      return line.repeat(() => {
        const stream = next();
        return Buffer.concat([
          frame(FRAME.HEADERS, callBlock(LIST, target), { flags: FLAG.END_HEADERS, stream }),
          reset(stream),
        ]);
      });
    }),
  "settings without end": ({ port }, _, ms) =>
    onHttp2(port, ms, (line) => line.repeat(() => Buffer.concat(Array(100).fill(settings([1, 4096]))))),
  "pings without end": ({ port }, _, ms) =>
    onHttp2(port, ms, (line) => line.repeat(() => Buffer.concat(Array(100).fill(frame(FRAME.PING, Buffer.alloc(8)))))),
  "priorities without end": ({ port }, random, ms) =>
    onHttp2(port, ms, (line) =>
      line.repeat(() => frame(FRAME.PRIORITY, Buffer.alloc(5), { stream: 2 * random.below(1_000_000) + 1 })),
    ),
  "headers that go on for ever": (target, _, ms) =>
    onHttp2(target.port, ms, async (line) => {
      await line.write(frame(FRAME.HEADERS, callBlock(LIST, target), { stream: 1 }));
      const more = headerBlock({ "x-more": "a".repeat(4_000) });
      await line.repeat(() => frame(FRAME.CONTINUATION, more, { stream: 1 }));
    }),
  "empty pieces of a body without end": (target, _, ms) =>
    onHttp2(target.port, ms, async (line) => {
      await line.write(frame(FRAME.HEADERS, callBlock(SEND, target), { flags: FLAG.END_HEADERS, stream: 1 }));
      await line.repeat(() => Buffer.concat(Array(100).fill(frame(FRAME.DATA, Buffer.alloc(0), { stream: 1 }))));
    }),
  "frames that are longer than allowed": (target, _, ms) =>
    onHttp2(target.port, ms, async (line) => {
      await line.write(frame(FRAME.HEADERS, callBlock(SEND, target), { flags: FLAG.END_HEADERS, stream: 1 }));
      await line.repeat(() => frame(FRAME.DATA, Buffer.alloc(1 << 20), { stream: 1 }));
    }),
  "frames that lie about their length": (target, random, ms) =>
    onHttp2(target.port, ms, (line) =>
      line.repeat(() =>
        frame(random.below(12), Buffer.alloc(random.below(64)), {
          length: random.below(16_000),
          stream: random.below(9),
        }),
      ),
    ),
  "windows that overflow": ({ port }, _, ms) =>
    onHttp2(port, ms, (line) => line.repeat(() => windowUpdate(0, 2 ** 31 - 1))),
  "bytes that mean nothing": ({ port }, random, ms) =>
    onLine(port, ms, async (line) => {
      if (random.chance(0.5)) await line.write(PREFACE);
      await line.repeat(() => Buffer.from(Array.from({ length: 512 }, () => random.below(256))));
    }),
  "a thousand requests at once on one line": ({ port, headers }, _, ms) =>
    onLine(port, ms, async (line) => {
      await line.write(
        http1(LIST, { ...headers, "content-length": "2" })
          .concat("{}")
          .repeat(1_000),
      );
      while (line.open) await delay(10);
    }),
  "lines that are opened and left": async ({ port }, _, ms) => {
    await Promise.all(
      Array.from({ length: 100 }, () =>
        onLine(port, ms, async (line) => {
          while (line.open) await delay(50);
        }),
      ),
    );
  },
  "bombs that are packed with gzip and brotli": (target) =>
    explode(target, [
      ["application/proto", { "content-encoding": "gzip" }, bombs.gzipBomb()],
      ["application/json", { "content-encoding": "br" }, bombs.brotliBomb()],
      ["application/json", { "content-encoding": "gzip" }, bombs.nestedBomb()],
      ["application/grpc", { "grpc-encoding": "gzip" }, enveloped(bombs.gzipBomb())],
      ["application/grpc-web+proto", { "grpc-encoding": "br" }, enveloped(bombs.brotliBomb())],
    ]),
  "bodies that are nested too deep, or hold nothing known": (target) =>
    explode(target, [
      ["application/json", {}, bombs.deepJson()],
      ["application/proto", {}, bombs.deepProto()],
      ["application/proto", {}, bombs.unknownFields()],
      ["application/grpc", {}, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
    ]),
} as const satisfies Record<string, Attack>;

export type AttackName = keyof typeof ATTACKS;

/** One compressed message in an envelope of gRPC. */
function enveloped(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(1);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

type Bomb = readonly [type: string, headers: Readonly<Record<string, string>>, body: Buffer];

/** Sends each body as a call of its own; resolves when each has its answer. */
async function explode({ port, headers }: Target, calls: readonly Bomb[]): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const ended = calls.map(
    ([type, more, body]) =>
      new Promise<void>((resolve) => {
        const request = session.request({
          ":method": "POST",
          ":path": SEND,
          "content-type": type,
          te: "trailers",
          ...headers,
          ...more,
        });
        request.on("error", () => {});
        request.on("close", () => resolve());
        request.resume();
        request.end(body);
      }),
  );
  await Promise.all(ended);
  session.destroy();
}
