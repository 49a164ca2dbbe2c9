// The ends of an audit log's chain of hashes: what is put before its beginning, and an end that was moved, are found.
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditBreak_Kind } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { sealAudit } from "../../src/store/audit/chain.ts";
import { COLUMNS, chainOf } from "../support/postgres/audit-chain.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const { INSERTED, REMOVED } = AuditBreak_Kind;
const forged = (place: string) => `insert into audit (tenant_id, id, ${COLUMNS}, chain_seq)
  select tenant_id, gen_random_uuid(), ${COLUMNS}, ${place} from audit where tenant_id = $1 and chain_seq = 2`;
const moved = (place: string) => `update audit_chain set seq = ${place} where tenant_id = $1`;
const MOVED_BACK = `update audit_chain c set seq = 2, hash = a.chain_hash from audit a
  where c.tenant_id = $1 and a.tenant_id = $1 and a.chain_seq = 2`;
const FARTHEST = "9223372036854775807";

test.for([
  ["an entry was put before the first", forged("0"), INSERTED, 0n],
  ["an entry was put at a place that is none", forged("-7"), INSERTED, 0n],
  ["an entry was put at the farthest place", forged(FARTHEST), INSERTED, BigInt(FARTHEST)],
  ["the end was moved before the beginning", moved("-1"), INSERTED, 1n],
  ["the end was moved back", MOVED_BACK, INSERTED, 3n],
  ["the end was moved to the farthest place", moved(FARTHEST), REMOVED, 4n],
] as const)(
  "it is found that %s, from the beginning and from a place that was kept",
  async ([, statement, kind, sequence]) => {
    const { audit, sql, add, tenant } = await chainOf(server, 3);
    const { lastSequence: afterSequence, lastHash: afterHash } = await audit.verifyAudit({});
    await sql(statement);
    const found = { complete: false, break: { kind, sequence } };
    for (const from of [{}, { afterSequence, afterHash }]) expect(await audit.verifyAudit(from)).toMatchObject(found);
    await add(4);
    expect(await sealAudit(server.database, tenant.id)).toBe(1);
    for (const from of [{}, { afterSequence, afterHash }]) {
      expect((await audit.verifyAudit(from)).break).toMatchObject({ sequence: expect.any(BigInt) });
    }
  },
);
