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

test("a form with more fields than it may have is refused by that rule, not for a file that it has", async () => {
  const fields = Array.from(
    { length: 60 },
    (_, i) => `--x\r\ncontent-disposition: form-data; name="f${i}"\r\n\r\nv\r\n`,
  );
  async function* whole() {
    yield Buffer.from(`${fields.join("")}${HEAD}bytes\r\n--x--\r\n`);
  }
  await expect(readForm("multipart/form-data; boundary=x", whole())).rejects.toMatchObject({
    message: "body: must have at most 32 fields beside its file",
  });
});
