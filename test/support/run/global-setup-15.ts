// Like `global-setup.ts`, with PostgreSQL 15, for the tests of the store.
import type { TestProject } from "vitest/node";
import { POSTGRES_15 } from "../postgres/postgres.ts";
import { setUp } from "./global-setup.ts";

export default function setup(project: TestProject): Promise<() => Promise<void>> {
  return setUp(project, POSTGRES_15);
}
