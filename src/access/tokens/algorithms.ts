// The signature algorithms accepted for tokens.

/**
 * Public-key signatures only. HS256 and `none` are excluded: otherwise a public key could be abused as a shared secret.
 */
export const ALGORITHMS = [
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
];
