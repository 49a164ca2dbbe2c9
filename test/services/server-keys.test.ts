// Keys that all servers of a database share: any server takes any token, and opens any secret.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { LocalIssuer } from "../../src/access/tokens/local-issuer.ts";
import { createSealer } from "../../src/agents/secrets/sealing.ts";
import { openSealer } from "../../src/agents/secrets/sealing-key.ts";
import { operatorKeys } from "../../src/domain/secrets/operator-keys.ts";
import type { Database } from "../../src/store/database.ts";
import { createKeyRing } from "../../src/store/keys/server-keys.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { bearer, startIdentityServer } from "../support/servers/identity-server.ts";

const keyOf = (byte: number) => Buffer.alloc(32, byte).toString("base64");
const OWNER = { tenantId: "01890a5d-ac96-774b-bcce-b302099a8057", id: "x" };

let folder: string;
let own: TestDatabase;
let database: Database;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-keys-"));
  own = await createTestDatabase();
  database = await own.open();
});
afterAll(async () => {
  await own.drop();
  await rm(folder, { recursive: true });
});

/** A data directory, with the file in which an earlier release kept its key if `byte` is given. */
async function directory(byte?: number): Promise<string> {
  const path = await mkdtemp(join(folder, "data-"));
  if (byte !== undefined) await writeFile(join(path, "agent.key"), keyOf(byte), { mode: 0o600 });
  return path;
}

/** The keys as a server with these settings opens them, on a database without keys unless `keep`. */
function serverWith(key?: string, oldKey?: string) {
  const operator = operatorKeys({ key, oldKey });
  return {
    signing: createKeyRing(database, "signing", operator),
    sealer: async (dataDir: string) =>
      openSealer({ ring: createKeyRing(database, "sealing", operator), dataDir, operator }),
  };
}

const forgetKeys = () => database.query({ name: "test_forget", text: "delete from server_key where true" }, []);

test("F-SERVERS: a token of one server is taken by another, which has no file of the first", async () => {
  await using one = await startIdentityServer();
  await using other = await startIdentityServer({ beside: one, environment: { COLLOQUY_DATA_DIR: await directory() } });
  const tenant = await one.tenant();
  const { id, text } = await tenant.key("read");
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: text });
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const answer = await fetch(`${from.url}/oauth2/token`, { method: "POST", body });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    await to.client(DirectoryService, bearer(token)).listMembers({});
    expect(await (await fetch(`${to.url}/.well-known/jwks.json`)).text()).toBe(
      await (await fetch(`${from.url}/.well-known/jwks.json`)).text(),
    );
  }
});

test("F-SERVERS: servers that start at once on an empty database agree on their keys", async () => {
  await forgetKeys();
  const path = await directory();
  const started = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const { signing, sealer } = serverWith();
      const issuer = new LocalIssuer(signing);
      await issuer.keys.start(path);
      return { kids: (await issuer.keys.all()).map(({ kid }) => kid), sealer: await sealer(path) };
    }),
  );
  const [first] = started;
  expect(first?.kids).toHaveLength(1);
  for (const { kids, sealer } of started) {
    expect(kids).toEqual(first?.kids);
    expect(sealer.open(first?.sealer.seal("s", OWNER) ?? Buffer.of(), OWNER)).toBe("s");
  }
});

describe("servers of an earlier release, each with a key in its data directory", () => {
  test("open each other's secrets after the upgrade, also those that were sealed before", async () => {
    await forgetKeys();
    const { sealer } = serverWith();
    const before = await sealer(await directory(1));
    const ofFirst = before.seal("first", OWNER);
    await forgetKeys();
    const ofSecond = (await sealer(await directory(2))).seal("second", OWNER);
    await forgetKeys();

    const first = await sealer(await directory(1));
    expect(() => first.open(ofSecond, OWNER)).toThrow();
    const second = await sealer(await directory(2));
    for (const sealed of [ofFirst, ofSecond, first.seal("new", OWNER)]) second.open(sealed, OWNER);
    // The first has tried a secret that it could not open, and reads the keys again.
    await expect
      .poll(() => {
        try {
          return first.open(ofSecond, OWNER);
        } catch {
          return undefined;
        }
      })
      .toBe("second");
    // A third has no file, and needs none.
    const third = await sealer(await directory());
    expect([third.open(ofFirst, OWNER), third.open(ofSecond, OWNER)]).toEqual(["first", "second"]);
  });

  test("or with the operator's key, open what it has sealed", async () => {
    await forgetKeys();
    const path = await directory(3);
    const { sealer } = serverWith(keyOf(4));
    const opened = await sealer(path);
    expect((await serverWith(keyOf(4)).sealer(await directory())).open(opened.seal("s", OWNER), OWNER)).toBe("s");
  });
});

describe("the operator's key", () => {
  const rows = () =>
    database.query<{ purpose: string; value: Buffer; wrapped: boolean }>(
      { name: "test_keys", text: "select purpose, value, wrapped from server_key order by purpose" },
      [],
    );

  test("wraps the keys, also those that were stored without it, and what was sealed stays readable", async () => {
    await forgetKeys();
    const path = await directory();
    const plain = serverWith();
    const sealed = (await plain.sealer(path)).seal("s", OWNER);
    const issuer = new LocalIssuer(plain.signing);
    await issuer.keys.start(path);
    const [key] = await issuer.keys.all();
    expect((await rows()).map(({ value }) => value.includes(key?.d ?? "?"))).toEqual([false, true]);

    const wrapping = serverWith(keyOf(5));
    expect((await wrapping.sealer(path)).open(sealed, OWNER)).toBe("s");
    await new LocalIssuer(wrapping.signing).keys.start(path);
    const stored = await rows();
    expect(stored.map(({ wrapped }) => wrapped)).toEqual([true, true]);
    expect(stored.some(({ value }) => value.includes(key?.d ?? "?") || value.includes("keys"))).toBe(false);
    expect(await new LocalIssuer(wrapping.signing).keys.all()).toEqual([key]);
  });

  test("is asked for where it is missing or another, and nothing is changed", async () => {
    await forgetKeys();
    const path = await directory();
    await serverWith(keyOf(6)).sealer(path);
    const before = await rows();
    await expect(serverWith().sealer(path)).rejects.toThrow(
      /^COLLOQUY_AGENT_KEY: must be set: the keys in the database are encrypted by it$/,
    );
    await expect(serverWith(keyOf(7)).sealer(path)).rejects.toThrow(
      /^COLLOQUY_AGENT_KEY: must be the key by which the keys in the database are encrypted, or COLLOQUY_AGENT_KEY_OLD must be$/,
    );
    expect(await rows()).toEqual(before);
  });

  const opensAll = async (server: ReturnType<typeof serverWith>, sealed: Buffer, path: string) => {
    expect((await server.sealer(path)).open(sealed, OWNER)).toBe("s");
    const issuer = new LocalIssuer(server.signing);
    await issuer.keys.start(path);
    return (await issuer.keys.all()).map(({ kid }) => kid);
  };

  test("is changed, and dropped, by a start that has the one before, which is not needed from then on", async () => {
    await forgetKeys();
    const path = await directory();
    const [one, two] = [keyOf(10), keyOf(11)];
    const sealed = (await serverWith(one).sealer(path)).seal("s", OWNER);
    const kids = await opensAll(serverWith(one), sealed, path);
    expect(await opensAll(serverWith(two, one), sealed, path)).toEqual(kids);
    expect(await opensAll(serverWith(two), sealed, path)).toEqual(kids);
    await expect(serverWith(one).sealer(path)).rejects.toThrow(/^COLLOQUY_AGENT_KEY: must be the key/);
    const changed = await rows();
    // Started again with both, it has nothing to do.
    expect(await opensAll(serverWith(two, one), sealed, path)).toEqual(kids);
    expect(await rows()).toEqual(changed);

    expect(await opensAll(serverWith(undefined, two), sealed, path)).toEqual(kids);
    expect((await rows()).map(({ wrapped }) => wrapped)).toEqual([false, false]);
    expect(await opensAll(serverWith(), sealed, path)).toEqual(kids);
  });

  test("encrypts no secret itself: with the one that was changed nobody opens what is stored later", async () => {
    await forgetKeys();
    const [one, two] = [keyOf(12), keyOf(13)];
    const ofEarlier = createSealer([Buffer.from(one, "base64")]).seal("s", OWNER);
    const before = (await serverWith(one).sealer(await directory())).seal("s", OWNER);
    const after = (await serverWith(two, one).sealer(await directory())).seal("s", OWNER);
    for (const sealed of [before, after]) {
      expect(() => createSealer([one, two].map((key) => Buffer.from(key, "base64"))).open(sealed, OWNER)).toThrow();
    }
    // What an earlier release encrypted with it stays readable.
    expect((await serverWith(two).sealer(await directory())).open(ofEarlier, OWNER)).toBe("s");
  });

  test.each([
    ["is set", {}, { COLLOQUY_AGENT_KEY: keyOf(8) }],
    [
      "is changed",
      { COLLOQUY_AGENT_KEY: keyOf(8) },
      { COLLOQUY_AGENT_KEY: keyOf(9), COLLOQUY_AGENT_KEY_OLD: keyOf(8) },
    ],
  ])(
    "leaves servers that still run as they are when it %s on the next, and they say so once",
    async (_, before, after) => {
      const lines: string[] = [];
      const destination = new Writable({
        write(chunk, _encoding, done) {
          lines.push(...String(chunk).trimEnd().split("\n"));
          done();
        },
      });
      await using running = await startIdentityServer({
        environment: before,
        logger: createLogger({ destination }),
      });
      await using restarted = await startIdentityServer({
        beside: running,
        environment: after,
      });
      const { id, text } = await (await running.tenant()).key("read", "write", "admin");
      const jwks = async ({ url }: { url: string }) => (await fetch(`${url}/.well-known/jwks.json`)).json();
      const tokenOf = async ({ url }: { url: string }) => {
        const body = new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: text });
        const answer = await fetch(`${url}/oauth2/token`, { method: "POST", body });
        return ((await answer.json()) as { access_token: string }).access_token;
      };
      expect(await jwks(running)).toEqual(await jwks(restarted));
      for (const [from, to] of [
        [running, restarted],
        [restarted, running],
      ] as const) {
        await to.client(DirectoryService, bearer(await tokenOf(from))).listMembers({});
      }
      const warnings = lines
        .map((line) => JSON.parse(line))
        .filter(({ level }) => level === "warn" || level === "error");
      expect(warnings).toEqual([
        expect.objectContaining({
          level: "warn",
          msg: "cannot read the keys in the database again, and goes on with those that it has: restart with the COLLOQUY_AGENT_KEY of the other servers",
        }),
      ]);
    },
  );
});
