// The erasure of a person in a large tenant: memory stays bounded, and others are served meanwhile.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { readJob } from "../../src/store/jobs/jobs.ts";
import { personOf } from "../support/calls/files.ts";
import { conversationLine, imported, messageLine } from "../support/calls/transfer.ts";
import { usedMemory } from "../support/measure/memory.ts";
import { runJobs, tablesWith } from "../support/postgres/erasure.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const FULL = process.env.TORTURE === "1";
/** A tenth of the messages are by the person who is erased, in a fifth of the conversations. */
const SIZE = FULL ? { conversations: 200, messages: 1_000 } : { conversations: 10, messages: 100 };
const WORDS = "words of average length, as people write them ".repeat(4);
/** What the process may hold more meanwhile. A million messages were measured to take 62 MB. */
const MAX_BYTES = 64e6;
const TIMEOUT_MS = FULL ? 30 * 60_000 : 60_000;
/** Sends between two measurements. */
const MEASURE_EVERY = 50;

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

test(
  `a person is erased from ${SIZE.conversations * SIZE.messages} messages in bounded memory, while another sends`,
  async () => {
    const tenant = await server.tenant();
    const eve = `eve-${newId()}`;
    for (const id of ["ann", eve]) await tenant.addMember(id);
    const { credential } = await tenant.key("read", "write", "admin");
    const transfer = server.client(TransferService, credential);
    for (let place = 0; place < SIZE.conversations; place++) {
      const id = `c-${place}`;
      const erased = place % 5 === 0;
      const people = [{ memberId: "ann" }, ...(erased ? [{ memberId: eve }] : [])];
      const lines = [conversationLine(id, {}, people)];
      for (let seq = 0; seq < SIZE.messages; seq++) {
        const by = erased && seq % 2 === 1 ? eve : "ann";
        lines.push(messageLine(id, `${id}-${seq}`, { content: `${WORDS} ${by}`, sender: { id: by } }));
      }
      expect((await imported({ transfer }, lines, { pieceBytes: 1 << 20 })).errors).toEqual([]);
    }
    const ann = personOf(server, await tenant.token("ann"));
    const { conversation } = await ann.conversations.createConversation({});
    const before = (await usedMemory()).heapUsed;

    const { job } = await server.client(ErasureService, credential).eraseMember({ memberId: eve });
    const state = { erasing: true, sent: 0, slowestMs: 0, mostBytes: 0 };
    const sends = async () => {
      while (state.erasing) {
        const began = performance.now();
        const message = { content: `still here ${state.sent}` };
        await ann.messages.sendMessage({ conversationId: conversation?.id ?? "", message });
        state.slowestMs = Math.max(state.slowestMs, performance.now() - began);
        // It collects garbage, which takes longer than a send.
        const measured = state.sent++ % MEASURE_EVERY === 0 ? (await usedMemory()).heapUsed - before : 0;
        state.mostBytes = Math.max(state.mostBytes, measured);
      }
    };
    const began = performance.now();
    await Promise.all([
      runJobs(server.database, tenant.id, undefined, TIMEOUT_MS).finally(() => {
        state.erasing = false;
      }),
      sends(),
    ]);
    const seconds = (performance.now() - began) / 1_000;
    if (FULL) process.stderr.write(`${JSON.stringify({ ...SIZE, ...state, seconds })}\n`);
    const ended = await readJob(server.database, tenant.id, job?.id ?? "");
    expect([ended?.state, ended?.counts.messages]).toEqual([3, (SIZE.conversations * SIZE.messages) / 10]);
    expect(await tablesWith(server.database, eve)).toEqual([]);
    expect(state.sent).toBeGreaterThan(0);
    expect(state.mostBytes).toBeLessThan(MAX_BYTES);
  },
  TIMEOUT_MS,
);
