// HMAC as Node's own has it.
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { hmacSha256 } from "../../../src/domain/hmac.ts";

it("gives what createHmac gives, for keys of any length and any parts", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(bytes, fc.array(bytes), (key, parts) => {
      const expected = createHmac("sha256", key).update(Buffer.concat(parts)).digest();
      expect(hmacSha256(key, parts)).toEqual(expected);
    }),
  );
});
