// Several hosts in a database URL: how they are read, and which of them is chosen.
import { describe, expect, test } from "vitest";
import { hostsOf } from "../../../src/domain/settings/database-hosts.ts";
import { type Ask, chooseHost } from "../../../src/store/driver/hosts.ts";

describe("hosts of a URL", () => {
  test.each([
    ["postgresql://u:p@one/d", ["postgresql://u:p@one/d"], undefined],
    [
      "postgresql://u:p@/d?host=/run/pg&sslmode=disable",
      ["postgresql://u:p@/d?host=/run/pg&sslmode=disable"],
      undefined,
    ],
    ["postgresql://u:p@one/d?target_session_attrs=primary", ["postgresql://u:p@one/d"], "primary"],
    [
      "postgresql://u:p@one:5432,two:5433/d?sslmode=require&uselibpqcompat=true",
      [
        "postgresql://u:p@one:5432/d?sslmode=require&uselibpqcompat=true",
        "postgresql://u:p@two:5433/d?sslmode=require&uselibpqcompat=true",
      ],
      "read-write",
    ],
    [
      "postgresql://[::1]:1,[::2]:2/d?target_session_attrs=any",
      ["postgresql://[::1]:1/d", "postgresql://[::2]:2/d"],
      "any",
    ],
    [
      "postgresql://u@/d?host=%2Frun%2Fa,/run/b&port=1,2",
      ["postgresql://u@/d?host=%2Frun%2Fa&port=1", "postgresql://u@/d?host=%2Frun%2Fb&port=2"],
      "read-write",
    ],
    [
      "postgresql://u@/d?host=a,b&port=7",
      ["postgresql://u@/d?host=a&port=7", "postgresql://u@/d?host=b&port=7"],
      "read-write",
    ],
  ])("%s", (url, urls, wanted) => expect(hostsOf(url)).toEqual({ urls, wanted }));
});

describe("the choice", () => {
  const hosts = { urls: ["a", "b", "c"], wanted: "read-write" } as const;
  const never = new Promise<boolean>(() => {});
  const asking =
    (answers: Record<string, () => Promise<boolean>>): Ask =>
    (url) =>
      answers[url]?.() ?? Promise.resolve(false);
  const yes = async () => true;
  const no = async () => false;
  const away = async () => {
    throw new Error("away");
  };

  test.each<[string, Record<string, () => Promise<boolean>>, string]>([
    ["the first that is suitable", { a: no, b: yes, c: no }, "b"],
    ["the earlier of two that call themselves primary", { a: yes, b: yes }, "a"],
    ["one beside hosts that are away", { a: away, b: away, c: yes }, "c"],
    ["one beside a host that never answers", { a: () => never, b: yes }, "b"],
  ])("is %s", async (_, answers, expected) => expect(await chooseHost(hosts, asking(answers))).toBe(expected));

  test("fails with what a host failed with, or says that none takes changes", async () => {
    await expect(chooseHost(hosts, asking({ a: away, b: no, c: no }))).rejects.toThrow("away");
    const none = chooseHost(hosts, asking({}));
    await expect(none).rejects.toMatchObject({ code: "08006", message: "no server of the URL takes changes" });
  });
});
