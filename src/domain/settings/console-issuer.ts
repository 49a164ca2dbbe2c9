// An identity provider at which people sign in to the console.

/** OpenID Connect's authorization code flow with PKCE, as a public client. */
export interface ConsoleIssuer {
  readonly issuer: string;
  /** What the button says. */
  readonly name: string;
  readonly clientId: string;
  readonly scope: string;
  /** Which of the provider's tokens the calls carry. */
  readonly token: "access_token" | "id_token";
  /** Further parameters of the request to the authorization endpoint. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Origins besides the issuer's that the page may call, such as that of its token endpoint. */
  readonly origins: readonly string[];
}
