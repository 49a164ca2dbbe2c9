// Servers of one database whose folders of files differ: what one stores is missing at the other, which says so.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDiskStore } from "../../../src/files/disk.ts";
import { findMissing } from "../../../src/jobs/missing-bytes.ts";
import { createLogger } from "../../../src/telemetry/log.ts";
import { type Person, PIXEL, personOf } from "../../support/calls/files.ts";
import {
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../../support/servers/identity-server.ts";

let one: IdentityServer;
let tenant: IdentityTenant;
let base: string;
let ann: Person;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "colloquy-folders-"));
  one = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${join(base, "one")}` } });
  tenant = await one.tenant();
  await tenant.addMember("ann");
  ann = personOf(one, await tenant.token("ann"));
});
afterAll(async () => {
  await one.close();
  await rm(base, { recursive: true });
});

const age = () => {
  const text = "update file set create_time = statement_timestamp() - interval '1 hour' where tenant_id = $1";
  return one.database.query({ name: "test_age", text }, [tenant.id]);
};
const missingIn = async (folder: string) => (await findMissing(one.database, createDiskStore(join(base, folder))))?.id;

test("a server without the files of another one warns at its start, and says why it cannot send them", async () => {
  const { id } = await ann.upload(PIXEL);
  // It may not show yet in a folder that comes over the network.
  expect(await missingIn("other")).toBeUndefined();
  await age();
  expect([await missingIn("one"), await missingIn("other")]).toEqual([undefined, id]);

  const warned = Promise.withResolvers<Record<string, unknown>>();
  const destination = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).trimEnd().split("\n")) {
        const entry = JSON.parse(line);
        if (entry.level === "warn") warned.resolve(entry);
      }
      done();
    },
  });
  const folder = join(base, "other");
  await using other = await startIdentityServer({
    beside: one,
    environment: { COLLOQUY_FILES: `disk:${folder}` },
    logger: createLogger({ destination }),
  });
  expect(await warned.promise).toMatchObject({
    folder,
    file: id,
    msg: "files of the database are not in this server's folder of files: servers of one database must share it, and a restored database needs it",
  });
  const answer = await fetch(`${other.url}/v1/files/${id}/content`, { headers: { ...ann.credential } });
  expect([answer.status, await answer.json()]).toMatchObject([
    503,
    {
      message:
        "the bytes of this file are not in the server's folder of files, which servers of one database must share",
    },
  ]);
});

test("an erased file is not missed", async () => {
  const { id } = await ann.upload(PIXEL);
  await age();
  expect(await missingIn("other")).toBe(id);
  const text = "update file set erase_time = now() where tenant_id = $1";
  await one.database.query({ name: "test_erase", text }, [tenant.id]);
  expect(await missingIn("other")).toBeUndefined();
});
