// The state that agents change by JSON Patches: what a patch may make of it, and what it may cost.
import { create } from "@bufbuild/protobuf";
import { applyPatch, type Operation } from "rfc6902";
import { expect, test } from "vitest";
import { type DataPart, DataPartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { afterChanges, MAX_STATE_BYTES } from "../../../../src/domain/turns/shared-state.ts";
import { leastHeldBy } from "../../../support/measure/loop-held.ts";

const part = (name: string, value: unknown): DataPart => create(DataPartSchema, { name, json: JSON.stringify(value) });
const delta = (...operations: object[]) => part("state-delta", operations);
const state = (value: unknown) => part("state", value);

/** The state after some changes. */
async function after(value: unknown, ...changes: DataPart[]): Promise<unknown> {
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return JSON.parse(await afterChanges(JSON.stringify(value), changes, turn));
}

const copies = (from: string, ...paths: string[]) => paths.map((path) => ({ op: "copy", from, path }));
/** As many values as fit. */
const wide = { a: Array.from({ length: 85_000 }, () => ({})) };

test.each<[string, unknown, object[]]>([
  [
    "adds, replaces and removes members",
    { a: 1 },
    [
      { op: "add", path: "/b", value: { c: [] } },
      { op: "replace", path: "/a", value: null },
      { op: "remove", path: "/b/c" },
    ],
  ],
  [
    "inserts into lists and takes from them",
    { l: [1, 2] },
    [
      { op: "add", path: "/l/0", value: 0 },
      { op: "add", path: "/l/-", value: 3 },
      { op: "remove", path: "/l/1" },
      { op: "add", path: "/l/3", value: 4 },
    ],
  ],
  ["replaces a member by adding it", { a: { b: 1 } }, [{ op: "add", path: "/a", value: [] }]],
  [
    "copies are independent of what they were made from",
    { a: { b: [] } },
    [...copies("/a", "/c"), { op: "add", path: "/c/b/-", value: 1 }],
  ],
  ["copies the whole into itself", { a: 1 }, copies("", "/b")],
  [
    "moves within a list and between members",
    { l: [1, 2, 3], m: {} },
    [
      { op: "move", from: "/l/0", path: "/l/2" },
      { op: "move", from: "/l", path: "/m/l" },
    ],
  ],
  ["moves to where a member holds it", { a: { b: { c: 1 } } }, [{ op: "move", from: "/a/b", path: "/a" }]],
  ["names with slashes and tildes", {}, [{ op: "add", path: "/a~1b~0~01", value: 1 }]],
  [
    "replaces the whole",
    { a: 1 },
    [
      { op: "replace", path: "", value: [1] },
      { op: "add", path: "/0", value: {} },
    ],
  ],
  ["removes the whole", { a: 1 }, [{ op: "remove", path: "" }]],
  [
    "tests without regard to the order of members",
    { a: { b: 1, c: [1, { d: 2 }] } },
    [
      { op: "test", path: "/a", value: { c: [1, { d: 2 }], b: 1 } },
      { op: "remove", path: "/a" },
    ],
  ],
])("a patch %s", async (_, before, operations) => {
  const root = { "": structuredClone(before) };
  const below = operations.map((operation) => {
    const { path, from } = operation as { path: string; from?: string };
    return { ...operation, path: `/${path}`, ...(from !== undefined && { from: `/${from}` }) };
  });
  expect(applyPatch(root, below as Operation[])).toEqual(operations.map(() => null));
  expect(await after(before, delta(...operations))).toEqual(root[""] ?? null);
});

const kept = { l: [1, 2], o: { p: {} }, s: "text" };
test.each<[string, object[]]>([
  ["removes what is not there", [{ op: "remove", path: "/x" }]],
  ["replaces what is not there", [{ op: "replace", path: "/x", value: 1 }]],
  ["adds below what is not there", [{ op: "add", path: "/x/y", value: 1 }]],
  ["adds past the end of a list", [{ op: "add", path: "/l/3", value: 1 }]],
  ["gives a list another length", [{ op: "replace", path: "/l/length", value: 4_000_000_000 }]],
  ["names no element", [{ op: "replace", path: "/l/-", value: 1 }]],
  ["names an element with a leading zero", [{ op: "replace", path: "/l/01", value: 1 }]],
  ["copies what every object has", [{ op: "copy", from: "/toString", path: "/x" }]],
  ["removes what every object has", [{ op: "remove", path: "/o/valueOf" }]],
  ["reaches into a text", [{ op: "copy", from: "/s/length", path: "/x" }]],
  ["moves something into itself", [{ op: "move", from: "/o", path: "/o/p/q" }]],
  ["fails a test", [{ op: "test", path: "/l", value: [1, 3] }]],
  ["tests for fewer elements", [{ op: "test", path: "/l", value: [1] }]],
  ["tests for fewer members", [{ op: "test", path: "/o", value: {} }]],
  ["has an operation without a value", [{ op: "add", path: "/x" }]],
  ["has an unknown operation", [{ op: "put", path: "/x", value: 1 }]],
  ["has a pointer without a slash", [{ op: "add", path: "x", value: 1 }]],
  ["nests deeper than a state may", [{ op: "add", path: "/x", value: JSON.parse("[".repeat(64) + "]".repeat(64)) }]],
  [
    "nests deeper by a move",
    [
      { op: "add", path: "/x", value: JSON.parse("[".repeat(63) + "]".repeat(63)) },
      { op: "move", from: "/x", path: "/o/x" },
    ],
  ],
  ["makes it larger than it may be", [{ op: "add", path: "/x", value: "x".repeat(MAX_STATE_BYTES) }]],
])("a patch that %s is left out as a whole", async (_, operations) => {
  const before = [
    { op: "add", path: "/l/0", value: 0 },
    { op: "remove", path: "/l/1" },
    { op: "replace", path: "/s", value: 1 },
    { op: "add", path: "/new", value: 1 },
    { op: "move", from: "/s", path: "/o/s" },
    { op: "move", from: "/o/s", path: "/s" },
    { op: "replace", path: "/s", value: "text" },
  ];
  const next = { op: "add", path: "/next", value: true };
  expect(await after(kept, delta(...before, ...operations), delta(next))).toEqual({ ...kept, next: true });
});

test("a patch may fill a state to the last byte, and no further", async () => {
  const room = MAX_STATE_BYTES - '{"a":[],"b":""}'.length;
  const fill = (bytes: number) => delta({ op: "add", path: "/b", value: "x".repeat(bytes) });
  expect(await after({ a: [] }, fill(room))).toHaveProperty("b");
  expect(await after({ a: [] }, fill(room + 1))).toEqual({ a: [] });
  // What was removed counts no more.
  const full = fill(room);
  const swap = delta({ op: "remove", path: "/b" }, { op: "add", path: "/c", value: "y".repeat(room) });
  expect(await after({ a: [] }, full, swap, delta({ op: "add", path: "/d", value: 1 }))).not.toHaveProperty("d");
  expect(await after({ a: [] }, full, swap)).toHaveProperty("c");
});

test.each<[string, DataPart[]]>([
  ["copies of copies", [delta(...copies("", ..."stuvwxyz".split("").map((name) => `/${name}`)))]],
  ["copies below a member", [delta({ op: "add", path: "/o", value: {} }, ...copies("/a", "/o/x", "/o/y", "/o/z"))]],
  [
    "copies that are removed again",
    Array.from({ length: 2_000 }, () => delta(...copies("/a", "/b"), { op: "remove", path: "/b" })),
  ],
  ["a test of a long list", [delta({ op: "test", path: "/a", value: [1, ...wide.a.slice(0, 20_000)] })]],
  [
    "elements at the beginning of a long list",
    Array.from({ length: 200 }, () =>
      delta(...Array.from({ length: 1_000 }, () => ({ op: "add", path: "/a/0", value: 1 })), {
        op: "test",
        path: "/a",
        value: 1,
      }),
    ),
  ],
  [
    "patches that fail at their end",
    Array.from({ length: 2_000 }, () => delta({ op: "replace", path: "/a/0", value: 1 }, { op: "remove", path: "/x" })),
  ],
  [
    "two thousand small patches",
    Array.from({ length: 2_000 }, (_, n) => delta({ op: "replace", path: `/a/${n}`, value: n })),
  ],
])("F-STATE-PATCH: %s of a state of 85,000 values cost no more than the state", async (_, changes) => {
  let began = process.threadCpuUsage();
  const { value, ms } = await leastHeldBy(400, () => {
    began = process.threadCpuUsage();
    return after(wide, ...changes);
  });
  const { user, system } = process.threadCpuUsage(began);
  expect(Buffer.byteLength(JSON.stringify(value))).toBeLessThanOrEqual(MAX_STATE_BYTES);
  expect((user + system) / 1000).toBeLessThan(5_000);
  expect(ms).toBeLessThan(400);
});

test("a state that no patch fits stays to the letter", async () => {
  const wrong = delta({ op: "remove", path: "/x" });
  const change = (text: string) => afterChanges(text, [wrong], () => Promise.resolve());
  expect(await change('{ "n": 12345678901234567890 }')).toBe('{ "n": 12345678901234567890 }');
  expect(await change("")).toBe("");
});

test("a state between patches counts as it is", async () => {
  const changes = [
    delta({ op: "add", path: "/a", value: 1 }),
    state({ b: 1 }),
    delta({ op: "add", path: "/c", value: 2 }),
  ];
  expect(await after({}, ...changes)).toEqual({ b: 1, c: 2 });
  expect(await after({}, ...changes, state({}))).toEqual({});
});
