// Type parsers for MikroORM's queries. Native statements have their own.
import pg, { type CustomTypesConfig } from "pg";

type Parsers = Readonly<Record<number, (text: string) => unknown>>;

/** Uses pg's parsers until MikroORM sets its own. */
class OrmTypes implements CustomTypesConfig {
  #own: Parsers = {};

  use(parsers: Parsers): void {
    this.#own = parsers;
  }

  getTypeParser: CustomTypesConfig["getTypeParser"] = (oid, format) =>
    (format !== "binary" && this.#own[oid]) || pg.types.getTypeParser(oid, format as "text");
}

/** One for the process, because MikroORM's parsers are the same for every pool. */
export const ormTypes = new OrmTypes();
