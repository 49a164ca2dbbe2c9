// Which addresses others may name for this server to connect to: not loopback and private networks.
import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

// RFC 6890 and its successors: addresses that are not public hosts.
const PRIVATE_IPV4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Azure's platform service, which gives virtual machines their secrets, on a public address.
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;
/** Only 2000::/3 is public, except these, which map to IPv4 or are unused. */
const PRIVATE_IPV6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const;

const closed = new BlockList();
for (const [network, prefix] of PRIVATE_IPV4) closed.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of PRIVATE_IPV6) closed.addSubnet(network, prefix, "ipv6");
const publicIPv6 = new BlockList();
publicIPv6.addSubnet("2000::", 3, "ipv6");

/** Whether an IP address is loopback, private, or otherwise not a public host. */
export function isPrivateAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return closed.check(address, "ipv4");
    case 6:
      return !publicIPv6.check(address, "ipv6") || closed.check(address, "ipv6");
    default:
      throw new Error("not an IP address");
  }
}

/** The host of a URL, without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Which addresses may be connected to. */
export interface AddressGuard {
  /**
   * Throws if the host, without the brackets of IPv6, is a refused address. Names are checked when they are resolved.
   */
  checkHost(host: string): void;
  /**
   * Resolves a name to public addresses only. The socket connects to the checked address, so a name that changes
   * between check and use (DNS rebinding) has no effect.
   */
  readonly lookup: LookupFunction;
}

/** Refuses everything but public addresses, with the error of `refused`. */
export function createAddressGuard(refused: () => Error): AddressGuard {
  return {
    checkHost(host) {
      if (isIP(host) !== 0 && isPrivateAddress(host)) throw refused();
    },
    lookup(hostname, options, callback) {
      systemLookup(hostname, { ...(options as LookupAllOptions), all: true }, (error, addresses: LookupAddress[]) => {
        if (error) return callback(error, "", 0);
        const allowed = addresses.filter(({ address }) => !isPrivateAddress(address));
        const [first] = allowed;
        if (first === undefined) return callback(refused(), "", 0);
        if (options.all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      });
    },
  };
}

/** Whether a host can be told to be of this machine or a private network without resolving it. */
export function isPrivateHost(host: string): boolean {
  return /(^|\.)localhost\.?$/i.test(host) || (isIP(host) !== 0 && isPrivateAddress(host));
}
