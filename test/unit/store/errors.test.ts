// What a failure of the database means: whether the statement did nothing, or nobody knows.
import { expect, test } from "vitest";
import { kindOf } from "../../../src/store/driver/errors.ts";

test.each([
  ["57P01", "terminating connection due to unexpected postmaster exit", "session"],
  ["08006", "connection to the remote node colloquy@10.0.0.1:5432 failed", "session"],
  // Citus, whose coordinator was killed while it waited for a node: that one may have done everything.
  ["XX000", "postmaster was shut down, exiting", "session"],
  ["CIINF", "could not find valid entry for shard", "conflict"],
  ["XX000", "unexpected table entry", "definite"],
])("F-CITUS-NODES %s, %s, is of the kind %s", (code, message, kind) => {
  expect(kindOf(Object.assign(new Error(message), { code }))).toBe(kind);
});
