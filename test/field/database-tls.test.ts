// TLS to a real PostgreSQL: each sslmode against a server with a certificate of its own making, of another name, or
// without.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { inspectDatabase } from "../../src/store/inspect/inspect.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import { POSTGRES_15 } from "../support/postgres/postgres.ts";
import { startTlsPostgres, type TlsPostgres } from "../support/postgres/tls-postgres.ts";
import { type Certificate, makeCertificate } from "../support/services/certificate.ts";

const ENCRYPTED = { name: "is_encrypted", text: "select ssl from pg_stat_ssl where pid = pg_backend_pid()" };

/** Whether the connections of a server with this DATABASE_URL are encrypted, else why there are none. */
async function encryption(url: string): Promise<unknown> {
  const { databaseUrl = "" } = loadConfig({ DATABASE_URL: url });
  try {
    expect(await inspectDatabase({ url: databaseUrl, schema: "public", migrating: true })).toBeUndefined();
    const database = await openDatabase({ url: databaseUrl });
    try {
      return (await database.query(ENCRYPTED, []))[0];
    } finally {
      await database.close();
    }
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

const CLEAR = { ssl: false };
const TLS = { ssl: true };

describe.runIf(POSTGRES_15 !== undefined)("PostgreSQL with TLS", () => {
  let postgres: TlsPostgres;
  let right: Certificate;
  let wrong: Certificate;
  beforeAll(async () => {
    if (POSTGRES_15 === undefined) return;
    right = makeCertificate();
    wrong = makeCertificate("DNS:db.example.com");
    postgres = await startTlsPostgres(POSTGRES_15);
  }, 120_000);
  afterAll(async () => {
    await postgres[Symbol.asyncDispose]();
    right.remove();
    wrong.remove();
  });

  const outcomes = async (rows: Readonly<Record<string, unknown>>) => {
    const found: Record<string, unknown> = {};
    for (const parameters of Object.keys(rows)) found[parameters] = await encryption(postgres.url(parameters));
    return found;
  };

  test("F-MESSAGES: a server with TLS, whose certificate nobody has signed", async () => {
    await postgres.show(right);
    const root = `sslrootcert=${right.certFile}`;
    const other = `sslrootcert=${wrong.certFile}`;
    const untrusted = expect.stringMatching(/self-signed certificate/);
    const rows = {
      "": CLEAR,
      "sslmode=disable": CLEAR,
      "sslmode=prefer": TLS,
      "sslmode=require": TLS,
      [`sslmode=require&${root}`]: TLS,
      [`sslmode=require&${other}`]: untrusted,
      [`sslmode=verify-ca&${root}`]: TLS,
      [`${other}&sslmode=verify-ca`]: untrusted,
      "sslmode=verify-full": untrusted,
      [`sslmode=verify-full&${root}`]: TLS,
      [`sslmode=verify-full&${other}`]: untrusted,
    };
    expect(await outcomes(rows)).toEqual(rows);
  });

  test("F-MESSAGES: a server with TLS, whose certificate is of another name", async () => {
    await postgres.show(wrong);
    const root = `sslrootcert=${wrong.certFile}`;
    const rows = {
      "sslmode=prefer": TLS,
      [`sslmode=require&${root}`]: TLS,
      [`sslmode=verify-ca&${root}`]: TLS,
      [`sslmode=verify-full&${root}`]: expect.stringMatching(/altnames/),
    };
    expect(await outcomes(rows)).toEqual(rows);
  });

  test("F-MESSAGES: a server without TLS: prefer goes on in clear text, what asks for more does not", async () => {
    await postgres.show(undefined);
    const root = `sslrootcert=${right.certFile}`;
    const refused = expect.stringMatching(/does not support SSL/);
    const rows = {
      "sslmode=disable": CLEAR,
      "sslmode=prefer": CLEAR,
      "sslmode=prefer&application_name=a": CLEAR,
      "sslmode=require": refused,
      [`sslmode=verify-ca&${root}`]: refused,
      [`sslmode=verify-full&${root}`]: refused,
    };
    expect(await outcomes(rows)).toEqual(rows);
  });

  test("F-MESSAGES: hints come over the connection that prefer gives", async () => {
    await postgres.show(undefined);
    const { databaseUrl = "" } = loadConfig({ DATABASE_URL: postgres.url("sslmode=prefer") });
    const failures: unknown[] = [];
    const hints = createPostgresHints({ url: databaseUrl, onError: (error) => failures.push(error) });
    const listening = Promise.withResolvers<void>();
    await hints.start(() => listening.resolve());
    await listening.promise;
    await hints.close();
    expect(failures).toEqual([]);
  });

  test("F-MESSAGES: on a Unix socket nothing is encrypted, whatever sslmode says", async () => {
    await postgres.show(right);
    for (const mode of ["prefer", "require", "verify-full"]) {
      expect(await encryption(postgres.socketUrl(`&sslmode=${mode}`)), mode).toEqual(CLEAR);
    }
  });
});
