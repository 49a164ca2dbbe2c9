// How what is refused is divided among those who call.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FairShare, levelOf } from "../../../src/pipeline/fair-share.ts";

/** The part of each party's calls that is refused after a window of these, by `tenant/caller`. */
function divided(calls: Readonly<Record<string, number>>, share: number): Record<string, number> {
  const fair = new FairShare();
  const parties = Object.keys(calls).map((name) => {
    const [tenant = "", caller = ""] = name.split("/");
    return { tenant, caller };
  });
  for (const party of parties) {
    for (let call = 0; call < (calls[`${party.tenant}/${party.caller}`] ?? 0); call++) fair.count(party);
  }
  fair.divide(share);
  return Object.fromEntries(parties.map((party) => [`${party.tenant}/${party.caller}`, fair.of(party)]));
}

describe("what is refused", () => {
  test("is the same part for all who call as much", () => {
    expect(divided({ "a/x": 8, "b/x": 8 }, 0.25)).toEqual({ "a/x": 0.25, "b/x": 0.25 });
  });

  test("is taken from the tenant that calls most, until the others have as much, and there from the caller that does", () => {
    expect(divided({ "flood/x": 80, "flood/y": 4, "quiet/x": 8, "quiet/y": 8 }, 0.5)).toEqual({
      "flood/x": 1 - 30 / 80,
      "flood/y": 0,
      "quiet/x": 0,
      "quiet/y": 0,
    });
  });

  test("is nothing once the process is no longer late, and of those who did not call", () => {
    expect(divided({ "a/x": 8 }, 0)).toEqual({ "a/x": 0 });
    expect(new FairShare().of({ tenant: "a", caller: "x" })).toBe(0);
  });

  test("adds up, whoever calls how much, and takes from nobody below the level of the others", () => {
    const counts = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(counts, fc.double({ min: 0, max: 1, noNaN: true }), (calls, share) => {
        const all = calls.reduce((sum, count) => sum + count, 0);
        const level = levelOf(calls, share * all);
        const refused = calls.reduce((sum, count) => sum + Math.max(0, count - level), 0);
        expect(refused).toBeCloseTo(share * all, 6);
      }),
    );
  });
});
