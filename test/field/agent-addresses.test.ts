// Addresses through which clouds tell machines their secrets, in every form in which they can be written.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isPrivateAddress } from "../../src/agents/connectors/addresses.ts";
import { failureOf } from "../support/failure.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let strict: StoreServer;
beforeAll(async () => {
  strict = await startStoreServer({ allowPrivate: false });
});
afterAll(() => strict.close());

const METADATA = [
  ["Azure's platform", "168.63.129.16"],
  ["AWS, Google, Azure, DigitalOcean, Oracle, Hetzner, OpenStack", "169.254.169.254"],
  ["AWS containers", "169.254.170.2"],
  ["AWS over IPv6", "fd00:ec2::254"],
  ["AWS's resolver over IPv6", "fd00:ec2::253"],
  ["Google over IPv6", "fd20:ce::254"],
  ["Alibaba", "100.100.100.200"],
  ["Oracle, of old", "192.0.0.192"],
  ["Tencent", "169.254.0.23"],
  ["Scaleway", "169.254.42.42"],
  ["Scaleway over IPv6", "fd00:42::42"],
  ["OpenStack over IPv6", "fe80::a9fe:a9fe"],
] as const;

const DISGUISED = [
  ["IPv4-mapped", "::ffff:168.63.129.16"],
  ["IPv4-compatible", "::168.63.129.16"],
  ["translated (SIIT)", "::ffff:0:a83f:8110"],
  ["NAT64", "64:ff9b::a83f:8110"],
  ["local NAT64", "64:ff9b:1::a83f:8110"],
  ["6to4", "2002:a83f:8110::1"],
  ["Teredo", "2001:0:a83f:8110::1"],
  ["this host", "0.0.0.0"],
  ["this network", "0.1.2.3"],
  ["carriers' NAT", "100.127.255.254"],
  ["unspecified", "::"],
  ["unique local", "fc00::1"],
  ["site local", "fec0::1"],
  ["discard only", "100::1"],
  ["segment routing", "5f00::1"],
] as const;

test.each([...METADATA, ...DISGUISED])("S-AZURE-IP: %s, %s, is closed", (_, address) => {
  expect(isPrivateAddress(address)).toBe(true);
});

test("S-AZURE-IP: its neighbours are hosts like others", () => {
  expect(["168.63.129.15", "168.63.129.17", "20.1.2.3"].map(isPrivateAddress)).toEqual([false, false, false]);
});

describe("S-AZURE-IP: no agent is registered at", () => {
  test.each([
    ...METADATA.map(([, address]) => (address.includes(":") ? `http://[${address}]/` : `http://${address}/`)),
    "http://2822734096/",
    "http://0xa83f8110/",
    "http://0250.077.0201.020/",
    "http://168.63.33040/",
    "http://[::ffff:a83f:8110]/",
    "http://168.63.129.16./",
    "http://\uff11\uff16\uff18.63.129.16/",
    "http://localhost/",
    "http://a.localhost./",
  ])("%s", async (baseUrl) => {
    const { agents } = (await strict.tenant()).key();
    for (const connector of [
      { case: "openai", value: { baseUrl, model: "m" } },
      { case: "connect", value: { baseUrl } },
    ] as const) {
      expect(await failureOf(agents.createAgent({ agent: { name: "x", connector } }))).toMatchObject({
        reason: "INVALID_FIELD",
      });
    }
  });
});
