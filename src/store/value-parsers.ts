// How native statements read PostgreSQL's values: int8 as bigint, timestamptz as Date, json and jsonb parsed.
import pg, { type CustomTypesConfig } from "pg";

const INT8 = 20;
const INT8_ARRAY = 1016;

const parseStrings = pg.types.getTypeParser(INT8_ARRAY as never) as (text: string) => (string | null)[];

function parseBigints(text: string): (bigint | null)[] {
  return parseStrings(text).map((item) => (item === null ? null : BigInt(item)));
}

/**
 * Given with each query, so that MikroORM, which shares the connections, keeps parsers of its own. What is not listed
 * here is pg's default: numeric stays text, timestamptz becomes a Date (milliseconds), json and jsonb are parsed.
 */
export const VALUE_PARSERS: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") => {
    if (oid === INT8) return BigInt;
    if (oid === INT8_ARRAY) return parseBigints;
    return pg.types.getTypeParser(oid, format as "text");
  }) as CustomTypesConfig["getTypeParser"],
};
