// A form whose reader leaves early is let go, with what feeds it.
import { expect, test } from "vitest";
import { readForm } from "../../../src/services/files/form.ts";

const HEAD = '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n';

test("a reader that leaves before the end ends what feeds the form", async () => {
  let ended = false;
  let given = 0;
  async function* endless() {
    try {
      yield Buffer.from(HEAD);
      for (;;) {
        given++;
        yield Buffer.alloc(64 * 1024);
      }
    } finally {
      ended = true;
    }
  }
  const form = await readForm("multipart/form-data; boundary=x", endless());
  for await (const bytes of form.bytes) {
    expect(bytes.byteLength).toBeGreaterThan(0);
    break;
  }
  await expect.poll(() => ended).toBe(true);
  expect(given).toBeLessThan(10);
});

test("a form whose file nobody reads is let go too", async () => {
  let ended = false;
  async function* endless() {
    try {
      yield Buffer.from(HEAD);
      for (;;) yield Buffer.alloc(64 * 1024);
    } finally {
      ended = true;
    }
  }
  const form = await readForm("multipart/form-data; boundary=x", endless());
  form.leave();
  await expect.poll(() => ended).toBe(true);
});
