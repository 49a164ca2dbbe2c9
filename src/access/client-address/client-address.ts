// The client address behind trusted proxies, from `X-Forwarded-For` or `Forwarded` (RFC 7239).
import { BlockList, isIP } from "node:net";
import { forwardedFor, hopsFromRight } from "./forwarded.ts";

/** The parts of a request that are read. */
export interface PeerRequest {
  /** The address of the peer, empty after it has disconnected. */
  readonly address: string;
  header(name: string): string | undefined;
}

/** Returns the address for rate limits and the audit log. Never throws. */
export type ClientAddress = (request: PeerRequest) => string;

/** Networks in CIDR notation, IPv4 or IPv6; a single address is a network of one. */
export interface Network {
  readonly address: string;
  readonly bits: number;
}

/** Maximum number of hops that are followed. */
const MAX_HOPS = 32;

/** Parses `10.0.0.0/8`, `2001:db8::/32` or an address; undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", bits] = /^([0-9A-Fa-f:.]{2,45})(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const longest = version === 4 ? 32 : 128;
  const length = bits === undefined ? longest : Number(bits);
  return length <= longest ? { address, bits: length } : undefined;
}

/**
 * Without trusted proxies: the peer's address. With them, for a trusted peer: the headers are read from the right, past
 * every trusted hop, to the first one that is not trusted; a trusted proxy has reported that one. An unreadable hop
 * ends the search: the client is then the last readable one. `X-Forwarded-For` takes precedence over `Forwarded`,
 * because most proxies append to the former and pass on a client's own `Forwarded`.
 */
export function createClientAddress(trusted: readonly Network[]): ClientAddress {
  if (trusted.length === 0) return ({ address }) => address;
  const list = new BlockList();
  for (const { address, bits } of trusted) list.addSubnet(address, bits, isIP(address) === 4 ? "ipv4" : "ipv6");
  const isTrusted = (address: string) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
  };

  return (request) => {
    let client = plainAddress(request.address);
    if (!isTrusted(client)) return client;
    const plain = request.header("x-forwarded-for");
    const header = plain ?? request.header("forwarded");
    if (header === undefined) return client;
    let hops = 0;
    for (const hop of hopsFromRight(header)) {
      const named = plain === undefined ? forwardedFor(hop) : hop;
      const next = named === undefined ? undefined : nodeOf(named);
      if (next === undefined || ++hops > MAX_HOPS) break;
      client = next;
      if (!isTrusted(client)) break;
    }
    return client;
  };
}

/** RFC 7239 §6.3: an obfuscated name. It still distinguishes clients. */
const OBFUSCATED = /^(_[A-Za-z0-9._-]{1,63})(?::(?:\d{1,5}|_[A-Za-z0-9._-]{1,63}))?$/;
/** §6: an address with or without a port, IPv6 in brackets; X-Forwarded-For may omit the brackets. */
const WITH_PORT = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::(?:\d{1,5}|_[A-Za-z0-9._-]{1,63}))?$/;

/** The address or name in a node of either header. Undefined for `unknown` and malformed nodes. */
function nodeOf(node: string): string | undefined {
  const [, ipv6, ipv4] = WITH_PORT.exec(node) ?? [];
  const address = ipv6 ?? ipv4 ?? node;
  if (address.length <= 45 && isIP(address) !== 0 && !address.includes("%")) return plainAddress(address);
  return OBFUSCATED.exec(node)?.[1];
}

/** Normalizes an address: IPv4 within IPv6 (RFC 4291 §2.5.5.2) becomes IPv4, and a zone is removed. */
export function plainAddress(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  // As RFC 5952 spells it, IPv4 within in hexadecimal.
  const plain = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(plain) ?? [];
  if (high === undefined || low === undefined) return plain;
  const bytes = [high, low].flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
  return bytes.join(".");
}
