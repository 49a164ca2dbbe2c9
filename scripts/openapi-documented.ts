// What is told of a dialect in its OpenAPI document beside its contract.
import type { ErrorShape, OpenApiOptions, RequestHeader, ResponseHeader, Schema } from "./openapi/index.ts";

export type SecuritySchemes = OpenApiOptions["securitySchemes"];

/** The error of one status. */
interface DocumentedError {
  readonly description: string;
  readonly example: NonNullable<ErrorShape["content"][string]["example"]>;
  readonly when?: ErrorShape["when"];
}

export interface Documented {
  readonly title: string;
  readonly description: string;
  /** Whether the server may be told to take user ids on trust, so that no credential is needed. */
  readonly trusting: boolean;
  /** The credentials that it takes, made of those that every API takes. Default: just those. */
  readonly credentials?: (common: SecuritySchemes) => SecuritySchemes;
  /** The schema of every error. */
  readonly error: Schema;
  readonly errors: Readonly<Record<number, DocumentedError>>;
  /** Besides the standard ones and `Idempotency-Key`. */
  readonly requestHeaders?: readonly RequestHeader[];
  readonly responseHeaders?: readonly ResponseHeader[];
}
