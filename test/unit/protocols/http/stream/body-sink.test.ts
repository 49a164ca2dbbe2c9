// Messages on their way into a body: in order though some take a while to make, at the reader's pace, none after the
// end.
import type { ServerHttp2Stream } from "node:http2";
import { Writable } from "node:stream";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { BodySink } from "../../../../../src/protocols/http/stream/body-sink.ts";
import { BodyWriter } from "../../../../../src/protocols/http/stream/body-writer.ts";
import { SharedFrames } from "../../../../../src/protocols/http/stream/shared-frames.ts";
import { type RepeatResponse, RepeatResponseSchema } from "../../../../gen/colloquy/test/v1/echo_pb.ts";

const messageOf = (text: string) => create(RepeatResponseSchema, { text });

function start() {
  let text = "";
  let reads = true;
  let read = () => {};
  const body = new Writable({
    highWaterMark: 5,
    write(chunk, _, done) {
      text += chunk;
      read = done;
      if (reads) done();
    },
  });
  const reader = {
    stops() {
      reads = false;
    },
    goesOn: () => read(),
  };
  const gone = new AbortController();
  const later = Promise.withResolvers<void>();
  const opened: string[] = [];
  const frames = new SharedFrames((message) => {
    const { text } = message as RepeatResponse;
    const bytes = Buffer.from(`${text};`);
    return text.startsWith("later") ? later.promise.then(() => bytes) : bytes;
  });
  const open = (first: unknown) => {
    opened.push((first as RepeatResponse).text);
    return BodyWriter.ofStream(body as unknown as ServerHttp2Stream);
  };
  const sink = new BodySink(frames, open, gone.signal);
  const put = (...texts: string[]) => sink.put(texts.map(messageOf));
  return { sink, put, gone, later, opened, reader, written: () => text };
}

/** Whether it settles without anything else happening. */
async function settles(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  await new Promise(setImmediate);
  return settled;
}

test("a body is opened with the first message, once", () => {
  const { put, opened, written } = start();
  expect(opened).toEqual([]);
  expect([put("a", "b"), put("c")]).toEqual([true, true]);
  expect([opened, written()]).toEqual([["a"], "a;b;c;"]);
});

test("nothing overtakes what takes a while to make", async () => {
  const { sink, put, later, written } = start();
  expect(put("a", "later b")).toBe(false);
  const room = sink.room();
  expect([await settles(room), written()]).toEqual([false, ""]);
  later.resolve();
  await room;
  expect([put("c"), written()]).toEqual([true, "a;later b;c;"]);
});

test("what was put before the end is written, and nothing after it", async () => {
  const { sink, put, later, written } = start();
  put("later a");
  const closed = sink.close();
  expect(put("b")).toBe(false);
  expect(await settles(closed)).toBe(false);
  later.resolve();
  await closed;
  expect(written()).toBe("later a;");
});

test("what cannot be made is told to who waits for room, or for the end", async () => {
  const { sink, put, later } = start();
  put("later a");
  later.reject(new Error("broken"));
  await expect(sink.room()).rejects.toThrow("broken");
  await expect(sink.close()).rejects.toThrow("broken");
});

test("a reader that is behind is waited for, until it has gone", async () => {
  const { sink, put, gone, reader } = start();
  reader.stops();
  expect(put("aaaa")).toBe(false);
  const room = sink.room();
  expect(await settles(room)).toBe(false);
  reader.goesOn();
  await room;
  expect(put("bbbb")).toBe(false);
  const never = sink.room();
  expect(await settles(never)).toBe(false);
  gone.abort();
  await never;
});
