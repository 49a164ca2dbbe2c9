import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openIssuers } from "../../../src/access/tokens/issuers.ts";

const SETTINGS = {
  issuer: "https://login.example.com/",
  audience: ["colloquy"],
  algorithms: ["RS256"],
  jwksUrl: undefined,
  keyFile: undefined,
  claims: { sub: "sub", tenant: "org.id", role: "role" },
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "colloquy-issuers-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("the issuers of a server", () => {
  test("keep what their settings say", async () => {
    const url = { ...SETTINGS, jwksUrl: "http://127.0.0.1:1/", tenants: ["acme"], roles: { boss: "manager" as const } };
    expect(await openIssuers([url])).toMatchObject([
      { audience: ["colloquy"], claims: { tenant: "org.id" }, tenants: ["acme"], roles: { boss: "manager" } },
    ]);
  });

  test("with a key file that is wrong stop the start", async () => {
    const open = (keyFile: string) => openIssuers([{ ...SETTINGS, keyFile }]);
    const refusal = (keyFile: string, cause: string) => ({
      message: expect.stringContaining(`COLLOQUY_ISSUERS: ${keyFile} `),
      cause: expect.objectContaining({ message: expect.stringContaining(cause) }),
    });
    const none = join(directory, "none");
    await expect(open(none)).rejects.toMatchObject(refusal(none, "ENOENT"));
    const keyFile = join(directory, "keys.json");
    await writeFile(keyFile, '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}');
    await expect(open(keyFile)).rejects.toMatchObject(refusal(keyFile, "private or shared key"));
  });
});
