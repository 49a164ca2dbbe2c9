import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readIssuers } from "../../../src/access/issuers.ts";

const GOOD = {
  issuer: "https://login.example.com/",
  audience: "colloquy",
  algorithms: ["RS256"],
  jwks_url: "https://login.example.com/jwks.json",
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "colloquy-issuers-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("the issuers in configuration", () => {
  test("may be none", async () => {
    expect(await readIssuers(" ")).toEqual([]);
  });

  test("may stand in the variable, or in a file that it names", async () => {
    const json = JSON.stringify([{ ...GOOD, claims: { tenant: "org.id" }, tenants: ["acme"] }]);
    const path = join(directory, "issuers.json");
    await writeFile(path, json);
    const expected = { issuer: GOOD.issuer, audience: ["colloquy"], claims: { tenant: "org.id" }, tenants: ["acme"] };
    expect(await readIssuers(json)).toMatchObject([expected]);
    expect(await readIssuers(path)).toMatchObject([expected]);
  });

  test.each<[string, object, string]>([
    ["a shared-secret algorithm", { algorithms: ["HS256"] }, "algorithms"],
    ["no algorithm", { algorithms: [] }, "algorithms"],
    ["no audience", { audience: undefined }, "audience"],
    ["the name of the local issuer", { issuer: "colloquy" }, "local issuer"],
    ["keys over clear text", { jwks_url: "http://login.example.com/jwks" }, "https"],
    ["keys from a file URL", { jwks_url: "file:///etc/passwd" }, "https"],
    ["no keys", { jwks_url: undefined }, "either jwks_url or key_file"],
    ["two kinds of keys", { key_file: "x" }, "either jwks_url or key_file"],
    ["an unknown role", { roles: { boss: "king" } }, "roles"],
    ["a misspelt setting", { tenant: ["acme"] }, "tenant"],
  ])("with %s stop the start", async (_, change, message) => {
    await expect(readIssuers(JSON.stringify([{ ...GOOD, ...change }]))).rejects.toThrow(message);
  });

  test("with a key file that is not there stop the start", async () => {
    const { jwks_url: _, ...rest } = GOOD;
    await expect(readIssuers(JSON.stringify([{ ...rest, key_file: join(directory, "none") }]))).rejects.toThrow(
      "ENOENT",
    );
  });

  test("that are not JSON stop the start", async () => {
    await expect(readIssuers("[nonsense")).rejects.toThrow("not JSON");
  });
});
