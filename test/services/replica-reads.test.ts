// What replicas may answer: that each of these calls knows what it has seen, and tells it.
import { expect, test } from "vitest";
import { REPLICA_READS } from "../../src/services/replica-reads.ts";
import type { Database } from "../../src/store/database.ts";
import { createWorld, WIRE_CASES } from "../support/calls/wire-cases.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";

const HEADER = "colloquy-position";
const POSITION = /^[0-9a-f]{16}-[0-9a-f]{16}$/;

test("each of them tells how much of the database it has seen", async () => {
  const unknown = new Set<string>();
  const known = new Set<string>();
  const watched = (opened: Database): Database => ({
    ...opened,
    query(statement, values, signal) {
      (signal?.reading === undefined ? unknown : known).add(statement.name);
      return opened.query(statement, values, signal);
    },
  });
  await using server = await startIdentityServer({ replicas: true, wrap: watched });
  const world = await createWorld(server);
  const cases = WIRE_CASES.filter(({ rpc }) => [...REPLICA_READS].some((m) => `${m.parent.name}.${m.name}` === rpc));
  expect(new Set(cases.map(({ rpc }) => rpc)).size).toBe(REPLICA_READS.size);
  const told: [rpc: string, ...unknown[]][] = [];
  for (const { rpc, as = "admin", requests } of cases) {
    const [request] = await requests(world);
    const [service, method] = rpc.split(".");
    const call = async () =>
      fetch(`${server.url}/colloquy.v1.${service}/${method}`, {
        method: "POST",
        headers: { ...world[as], "content-type": "application/json", [HEADER]: "latest" },
        body: JSON.stringify(request),
      });
    await (await call()).text();
    let response: Response;
    // The server itself looks for what is due from time to time, whatever is called.
    let times = 0;
    do {
      unknown.clear();
      known.clear();
      response = await call();
      await response.text();
    } while (unknown.size > 0 && ++times < 5);
    const own = [...unknown];
    told.push([rpc, response.status, own, response.headers.get(HEADER)]);
    expect([rpc, known.size]).not.toEqual([rpc, 0]);
  }
  expect(told).toEqual(told.map(([rpc]) => [rpc, 200, [], expect.stringMatching(POSITION)]));
});
