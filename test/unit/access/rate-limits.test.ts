import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Gate } from "../../../src/access/admission.ts";
import type { Work } from "../../../src/access/authenticate.ts";
import {
  DEFAULT_POLICIES,
  Limiter,
  parsePolicies,
  RateLimits,
  rateLimitHeaders,
  refusal,
} from "../../../src/access/limits/rate-limits.ts";
import { GenuineRefused } from "../../../src/access/tokens/claims.ts";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import type { Principal, Role } from "../../../src/domain/identity/principal.ts";
import { OTHER_TENANT, reasonName, requestWith, TENANT } from "../../support/servers/access.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-01-02T03:04:05Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

const member = (memberId: string, role: Role = "member", tenantId: string = TENANT): Principal => {
  return { kind: "member", tenantId, memberId, role };
};
const key = (keyId: string, memberId?: string): Principal => {
  return { kind: "key", tenantId: TENANT, keyId, scopes: new Set(), memberId };
};

test("a window of 100 in 60 s: the first leaves 99, the 101st is refused, and then it begins anew", () => {
  const limiter = new Limiter({ name: "user", points: 100, seconds: 60 });
  expect(limiter.look("u")).toBeUndefined();
  expect(limiter.take("u")).toMatchObject({ allowed: true, remaining: 99, resetMs: 60_000 });
  vi.advanceTimersByTime(10_000);
  for (let i = 2; i <= 100; i++) expect(limiter.take("u").allowed).toBe(true);
  expect(limiter.look("u")).toMatchObject({ allowed: false, remaining: 0 });
  expect(limiter.take("u")).toMatchObject({ allowed: false, remaining: 0, resetMs: 50_000 });
  expect(limiter.take("someone else").allowed).toBe(true);
  vi.advanceTimersByTime(50_000);
  expect(limiter.take("u")).toMatchObject({ allowed: true, remaining: 99 });
});

describe("the limits of a server", () => {
  const policies = {
    tenant: { name: "tenant", points: 5, seconds: 60 },
    caller: { name: "caller", points: 3, seconds: 60 },
  };

  async function countAll(limits: RateLimits, principals: readonly Principal[]): Promise<string[]> {
    const answers: string[] = [];
    for (const principal of principals) {
      answers.push(String(refusal(limits.count(principal))?.details.metadata?.policy ?? "ok"));
    }
    return answers;
  }

  test("hold a caller, and a tenant with all its callers", async () => {
    const [a, b] = [member("a"), member("b")];
    expect(await countAll(new RateLimits(policies), [a, a, a, a, a, b, b, b])).toEqual([
      ...["ok", "ok", "ok", "caller", "caller"],
      ...["ok", "ok", "tenant"],
    ]);
  });

  test("hold each tenant for itself", async () => {
    const [a, b] = [member("a"), member("a", "member", OTHER_TENANT)];
    expect(await countAll(new RateLimits(policies), [a, a, a, b, b, b])).toEqual(Array(6).fill("ok"));
  });

  test.each<[string, Principal[]]>([
    ["a key that acts for many", [key("k"), key("k", "a"), key("k", "b"), key("k", "c")]],
    [
      "a super administrator that goes from tenant to tenant",
      [TENANT, OTHER_TENANT, TENANT, "third"].map((tenant) => member("root", "super_admin", tenant)),
    ],
  ])("hold %s as one caller", async (_, principals) => {
    expect(await countAll(new RateLimits(policies), principals)).toEqual(["ok", "ok", "ok", "caller"]);
  });

  test("let everything pass when there are none", async () => {
    expect(await countAll(new RateLimits({}), Array(50).fill(member("a")))).toEqual(Array(50).fill("ok"));
  });
});

describe("the headers", () => {
  test("say the policies and what is left of them", async () => {
    const limits = new RateLimits(DEFAULT_POLICIES);
    limits.count(member("a"));
    vi.advanceTimersByTime(1_500);
    expect(rateLimitHeaders(limits.count(member("a")))).toEqual([
      ["ratelimit-policy", '"caller";q=120000;w=60, "tenant";q=600000;w=60'],
      ["ratelimit", '"caller";r=119998;t=59, "tenant";r=599998;t=59'],
    ]);
  });

  test("are left out where nothing was counted", () => {
    expect(rateLimitHeaders([])).toEqual([]);
  });
});

describe("the policies in configuration", () => {
  test.each([
    ["", DEFAULT_POLICIES],
    ["off", {}],
    ["caller=10/1", { ...DEFAULT_POLICIES, caller: { name: "caller", points: 10, seconds: 1 } }],
    [
      "tenant=off, failures=5/60",
      { ...DEFAULT_POLICIES, tenant: undefined, failures: { name: "failures", points: 5, seconds: 60 } },
    ],
  ])("%j", (text, expected) => {
    expect(parsePolicies(text)).toEqual(expected);
  });

  test.each([
    "caller",
    "caller=",
    "caller=1",
    "caller=0/60",
    "caller=1/0",
    "caller=-1/60",
    "user=1/60",
    "caller=1/60/2",
    "on",
  ])("refuse %j, and name it", (text) => {
    expect(() => parsePolicies(text)).toThrow(JSON.stringify(text));
  });
});

describe("the gate", () => {
  const bad = new DomainError(ErrorReason.CREDENTIAL_INVALID, "bad");

  /** A gate before an authenticator for which "good" is known, "new" costs work, and all else is bad. */
  function setup(policies = {}) {
    const state = { work: 0 };
    const authenticator = {
      known: () => undefined,
      claimed: () => undefined,
      async authenticate(request: { header(name: string): string | undefined }, work: Work = (check) => check()) {
        const text = request.header("authorization");
        if (text === undefined) return { kind: "anonymous" as const };
        const check = async () => {
          state.work++;
          if (text === "old") throw new GenuineRefused("expired");
          if (text !== "new") throw bad;
        };
        if (text !== "good") await work(check);
        return member("a");
      },
    };
    const gate = new Gate(
      authenticator,
      new RateLimits({ failures: { name: "failures", points: 3, seconds: 60 }, ...policies }),
    );
    const headers = new Map<string, string>();
    const pass = async (authorization: string, address?: string) => {
      const principal = await gate.authenticate(requestWith({ authorization }, address));
      gate.limit(principal, (name, value) => headers.set(name, value));
    };
    const admit = (authorization: string, address?: string) =>
      pass(authorization, address).then(
        () => "ok",
        (error: DomainError) => reasonName(error.reason),
      );
    return { state, admit, pass, headers, gate };
  }

  test("tells an address after its bad credentials to wait, for as long as the window, and lets in what verifies", async () => {
    const { admit } = setup();
    for (let i = 0; i < 3; i++) expect(await admit(`bad-${i}`)).toBe("CREDENTIAL_INVALID");
    for (let i = 0; i < 10; i++) expect(await admit("bad")).toBe("RATE_LIMITED");
    expect(await admit("new")).toBe("ok");
    expect(await admit("old")).toBe("CREDENTIAL_INVALID");
    expect(await admit("good")).toBe("ok");
    expect(await admit("bad", "192.0.2.2")).toBe("CREDENTIAL_INVALID");
    vi.advanceTimersByTime(60_000);
    expect(await admit("bad")).toBe("CREDENTIAL_INVALID");
  });

  test("counts one bad credential once for its address, however often it comes, and a genuine one never", async () => {
    const { admit } = setup();
    for (let i = 0; i < 3; i++) expect(await admit("bad")).toBe("CREDENTIAL_INVALID");
    expect(await admit("bad")).toBe("RATE_LIMITED");
    for (let i = 0; i < 10; i++) expect(await admit("old")).toBe("CREDENTIAL_INVALID");
    for (let i = 0; i < 2; i++) expect(await admit(`bad-${i}`)).toBe("CREDENTIAL_INVALID");
    expect(await admit("bad-2")).toBe("RATE_LIMITED");
  });

  test.each([
    ["2001:db8::1", "2001:db8:0:0:ffff::2", "RATE_LIMITED"],
    ["2001:db8::1", "2001:db8:0:1::1", "CREDENTIAL_INVALID"],
    ["::ffff:192.0.2.9", "192.0.2.9", "RATE_LIMITED"],
    ["::1", "::2", "RATE_LIMITED"],
  ])("counts %s and %s: %s", async (one, other, expected) => {
    const { admit } = setup();
    for (let i = 0; i < 3; i++) await admit("bad", one);
    expect(await admit("bad", other)).toBe(expected);
  });

  test("says where the counts stand, also when it refuses", async () => {
    const { admit, headers } = setup({ caller: { name: "caller", points: 1, seconds: 60 } });
    expect(await admit("good")).toBe("ok");
    expect(headers.get("ratelimit")).toBe('"caller";r=0;t=60');
    headers.clear();
    expect(await admit("good")).toBe("RATE_LIMITED");
    expect(headers.get("ratelimit")).toBe('"caller";r=0;t=60');
  });

  test("says when a retry makes sense", async () => {
    const { pass } = setup({ caller: { name: "caller", points: 1, seconds: 60 } });
    await pass("good");
    vi.advanceTimersByTime(20_000);
    const error: DomainError = await pass("good").catch((thrown) => thrown);
    expect(error.details).toMatchObject({ retryAfterMs: 40_000, metadata: { policy: "caller" } });
  });

  test("lets through who has no credential, to be refused by permission", async () => {
    const { gate } = setup();
    const principal = await gate.authenticate(requestWith({}));
    expect(principal).toEqual({ kind: "anonymous" });
    gate.limit(principal, () => expect.unreachable("nothing is counted"));
  });
});
