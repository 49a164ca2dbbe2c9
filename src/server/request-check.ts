// Checks every request first: a known HTTP version, one valid authority, a target that is a path.
import { isIPv6 } from "node:net";
import { type HttpRequest, headerOf, pathOf } from "../protocols/http/request.ts";
import type { HostCheck } from "./hosts.ts";

/** Why a request is refused before anything looks at it. */
export interface Fault {
  readonly status: 400 | 421 | 431 | 501 | 505;
  readonly message: string;
}

/** What is looked at. An HTTP/2 request has a `stream`. */
export type CheckedRequest = Pick<HttpRequest, "headers" | "rawHeaders" | "url" | "method" | "httpVersionMajor"> & {
  readonly httpVersionMinor?: number;
  readonly socket?: HttpRequest["socket"];
  readonly stream?: unknown;
};

export interface RequestRules {
  readonly maxHeaderBytes: number;
  /** Undefined: any host name is accepted. */
  readonly isOwnHost: HostCheck | undefined;
}

const WRONG_HOST: Fault = {
  status: 421,
  message: "this server does not answer by this host name: list it in COLLOQUY_HOSTS, or call it by localhost",
};

/**
 * Says what is wrong with a request's version, authority or target, or undefined. Absolute-form targets are brought
 * into origin form (RFC 9112 §3.2.2). RFC 9112 §3.2: a bad, missing or second Host is 400, but an empty one is none,
 * and HTTP/1.0 needs none.
 */
export function checkRequest(request: CheckedRequest, { maxHeaderBytes, isOwnHost }: RequestRules): Fault | undefined {
  if ("stream" in request) {
    // Node announces its limit to HTTP/2 clients but does not hold them to it.
    if (headerBytes(request) > maxHeaderBytes) return { status: 431, message: "the headers are too large" };
  } else if (request.httpVersionMajor !== 1) {
    return { status: 505, message: "the HTTP version is not supported" };
  }
  if (!("stream" in request) && !isKnownCoding(request.headers["transfer-encoding"])) return UNKNOWN_CODING;
  const twice = sentTwice(request);
  if (twice !== undefined) return { status: 400, message: `${twice} must be sent once` };
  const authority = "stream" in request ? http2Authority(request) : http1Authority(request);
  if (authority === undefined || !isAuthority(authority)) {
    return { status: 400, message: "the Host or :authority is missing or malformed" };
  }
  const target = bringIntoOriginForm(request);
  if (target === undefined) return { status: 400, message: "the request target is malformed" };
  if (isOwnHost === undefined) return undefined;
  const path = pathOf(request.url);
  // Nearly no target has an authority; the check remembers the last name that it knew.
  const { authority: named } = target;
  const own = isOwnHost(authority, path, request.socket) && (named === "" || isOwnHost(named, path, request.socket));
  return own ? undefined : WRONG_HOST;
}

/** RFC 9112 §6.1. Node takes off the chunks and leaves the rest. */
const UNKNOWN_CODING: Fault = { status: 501, message: "Transfer-Encoding must be chunked" };

function isKnownCoding(coding: string | undefined): boolean {
  return coding === undefined || coding === "chunked" || coding.trim().toLowerCase() === "chunked";
}

/** What says who calls, for whom, and which call it is. Node keeps the first of some and joins others. */
const ONCE = new Set(["authorization", "x-api-key", "x-tenant", "x-act-for", "idempotency-key"]);

/** The name of a header that must be sent once and is not. */
function sentTwice({ rawHeaders }: CheckedRequest): string | undefined {
  let seen: string[] | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (!ONCE.has(name)) continue;
    if (seen?.includes(name)) return name;
    seen ??= [];
    seen.push(name);
  }
  return undefined;
}

/** RFC 9113 §6.5.2: 32 bytes of overhead for each field. */
function headerBytes({ rawHeaders }: CheckedRequest): number {
  let bytes = 16 * rawHeaders.length;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}

function http1Authority(request: CheckedRequest): string | undefined {
  let hosts = 0;
  // Node keeps the first of several; the raw list has them all.
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    if (request.rawHeaders[i]?.toLowerCase() === "host") hosts++;
  }
  if (hosts === 0 && request.httpVersionMinor === 0) return "";
  return hosts === 1 ? request.headers.host : undefined;
}

/** RFC 9113 §8.3.1: `:authority`, or `host` in its place; if both are there they must agree. */
function http2Authority(request: CheckedRequest): string | undefined {
  const authority = headerOf(request as HttpRequest, ":authority");
  const { host } = request.headers;
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) return undefined;
  return authority ?? host;
}

const NO_AUTHORITY = { authority: "" };

/** The authority that the target holds, empty for none; undefined: it is malformed. */
function bringIntoOriginForm(request: CheckedRequest): { readonly authority: string } | undefined {
  const target = request.url ?? "";
  if (target.startsWith("/") || (target === "*" && request.method === "OPTIONS")) return NO_AUTHORITY;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  const [, authority = "", rest = ""] = absolute ?? [];
  if (absolute === null || "stream" in request || !isAuthority(authority)) return undefined;
  // RFC 9110 §4.2.1: a URI needs a host, unlike the header.
  if (/^(?::|$)/.test(authority)) return undefined;
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  return { authority };
}

/**
 * RFC 3986 §3.2.2, the host may be empty; without user information, IPvFuture and percent-encoding, which nobody sends.
 */
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._~!$&'()*+,;=-]{0,255}))(?::(\d{0,5}))?$/;

/** Whether a text is `host` or `host:port` with a host that can exist and a port up to 65535. */
export function isAuthority(text: string): boolean {
  if (text === lastGood) return true;
  if (!isAuthorityAtAll(text)) return false;
  lastGood = text;
  return true;
}

/** Most requests name one authority, and parsing a URL takes long. */
let lastGood: string | undefined;

function isAuthorityAtAll(text: string): boolean {
  const match = AUTHORITY.exec(text);
  if (match === null) return false;
  const [, ipv6, name, port] = match;
  if (Number(port ?? 0) > 65_535) return false;
  // A name whose last label is a number is an IPv4 address, or nothing: 999.999.999.999 is not a name.
  if (ipv6 !== undefined) return isIPv6(ipv6);
  return name === "" || URL.canParse(`http://${name}/`);
}
