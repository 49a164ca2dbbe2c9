// Private parts of pg that the store uses.
declare module "pg/lib/utils.js" {
  /** A parameter in PostgreSQL's text format, or bytes, or null. */
  export function prepareValue(value: unknown): string | Buffer | null;
}
