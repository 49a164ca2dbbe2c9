// What this store uses of pg beside its documented face.
declare module "pg/lib/utils.js" {
  /** A value as PostgreSQL reads it in the text format, or bytes, or null. */
  export function prepareValue(value: unknown): string | Buffer | null;
}
