// On every wire, bytes of any size in any pieces, cut anywhere: what is stored is what was sent, or nothing is there.
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDiskStore } from "../../../src/files/disk.ts";
import { createRandom, type Random } from "../../fault/stage/random.ts";
import { personOf, sha256 } from "../../support/calls/files.ts";
import { SENDS, type Sending } from "../../support/calls/uploads.ts";
import { type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";

const ROUNDS = Math.max(6, Math.round(Number(process.env.COLLOQUY_TEST_CUTS ?? 0) / 8));
const SEED = Number(process.env.TEST_SEED ?? 1);
const MIB = 2 ** 20;

let folder: string;
let server: IdentityServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-pieces-"));
  const environment = { COLLOQUY_FILES: `disk:${folder}`, COLLOQUY_COMPAT: "openai", COLLOQUY_FILE_QUOTA: "unlimited" };
  server = await startIdentityServer({ environment });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** @param round every sixth is large */
function sendingOf(random: Random, round: number): Sending {
  const most = random.pick([0, 1, 1_000, 70_000, 300_000]);
  const bytes = randomBytes(round % 6 === 5 ? random.between(MIB, 20 * MIB) : random.between(0, most));
  const pieces: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(
      bytes.length - at,
      random.between(1, random.pick([10, 70_000, 3 * MIB])) + (bytes.length >> 6),
    );
    pieces.push(length);
    at += length;
  }
  return { bytes, pieces, cutAfter: random.chance(0.5) ? random.below(pieces.length + 1) : undefined };
}

test.each(Object.entries(SENDS))(`over %s (seed ${SEED})`, async (wire, send) => {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write");
  const key = personOf(server, credential);
  const random = createRandom(SEED + wire.length * 31 + wire.charCodeAt(0));
  const expected: { id: string; sha256: string; size: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sending = sendingOf(random, round);
    const { bytes, cutAfter } = sending;
    const id = await send(server, credential, sending);
    const goesOn = cutAfter === undefined || wire === "tus";
    expect(typeof id).toBe(goesOn ? "string" : "undefined");
    if (id === undefined) continue;
    expected.push({ id, sha256: sha256(bytes), size: bytes.length });
    const answer = await key.rest(`/v1/files/${id}/content`);
    expect([answer.status, sha256(await answer.bytes())]).toEqual([200, sha256(bytes)]);
  }
  const store = createDiskStore(folder);
  const stored = async () => {
    const keys = await Array.fromAsync(store.list(new Date(Date.now() + 60_000)));
    return keys.filter(({ tenantId }) => tenantId === tenant.id).map(({ id }) => id);
  };
  const ids = expected.map(({ id }) => id).sort();
  // What was cut is removed when the server sees it.
  await expect
    .poll(async () => [await readdir(join(folder, "unfinished")), (await stored()).sort()])
    .toEqual([[], ids]);
  const listed = [];
  for (let pageToken = ""; ; ) {
    const page = await key.files.listFiles({ pageSize: 200, pageToken });
    listed.push(...page.files.map((file) => ({ id: file.id, sha256: file.sha256, size: Number(file.size) })));
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
  expect(listed.sort(byId)).toEqual(expected.sort(byId));
});
