// Whether a pooler knows prepared statements is found whichever of its sessions it gives.
import type pg from "pg";
import { expect, test } from "vitest";
import { keepsStatements } from "../../../src/store/inspect/pooling.ts";

/** Two clients of a pooler that gives its sessions in this order, the last one for ever, and knows no statement. */
function clientsOf(order: readonly number[]): [pg.Client, pg.Client] {
  const sessions = [new Set<string>(), new Set<string>()];
  let given = 0;
  const next = () => sessions[order[Math.min(given++, order.length - 1)] as number] as Set<string>;
  const client = () => {
    const prepared = new Set<string>();
    let held: Set<string> | undefined;
    return {
      async query(asked: string | { name: string }) {
        const session = held ?? next();
        if (asked === "begin") held = session;
        else if (asked === "rollback") held = undefined;
        if (typeof asked === "string") return { rows: [] };
        if (prepared.has(asked.name) !== session.has(asked.name)) {
          throw Object.assign(new Error("prepared"), { code: session.has(asked.name) ? "42P05" : "26000" });
        }
        prepared.add(asked.name);
        session.add(asked.name);
        return { rows: [{ pid: 1 }] };
      },
    };
  };
  return [client(), client()] as unknown as [pg.Client, pg.Client];
}

test.each([[[0]], [[0, 1, 0]], [[0, 1, 1, 0, 0]]])("with its sessions in the order %j", async (order) => {
  expect(await keepsStatements(...clientsOf(order))).toBe(false);
});

test("where each client has a session of its own, it is no pooler that loses statements", async () => {
  expect(await keepsStatements(...clientsOf([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]))).toBe(true);
});
