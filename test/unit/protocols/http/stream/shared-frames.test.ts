// Frames that many streams share: made once for each message and list, whole or as a chunk of HTTP/1.1.
import { create } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { SharedFrames } from "../../../../../src/protocols/http/stream/shared-frames.ts";
import { type RepeatResponse, RepeatResponseSchema } from "../../../../gen/colloquy/test/v1/echo_pb.ts";

const [a, b] = ["a", "bc"].map((text) => create(RepeatResponseSchema, { text })) as [RepeatResponse, RepeatResponse];
const textOf = (message: object) => Buffer.from((message as RepeatResponse).text);

test("a list is one piece, the same each time", () => {
  const make = vi.fn(textOf);
  const frames = new SharedFrames(make);
  const list = [a, b];
  expect(String(frames.of(list, false))).toBe("abc");
  expect(frames.of(list, false)).toBe(frames.of(list, false));
  expect(String(frames.of(list, true))).toBe("3\r\nabc\r\n");
  expect(String(frames.of([b], true))).toBe("2\r\nbc\r\n");
  expect(make).toHaveBeenCalledTimes(2);
});

test("nothing is no chunk, which would end the body", () => {
  const frames = new SharedFrames(() => Buffer.alloc(0));
  expect(frames.of([a], true)).toHaveLength(0);
});

test("what takes a while is waited for once, and there from then on", async () => {
  const make = vi.fn(async (message: object) => textOf(message));
  const frames = new SharedFrames(make);
  const list = [a, b];
  const [one, two] = [frames.of(list, false), frames.of(list, false)];
  expect(one).toBe(two);
  expect(String(await one)).toBe("abc");
  expect(String(frames.of(list, false))).toBe("abc");
  expect(frames.of([b], false)).toEqual(Buffer.from("bc"));
  expect(make).toHaveBeenCalledTimes(2);
});

test("what could not be made is told, and tried again", async () => {
  let broken = true;
  const frames = new SharedFrames(async (message) => {
    if (broken) throw new Error("broken");
    return textOf(message);
  });
  const list = [a];
  await expect(frames.of(list, false)).rejects.toThrow("broken");
  broken = false;
  expect(String(await frames.of(list, false))).toBe("a");
});
