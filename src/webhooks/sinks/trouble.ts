// What kept an attempt from an endpoint, in words.

export const NOT_HTTP = "answered with what is not HTTP";

/** Codes of failures in words; the texts of errors may have addresses. */
const TROUBLES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection",
  ECONNRESET: "broke the connection",
  EPIPE: "broke the connection",
  UND_ERR_SOCKET: "broke the connection",
  ENOTFOUND: "has a name that cannot be resolved",
  EAI_AGAIN: "has a name that cannot be resolved now",
  UND_ERR_CONNECT_TIMEOUT: "cannot be connected to in time",
  CERT_HAS_EXPIRED: "has a certificate that has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "has a certificate that nobody has signed",
  SELF_SIGNED_CERT_IN_CHAIN: "has a certificate that nobody known has signed",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "has a certificate that nobody known has signed",
  ERR_TLS_CERT_ALTNAME_INVALID: "has a certificate of another name",
  EPROTO: "does not speak TLS",
  ERR_SSL_WRONG_VERSION_NUMBER: "does not speak TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "does not speak TLS",
  UND_ERR_HEADERS_OVERFLOW: "answered with too many headers",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: NOT_HTTP,
  ANSWER_TOO_LONG: "answered with too much before a status",
};

/** To follow "the endpoint". */
export function troubleOf(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return TROUBLES[code ?? cause?.code ?? ""] ?? "cannot be reached";
}
