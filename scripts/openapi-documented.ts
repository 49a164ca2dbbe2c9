// What is told of a dialect in its OpenAPI document beside its contract.
import type { ErrorShape, ResponseHeader, Schema } from "../src/rest/openapi/index.ts";

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
  /** The schema of every error. */
  readonly error: Schema;
  readonly errors: Readonly<Record<number, DocumentedError>>;
  readonly responseHeaders?: readonly ResponseHeader[];
}
