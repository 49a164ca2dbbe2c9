// Which addresses agents may have where private networks are closed.
import { describe, expect, test } from "vitest";
import { isPrivateAddress, publicLookup } from "../../../src/agents/connectors/addresses.ts";
import { AgentFailure } from "../../../src/agents/connectors/connector.ts";
import { createSealer } from "../../../src/agents/secrets/sealing.ts";

test.each([
  ...["127.0.0.1", "127.255.255.255", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"],
  ...["0.0.0.0", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "192.0.0.1", "240.0.0.1"],
  ...["::", "::1", "fe80::1", "fc00::1", "fdff::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"],
  ...["2002:7f00:1::", "2001:db8::1", "2001::1"],
])("%s is closed", (address) => expect(isPrivateAddress(address)).toBe(true));

test.each(["8.8.8.8", "172.15.255.255", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"])(
  "%s is open",
  (address) => expect(isPrivateAddress(address)).toBe(false),
);

test.each([true, false])("a name that leads to the loopback does not resolve (all: %s)", async (all) => {
  const error = await new Promise((resolve) => publicLookup("localhost", { all }, resolve));
  expect(error).toBeInstanceOf(AgentFailure);
});

describe("a sealed credential", () => {
  const owner = { tenantId: "t", id: "a" };
  const sealer = createSealer([Buffer.alloc(32, 1)]);

  test("opens for its owner, and is never the same twice", () => {
    const [one, two] = [sealer.seal("sk-1", owner), sealer.seal("sk-1", owner)];
    expect([sealer.open(one, owner), sealer.open(two, owner)]).toEqual(["sk-1", "sk-1"]);
    expect(one.equals(two)).toBe(false);
    expect(one.includes("sk-1")).toBe(false);
  });

  test("opens for nobody else, with no other key, and not when a bit has changed", () => {
    const sealed = sealer.seal("sk-1", owner);
    expect(() => sealer.open(sealed, { ...owner, tenantId: "u" })).toThrow();
    expect(() => sealer.open(sealed, { ...owner, id: "b" })).toThrow();
    expect(() => createSealer([Buffer.alloc(32, 2)]).open(sealed, owner)).toThrow();
    for (let index = 0; index < sealed.length; index++) {
      const damaged = Buffer.from(sealed);
      damaged[index] = (damaged[index] ?? 0) ^ 1;
      expect(() => sealer.open(damaged, owner)).toThrow();
    }
  });
});
