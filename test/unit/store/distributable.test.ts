// Statements keep the rules that Citus has for changes of distributed tables, where there is no Citus to ask.
import { beforeAll, describe, expect, inject, test } from "vitest";
import { sendFunctions } from "../../../src/store/log/send-function.ts";
import { sendManyFunctions } from "../../../src/store/messages/send-many-function.ts";
import { reactionFunctions } from "../../../src/store/reactions/functions.ts";
import { undistributable, type Volatility, volatilityAt } from "../../support/postgres/distributable.ts";
import { storeStatements } from "../../support/postgres/store-statements.ts";

let volatility: Volatility;
beforeAll(async () => {
  volatility = await volatilityAt(inject("postgresUrl"));
});

test("F-CITUS-RULES F-CITUS-ORDER every statement's form for distributed tables is one that Citus takes", async () => {
  const statements = await storeStatements();
  expect(statements.length).toBeGreaterThan(450);
  const refused: string[] = [];
  for (const { name, text, sharded = text } of statements)
    refused.push(...(await undistributable(sharded, volatility)).map((problem) => `${name}: ${problem}`));
  expect(refused).toEqual([]);
});

/** Statements on tables inside the loops of a function's body. */
function inLoops(body: string): string[] {
  let depth = 0;
  const parts = body.split(/(\bend loop\b|\bloop\b)/).map((part) => {
    if (part === "loop") depth++;
    else if (part === "end loop") depth--;
    return depth > 0 ? part : "";
  });
  return parts
    .flatMap((part) => part.split(";"))
    .flatMap(
      (statement) =>
        /\b(insert into|update|delete from|select\s.*\sfrom (?!unnest|jsonb_)).*/s.exec(statement)?.[0] ?? [],
    );
}

test("F-CITUS-LOOPS no statement on a table that runs in a loop takes a part of an array, which Citus writes out whole", () => {
  const functions = [sendFunctions, sendManyFunctions, reactionFunctions.add, reactionFunctions.remove];
  const repeated = functions.flatMap((kinds) => Object.values(kinds)).flatMap(({ create }) => inLoops(create));
  expect(repeated).not.toEqual([]);
  expect(repeated.filter((statement) => /[\w$]\[/.test(statement))).toEqual([]);
});

const CONFLICT = "insert into message as m (tenant_id, id) values ($1, $2) on conflict (tenant_id, id) do update set";

describe("F-CITUS-RULES the check", () => {
  test.each<[string, string[]]>([
    ["update message set update_time = now() where tenant_id = $1", []],
    ["update message set update_time = now() - interval '1 day' where tenant_id = $1", []],
    ["update message m set update_time = t.n from (select clock_timestamp() as n) t where m.tenant_id = $1", []],
    ["with t as (select gen_random_uuid() as id) update message m set id = t.id from t where m.tenant_id = $1", []],
    ["update message set content = coalesce($2, content) where tenant_id = $1 and create_time < now()", []],
    ["update message set due = (due at time zone 'UTC' + interval '1 s') at time zone 'UTC' where tenant_id = $1", []],
    ["update message set kept = interval '1 s' + make_interval(secs => seen) where tenant_id = $1", []],
    ["insert into message (tenant_id, id, create_time) values ($1, gen_random_uuid(), clock_timestamp())", []],
    ["insert into message (tenant_id, id) values ($1, $2) on conflict do nothing returning id", []],
    [`${CONFLICT} update_time = excluded.update_time where m.update_time < excluded.update_time`, []],
    ["select clock_timestamp() + interval '1 s', case when now() > create_time then 1 end from message", []],
    ["delete from message where tenant_id = $1 returning upper(content)", []],

    ["update message set id = gen_random_uuid() where tenant_id = $1", ["message: a function is volatile"]],
    [
      "delete from message where tenant_id = $1 and create_time < clock_timestamp()",
      ["message: a function is volatile"],
    ],
    [
      "with c as (update message set id = gen_random_uuid() where tenant_id = $1 returning 1) select from c",
      ["message: a function is volatile"],
    ],
    [
      "update message set due = create_time + interval '1 day' where tenant_id = $1",
      ["message: a function of a column is not immutable"],
    ],
    [
      "update message set day = date_trunc('day', create_time) where tenant_id = $1",
      ["message: a function of a column is not immutable"],
    ],
    [
      "delete from message where tenant_id = $1 and create_time - $2::interval < now()",
      ["message: a function of a column is not immutable"],
    ],
    [
      "update message set due = coalesce(due, now()) where tenant_id = $1",
      ["message: CASE or COALESCE is not immutable"],
    ],
    [
      "update message set due = case when $2 then current_timestamp end where tenant_id = $1",
      ["message: CASE or COALESCE is not immutable"],
    ],
    [`${CONFLICT} update_time = now()`, ["message: DO UPDATE is not immutable"]],
    [`${CONFLICT} id = m.id where m.due < now()`, ["message: DO UPDATE is not immutable"]],
    [`${CONFLICT} tenant_id = excluded.tenant_id`, ["message: the column by which rows are distributed is changed"]],
    ["update tenant set id = $2 where id = $1", ["tenant: the column by which rows are distributed is changed"]],
    [
      "with m as (delete from message where tenant_id = $1) select from file_use where tenant_id = $1",
      ["file_use: read after its rows are gone"],
    ],
    ["with f as (select from file_use), m as (delete from message where tenant_id = $1) select from f, m", []],
    ["update message set n = 1 where tenant_id = $1 returning now()", ["message: RETURNING is not immutable"]],
    [
      "insert into message (tenant_id, id) values ($1, $2) returning id, now()",
      ["message: RETURNING is not immutable"],
    ],
  ])("%s", async (sql, expected) => {
    expect(await undistributable(sql, volatility)).toEqual(expected);
  });
});
