// The signature algorithms that tokens may have.

/**
 * Signatures with a public key. Shared secrets (HS256) and `none` are left out: a public key must never verify what
 * anybody can sign.
 */
export const ALGORITHMS = [
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
];
