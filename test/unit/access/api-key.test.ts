import { describe, expect, test } from "vitest";
import { hashSecret, judgeSecret, makeApiKey, parseApiKey } from "../../../src/access/keys/api-key.ts";
import { TENANT } from "../../support/servers/access.ts";

const KEY_ID = "01890a5d-ac96-774b-bcce-000000000001";

describe("the text of an API key", () => {
  test("says its tenant, its id and its secret, in five parts", () => {
    const { text, secretHash } = makeApiKey(TENANT, KEY_ID);
    expect(text).toMatch(/^clq_[0-9a-f]{32}_[0-9a-f]{32}_[0-9a-f]{48}_[0-9a-f]{8}$/);
    const key = parseApiKey(text);
    expect(key).toMatchObject({ tenantId: TENANT, keyId: KEY_ID });
    expect(Buffer.from(hashSecret(key!.secret))).toEqual(Buffer.from(secretHash));
  });

  test("holds a secret that is new each time", () => {
    const secrets = Array.from({ length: 100 }, () => parseApiKey(makeApiKey(TENANT, KEY_ID).text)!.secret);
    expect(new Set(secrets).size).toBe(100);
  });

  test("is refused when any one character of it is changed, lost or doubled", () => {
    const { text } = makeApiKey(TENANT, KEY_ID);
    for (let place = 0; place < text.length; place++) {
      const changed = text[place] === "a" ? "b" : "a";
      expect(parseApiKey(text.slice(0, place) + changed + text.slice(place + 1))).toBeUndefined();
      expect(parseApiKey(text.slice(0, place) + text.slice(place + 1))).toBeUndefined();
      expect(parseApiKey(text.slice(0, place) + text[place] + text.slice(place))).toBeUndefined();
    }
  });

  test.each(["", "clq_", "clq____", `clq_${"0".repeat(32)}_${"0".repeat(32)}_${"0".repeat(48)}_00000000`, " "])(
    "is refused when it is %j",
    (text) => {
      expect(parseApiKey(text)).toBeUndefined();
    },
  );
});

describe("judging a key", () => {
  const now = 1_000_000;
  const record = (change = {}) => ({
    tenantId: TENANT,
    keyId: KEY_ID,
    scopes: new Set(["read" as const]),
    secrets: [{ hash: hashSecret("right"), expiresAt: undefined as number | undefined }],
    expiresAt: undefined as number | undefined,
    revokedAt: undefined as number | undefined,
    ...change,
  });

  test.each([
    ["the right secret", record(), "right", "ok"],
    ["another secret", record(), "wrong", "wrong_secret"],
    ["a key that was revoked", record({ revokedAt: now - 1 }), "right", "revoked"],
    ["a key that expires now", record({ expiresAt: now }), "right", "expired"],
    ["a key that expires later", record({ expiresAt: now + 1 }), "right", "ok"],
    ["another secret for a revoked key", record({ revokedAt: now - 1 }), "wrong", "wrong_secret"],
    [
      "a stored hash of another length",
      record({ secrets: [{ hash: Buffer.alloc(3), expiresAt: undefined }] }),
      "right",
      "wrong_secret",
    ],
    ["a key without a secret", record({ secrets: [] }), "right", "wrong_secret"],
  ])("%s: %#", (_, key, secret, verdict) => {
    expect(judgeSecret(key, secret, () => now)).toBe(verdict);
  });

  test("during a rotation both secrets work, until the overlap ends", () => {
    const secrets = [
      { hash: hashSecret("new"), expiresAt: undefined },
      { hash: hashSecret("old"), expiresAt: now + 10 },
    ];
    const at = (time: number, secret: string) => judgeSecret(record({ secrets }), secret, () => time);
    expect([at(now, "new"), at(now, "old")]).toEqual(["ok", "ok"]);
    expect([at(now + 10, "new"), at(now + 10, "old")]).toEqual(["ok", "expired"]);
  });
});
