// The address of a client behind proxies: who is believed, and how far.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createClientAddress, parseNetwork } from "../../src/access/client-address/client-address.ts";
import { ConfigError, loadConfig } from "../../src/config/config.ts";

const TRUSTED = ["10.0.0.0/8", "127.0.0.1", "fd00::/8", "::1"];

function clientOf(headers: Record<string, string>, peer = "10.1.2.3", trusted = TRUSTED): string {
  const { trustedProxies } = loadConfig({ COLLOQUY_TRUSTED_PROXIES: trusted.join(", ") });
  return createClientAddress(trustedProxies)({ address: peer, header: (name) => headers[name] });
}

const plain = (value: string) => ({ "x-forwarded-for": value });
const standard = (value: string) => ({ forwarded: value });

describe("A3: X-Forwarded-For", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["198.51.100.1, 203.0.113.7", "203.0.113.7"],
    ["198.51.100.1, 203.0.113.7, 10.9.9.9", "203.0.113.7"],
    ["10.5.5.5, 10.9.9.9", "10.5.5.5"],
    ["203.0.113.7:51234", "203.0.113.7"],
    ["2001:DB8::17", "2001:db8::17"],
    ["[2001:db8::17]", "2001:db8::17"],
    ["[2001:db8::17]:4711", "2001:db8::17"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::FFFF:CB00:7107", "203.0.113.7"],
    ["0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7"],
    ["2001:0db8:0:0::0017", "2001:db8::17"],
    ["203.0.113.7 , ,", "203.0.113.7"],
    ["203.0.113.7, fd00::5, ::1", "203.0.113.7"],
    // What cannot be read ends the walk at the last hop that could be.
    ["203.0.113.7, unknown", "10.1.2.3"],
    ["203.0.113.7, nonsense, 10.9.9.9", "10.9.9.9"],
    ["203.0.113.7, 999.1.1.1", "10.1.2.3"],
    ["203.0.113.7, fe80::1%eth0", "10.1.2.3"],
    ["", "10.1.2.3"],
    [",,,", "10.1.2.3"],
    [`${"10.9.9.9,".repeat(1_700)}10.9.9.9`, "10.9.9.9"],
    ["x".repeat(15_000), "10.1.2.3"],
  ])("%.60s from a trusted peer is %s", (value, expected) => {
    expect(clientOf(plain(value))).toBe(expected);
  });
});

describe("A3: Forwarded", () => {
  test.each([
    ["for=203.0.113.7", "203.0.113.7"],
    ["For=203.0.113.7;proto=https;by=10.1.2.3", "203.0.113.7"],
    ['for="203.0.113.7:4711"', "203.0.113.7"],
    ["for=203.0.113.7:4711", "203.0.113.7"],
    ['for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"],
    ['for="[2001:db8:cafe::17]"', "2001:db8:cafe::17"],
    ["for=198.51.100.1, for=203.0.113.7, for=10.9.9.9;proto=http", "203.0.113.7"],
    ['proto=http;host="a,b;c\\"d";for=203.0.113.7', "203.0.113.7"],
    ['for="203\\.0.113.7"', "203.0.113.7"],
    // §6.3: a name that hides an address still tells one client from another.
    ["for=_gazonk", "_gazonk"],
    ['for=203.0.113.7, for="_SEVKISEK:_port"', "_SEVKISEK"],
    ["for=203.0.113.7, for=unknown", "10.1.2.3"],
    ["for=203.0.113.7, proto=https", "10.1.2.3"],
    ["for=203.0.113.7;for=198.51.100.1", "10.1.2.3"],
    ["for=", "10.1.2.3"],
    ["nonsense", "10.1.2.3"],
    ['for="203.0.113.7', "10.1.2.3"],
    [`for=_${"x".repeat(5_000)}`, "10.1.2.3"],
    // A quote that the client left open hides nothing of what the proxy appended.
    ['for="198.51.100.1, for=203.0.113.7', "203.0.113.7"],
    ['for=x;y="\\, for="[2001:db8::17]"', "2001:db8::17"],
  ])("%.60s from a trusted peer is %s", (value, expected) => {
    expect(clientOf(standard(value))).toBe(expected);
  });
});

test("A3: of both headers X-Forwarded-For counts, for a client may have written the other one", () => {
  expect(clientOf({ ...plain("203.0.113.7"), ...standard("for=198.51.100.1") })).toBe("203.0.113.7");
});

test.each(["203.0.113.200", "2001:db8::1", "", "nonsense"])(
  "A3: a peer %j that is not trusted is not believed",
  (peer) => {
    expect(clientOf({ ...plain("198.51.100.1"), ...standard("for=198.51.100.1") }, peer)).toBe(peer);
  },
);

test("A3: without the setting nobody is believed; IPv4 within IPv6 is IPv4", () => {
  expect(clientOf(plain("198.51.100.1"), "127.0.0.1", [])).toBe("127.0.0.1");
  expect(clientOf(plain("198.51.100.1"), "::ffff:10.1.2.3")).toBe("198.51.100.1");
  expect(clientOf(plain("198.51.100.1"), "::ffff:192.0.2.1")).toBe("192.0.2.1");
});

test("A3: whatever the headers hold, the answer is short and comes at once", () => {
  const part = fc.constantFrom(
    ...[",", ";", '"', "\\", "for=", "by=", "[", "]", ":", "10.0.0.1", "_x", " ", "::1", "=", "é"],
  );
  const value = fc.array(part, { maxLength: 60 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(value, fc.boolean(), (text, both) => {
      const client = clientOf(both ? plain(text) : standard(text));
      expect(client.length).toBeLessThanOrEqual(64);
    }),
  );
  const began = process.cpuUsage().user;
  for (const text of ['"', "\\", '\\"', 'for="', "=;", " ", "for=;"]) clientOf(standard(text.repeat(4_000)));
  expect(process.cpuUsage().user - began).toBeLessThan(1_000_000);
});

test.each([
  ["10.0.0.0/8", { address: "10.0.0.0", bits: 8 }],
  ["192.0.2.1", { address: "192.0.2.1", bits: 32 }],
  ["2001:db8::/32", { address: "2001:db8::", bits: 32 }],
  ["::1", { address: "::1", bits: 128 }],
  ["0.0.0.0/0", { address: "0.0.0.0", bits: 0 }],
  ["10.0.0.0/33", undefined],
  ["10.0.0/8", undefined],
  ["::/129", undefined],
  ["localhost", undefined],
  ["10.0.0.0/-1", undefined],
  ["", undefined],
])("A3: a network written %j", (text, expected) => {
  expect(parseNetwork(text)).toEqual(expected);
});

test("A3: a wrong network stops the start, and is named", () => {
  expect(() => loadConfig({ COLLOQUY_TRUSTED_PROXIES: "10.0.0.0/8, proxy.example.com" })).toThrow(ConfigError);
  expect(() => loadConfig({ COLLOQUY_TRUSTED_PROXIES: "10.0.0.0/8, proxy.example.com" })).toThrow(
    /COLLOQUY_TRUSTED_PROXIES.*"proxy.example.com" must be an IPv4 or IPv6 address/,
  );
});
