// How pg reads the values of MikroORM's queries. Native statements read their own.
import pg, { type CustomTypesConfig } from "pg";

type Parsers = Readonly<Record<number, (text: string) => unknown>>;

/** Reads as pg does, until MikroORM is there and says how it wants its values. */
class OrmTypes implements CustomTypesConfig {
  #own: Parsers = {};

  use(parsers: Parsers): void {
    this.#own = parsers;
  }

  getTypeParser: CustomTypesConfig["getTypeParser"] = (oid, format) =>
    (format !== "binary" && this.#own[oid]) || pg.types.getTypeParser(oid, format as "text");
}

/** One for the process, as what MikroORM wants is the same for every pool. */
export const ormTypes = new OrmTypes();
