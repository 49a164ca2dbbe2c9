// What a request must be before anything looks at it: a known version, one sane authority, a target that is a path.
import { isIPv6 } from "node:net";
import { type HttpRequest, headerOf } from "../rpc/http.ts";

/** Why a request is refused before anything looks at it. */
export interface Fault {
  readonly status: 400 | 431 | 505;
  readonly message: string;
}

/** What is looked at. An HTTP/2 request has a `stream`. */
export type CheckedRequest = Pick<HttpRequest, "headers" | "rawHeaders" | "url" | "method" | "httpVersionMajor"> & {
  readonly stream?: unknown;
};

/**
 * Says what is wrong with a request's version, authority or target, or undefined. Absolute-form targets are brought into
 * origin form (RFC 9112 §3.2.2). RFC 9112 §3.2: a bad, missing or second Host is 400; here so is HTTP/1.0 without one.
 */
export function checkRequest(request: CheckedRequest, maxHeaderBytes: number): Fault | undefined {
  if ("stream" in request) {
    // Node announces its limit to HTTP/2 clients but does not hold them to it.
    if (headerBytes(request) > maxHeaderBytes) return { status: 431, message: "the headers are too large" };
  } else if (request.httpVersionMajor !== 1) {
    return { status: 505, message: "the HTTP version is not supported" };
  }
  const authority = "stream" in request ? http2Authority(request) : http1Authority(request);
  if (authority === undefined || !isAuthority(authority)) {
    return { status: 400, message: "the Host or :authority is missing or malformed" };
  }
  return isTarget(request) ? undefined : { status: 400, message: "the request target is malformed" };
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
  return hosts === 1 ? request.headers.host : undefined;
}

/** RFC 9113 §8.3.1: `:authority`, or `host` in its place; if both are there they must agree. */
function http2Authority(request: CheckedRequest): string | undefined {
  const authority = headerOf(request as HttpRequest, ":authority");
  const { host } = request.headers;
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) return undefined;
  return authority ?? host;
}

function isTarget(request: CheckedRequest): boolean {
  const target = request.url ?? "";
  if (target.startsWith("/")) return true;
  if (target === "*" && request.method === "OPTIONS") return true;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  const [, authority = "", rest = ""] = absolute ?? [];
  if (absolute === null || "stream" in request || !isAuthority(authority)) return false;
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  return true;
}

/** RFC 3986 §3.2.2, without user information, IPvFuture and percent-encoding, which no HTTP client sends. */
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._~!$&'()*+,;=-]{1,255}))(?::(\d{0,5}))?$/;

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
  return ipv6 !== undefined ? isIPv6(ipv6) : URL.canParse(`http://${name}/`);
}
