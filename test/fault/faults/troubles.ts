// Everything that may befall a server and its database, as one list to draw from: each begins, lasts, and is over.
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Store } from "../stage/database.ts";
import type { ProbedServer } from "../stage/probed-server.ts";
import type { Random } from "../stage/random.ts";
import { ATTACKS, type AttackName, type Target } from "./attacks.ts";
import type { DatabaseProxy } from "./database-proxy.ts";
import type { LineProxy } from "./line-proxy.ts";
import { type Crash, childrenOf, kill } from "./processes.ts";

/** What troubles are made with. */
export interface Ground {
  readonly store: Store;
  /** Between the server and PostgreSQL. */
  readonly behind: DatabaseProxy;
  readonly server: ProbedServer;
  /** Between clients and the server. */
  readonly before: LineProxy;
  readonly target: Target;
}

/** Begins; what it answers ends it. */
export type Trouble = (ground: Ground, random: Random) => Promise<() => Promise<void>>;

const HOUR_MS = 3_600_000;
/** As long as a failover to a standby may take, in milliseconds. */
const GONE_MS = 10_000;

function crash(how: Crash, forMs = 0): Trouble {
  return async ({ store }) => {
    await store.crash(how);
    const back = delay(forMs);
    return async () => {
      await back;
      await store.recover();
    };
  };
}

function databaseLine(faults: Partial<DatabaseProxy["faults"]>): Trouble {
  return async ({ behind }) => {
    Object.assign(behind.faults, faults);
    return async () => {
      Object.assign(behind.faults, { cutAfterCommit: 0, cutBefore: 0, delayMs: 0, frozen: false });
      // What was swallowed meanwhile never comes: a line that was dead is reset when it comes back.
      if (faults.frozen) behind.cutAll();
    };
  };
}

function clientLine(faults: Partial<LineProxy["faults"]>): Trouble {
  return async ({ before }) => {
    Object.assign(before.faults, faults);
    return async () => {
      Object.assign(before.faults, { cutAnswer: 0, cutRequest: 0, delayMs: 0, frozen: false });
      if (faults.frozen) before.cutAll();
    };
  };
}

async function signalAll(pids: readonly number[], signal: NodeJS.Signals): Promise<void> {
  for (const pid of pids) kill(pid, signal);
}

export const TROUBLES = {
  "a session of PostgreSQL is killed": crash("backend"),
  "PostgreSQL's first process is killed": crash("postmaster"),
  "every process of PostgreSQL is killed": crash("whole"),
  "PostgreSQL is gone for ten seconds": crash("whole", GONE_MS),
  "PostgreSQL stands still": async ({ store }) => {
    const postmaster = await store.pid();
    const all = [postmaster, ...childrenOf(postmaster)];
    await signalAll(all, "SIGSTOP");
    return () => signalAll(all, "SIGCONT");
  },
  "lines to PostgreSQL are cut after a commit": databaseLine({ cutAfterCommit: 0.1 }),
  "lines to PostgreSQL are cut before a statement": databaseLine({ cutBefore: 0.02 }),
  "lines to PostgreSQL are slow": databaseLine({ delayMs: 30 }),
  "lines to PostgreSQL are dead and look alive": databaseLine({ frozen: true }),
  "a session locks every conversation": async ({ store }) => {
    const client = new pg.Client({ connectionString: store.url });
    client.on("error", () => {});
    await client.connect();
    await client.query("begin");
    await client.query("select from conversation for update").catch(() => {});
    return () => client.end();
  },
  "a migration holds the tables, and changes them": async ({ store }) => {
    const client = new pg.Client({ connectionString: store.url });
    client.on("error", () => {});
    await client.connect();
    await client.query("begin");
    for (const table of ["conversation", "message", "event"]) {
      await client.query(`alter table ${table} add column migrated int`);
    }
    return async () => {
      // It may have died with PostgreSQL, and has then done nothing.
      await client.query("commit").catch(() => {});
      for (const table of ["conversation", "message", "event"]) {
        await client.query(`alter table ${table} drop column if exists migrated`).catch(() => {});
      }
      await client.end().catch(() => {});
    };
  },
  "clients' lines are cut as answers come": clientLine({ cutAnswer: 0.03 }),
  "clients' lines are cut as requests go": clientLine({ cutRequest: 0.03 }),
  "clients' lines are slow": clientLine({ delayMs: 40 }),
  "clients' lines are dead and look alive": clientLine({ frozen: true }),
  "all clients' lines are cut at once": async ({ before }) => {
    before.cutAll();
    return async () => {};
  },
  "the server stands still": async ({ server }) => {
    server.signal("SIGSTOP");
    return async () => server.signal("SIGCONT");
  },
  "the server's clock is an hour ahead": async ({ server }) => {
    await server.shiftClock(HOUR_MS);
    return () => server.shiftClock(0);
  },
  "the server's clock is an hour late": async ({ server }) => {
    await server.shiftClock(-HOUR_MS);
    return () => server.shiftClock(0);
  },
  "hostile clients come": async ({ target }, random) => {
    const attacks = Array.from({ length: 3 }, () => ATTACKS[random.pick(Object.keys(ATTACKS) as AttackName[])]);
    const all = Promise.all(attacks.map((attack) => attack(target, random.fork(), 1_000)));
    return async () => {
      await all;
    };
  },
} as const satisfies Record<string, Trouble>;

export type TroubleName = keyof typeof TROUBLES;
