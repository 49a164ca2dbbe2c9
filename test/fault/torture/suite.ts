// The tests that hold what is promised of every method, wire and value: they run by themselves, here at their full
// size.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../..");
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

/** What each is for; how the others hold the rest of the promises stands in docs/reliability.md. */
export const SUITE = [
  // R3, and R4 of every statement that any of these sends.
  "test/fault/isolation.test.ts",
  "test/fault/credentials.test.ts",
  "test/fault/isolation-dialects.test.ts",
  // R6.
  "test/server/bad-requests.test.ts",
  // R7.
  "test/services/reads-back.test.ts",
  "test/services/kept-pages.test.ts",
  "test/unit/store/conversation-lists.test.ts",
  // R8.
  "test/protocols/rpc/unary-lane.test.ts",
  "test/protocols/rpc/stream-lane.test.ts",
  "test/protocols/rpc/five-wires.test.ts",
  "test/field/partial-updates.test.ts",
  // R13.
  "test/fault/secrets.test.ts",
  // R14, R15.
  "test/field/framing.test.ts",
  "test/field/costs.test.ts",
  "test/field/socket-costs.test.ts",
  "test/field/front-bodies.test.ts",
  "test/field/grpc-web-text.test.ts",
  "test/field/session-settings.test.ts",
  "test/field/own-work.test.ts",
  // R16.
  "test/field/round-trip.test.ts",
  // Files on every wire, cut anywhere.
  "test/services/files/any-pieces.test.ts",
  // Turns and subscriptions, broken off at every stage.
  "test/fault/chat.test.ts",
  "test/fault/turn-kills.test.ts",
  "test/fault/live.test.ts",
  "test/fault/losses.test.ts",
  "test/fault/bombs.test.ts",
  "test/fault/hot-conversation.test.ts",
  // R17.
  "test/fault/webhooks.test.ts",
  // Holds, policies and erasures at once.
  "test/fault/governance.test.ts",
  // An erasure in a tenant with 200,000 messages.
  "test/fault/erasure-size.test.ts",
] as const;

/** How many values and calls are tried, stores made, and lines of subscribers cut, for each minute of a run. */
const VALUES_A_MINUTE = 50;
const CALLS_A_MINUTE = 1_000;
const CUTS_A_MINUTE = 20;
const STORES_A_MINUTE = 2;
/** As many as four stores side by side make: a lease must end after each. */
const KILLS_A_MINUTE = 20;
/** More than `npm test` tries. */
const LEAST_VALUES = 200;
const LEAST_CALLS = 5_000;
const LEAST_CUTS = 50;
const LEAST_STORES = 20;
const LEAST_KILLS = 500;

export interface SuiteOutcome {
  readonly seconds: number;
  readonly passed: number;
  /** The name and the reason of each test that failed. */
  readonly findings: readonly string[];
  readonly values: number;
  readonly calls: number;
}

export interface SuiteOptions {
  /** Of the whole run. */
  readonly minutes: number;
  readonly files?: readonly string[];
  /** Of the workspace that they are in. Default: Colloquy's own. */
  readonly root?: string;
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Written {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

export async function runSuite({ minutes, files = SUITE, root = ROOT }: SuiteOptions): Promise<SuiteOutcome> {
  const begun = performance.now();
  const directory = await mkdtemp(join(tmpdir(), "colloquy-suite-"));
  const values = Math.max(LEAST_VALUES, Math.round(minutes * VALUES_A_MINUTE));
  const calls = Math.max(LEAST_CALLS, Math.round(minutes * CALLS_A_MINUTE));
  try {
    const outputFile = join(directory, "results.json");
    const words = ["run", "--root", root, "--project", "colloquy", "--reporter", "json", "--outputFile", outputFile];
    const cuts = Math.max(LEAST_CUTS, Math.round(minutes * CUTS_A_MINUTE));
    const size = {
      TORTURE: "1",
      TEST_KINDS: "all",
      READS_BACK_RUNS: String(values),
      TEST_CALLS: String(calls),
      KEPT_PAGES_RUNS: String(Math.max(LEAST_STORES, Math.round(minutes * STORES_A_MINUTE))),
      COUNTED_LISTS_RUNS: String(Math.max(LEAST_STORES, Math.round(minutes * STORES_A_MINUTE))),
      CONVERSATION_LISTS_RUNS: String(Math.max(LEAST_STORES, Math.round(minutes * STORES_A_MINUTE))),
      ROUND_TRIPS: String(Math.max(LEAST_STORES, Math.round(minutes * STORES_A_MINUTE))),
      COLLOQUY_TEST_CUTS: String(cuts),
      WEBHOOK_KILLS: String(Math.max(LEAST_KILLS, Math.round(minutes * KILLS_A_MINUTE))),
    };
    const child = spawn(process.execPath, [VITEST, ...words, "--maxWorkers", "2", ...files], {
      cwd: ROOT,
      env: { ...process.env, ...size },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk) => (said = (said + chunk).slice(-2_000)));
    const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
    const written = await readFile(outputFile, "utf8").then(
      (text) => JSON.parse(text) as Written,
      () => undefined,
    );
    const findings = written === undefined ? [] : failuresIn(written);
    // A statement that is not held to one tenant fails the run, but no test.
    if (status !== 0 && findings.length === 0) findings.push(`the tests ended with status ${status}: ${said}`);
    const passed = written?.numPassedTests ?? 0;
    return { seconds: (performance.now() - begun) / 1_000, passed, findings, values, calls };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function failuresIn({ testResults }: Written): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((one) => one.status === "failed");
    if (failed.length === 0 && status === "failed") return [`${name}: ${message}`];
    return failed.map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0] ?? ""}`);
  });
}
