// Exports as files: written as they come where the browser can, else held up to a limit.
import { expect, test } from "vitest";
import { type Browser, save } from "../../../console/src/ui/save.ts";

const MB = 1_000_000;

function browserWith(picker: "writes" | "cancelled" | "none") {
  const seen: string[] = [];
  let open = 0;
  const file = {
    async write(block: Blob) {
      open = Math.max(open, block.size);
      seen.push(`write ${await block.slice(0, 3).text()}`);
    },
    close: async () => void seen.push("close"),
    abort: async () => void seen.push("abort"),
  };
  const saveWhole = async (whole: Blob, name: string) => void seen.push(`download ${name} ${whole.size} ${whole.type}`);
  const showSaveFilePicker = async () => {
    if (picker === "cancelled") throw new DOMException("no", "AbortError");
    return { createWritable: async () => file };
  };
  const browser: Browser = { saveWhole, mostHeld: 3 * MB, ...(picker !== "none" && { showSaveFilePicker }) };
  return { browser, seen, largest: () => open };
}

async function* pieces(count: number, size: number, end?: Error) {
  const piece = new Uint8Array(size).fill(97);
  for (let index = 0; index < count; index++) yield index % 2 === 0 ? piece : "b".repeat(size);
  if (end !== undefined) throw end;
}

test("what streams in is written in blocks, and no more than one is held", async () => {
  const { browser, seen, largest } = browserWith("writes");
  await save("a.zip", "application/zip", () => pieces(30, MB / 10), browser);
  expect(seen).toEqual(["write aaa", "write bbb", "write aaa", "close"]);
  expect(largest()).toBeLessThan(2 * MB);
});

test("an export that fails leaves the file as it was, and one without a place reads nothing", async () => {
  const failing = browserWith("writes");
  const end = new Error("gone");
  await expect(save("a", "text/plain", () => pieces(20, MB, end), failing.browser)).rejects.toBe(end);
  expect(failing.seen.at(-1)).toBe("abort");
  const { browser, seen } = browserWith("cancelled");
  await save("a", "text/plain", () => expect.unreachable(), browser);
  expect(seen).toEqual([]);
});

test("a browser that writes no files holds the whole one, up to a limit that it tells", async () => {
  const small = browserWith("none");
  await save("audit.ndjson", "application/x-ndjson", () => pieces(2, 10), small.browser);
  expect(small.seen).toEqual(["download audit.ndjson 20 application/x-ndjson"]);
  const large = browserWith("none");
  await expect(save("a", "text/plain", () => pieces(4, MB), large.browser)).rejects.toThrow("larger than 500 MB");
  expect(large.seen).toEqual([]);
});
