// What the cache of pages holds, and how long.
import { describe, expect, test } from "vitest";
import { PageCache, type PageName, UNREAD_MS } from "../../../src/services/messages/page-cache.ts";

const name = (conversationId: string): PageName => ({ tenantId: "t", conversationId, arguments: "asc", form: "json" });
const page = (length: number, state = "1.1") => ({ state, encoded: new Uint8Array(length), next: undefined });

describe("a page", () => {
  test("is worth keeping once it is read a second time in the same state", () => {
    const pages = new PageCache(1_000_000);
    const hot = ["1.1", "1.1", "1.1", "2.2", "1.1", "1.1"].map((state) => pages.isHot(name("a"), state));
    expect(hot).toEqual([false, true, false, false, false, true]);
    pages.close();
  });

  test("is found by its caller alone if it differs by caller, and by all if it does not", () => {
    const pages = new PageCache(1_000_000);
    pages.add(name("a"), page(10), "ann");
    pages.add(name("b"), page(20), undefined);
    const found = ["a", "b"].map((id) => ["ann", "bob"].map((who) => pages.find(name(id), who)?.encoded.length));
    expect(found).toEqual([
      [10, undefined],
      [20, 20],
    ]);
    pages.close();
  });

  test("goes when the database says that there is another state, or nothing to see", () => {
    const pages = new PageCache(1_000_000);
    for (const id of ["a", "b", "c"]) pages.add(name(id), page(10), undefined);
    pages.moved(name("a"), "2.1", "ann");
    pages.moved(name("b"), undefined, "ann");
    expect(["a", "b", "c"].map((id) => pages.find(name(id), "ann") !== undefined)).toEqual([false, false, true]);
    pages.close();
    expect(pages.counts).toMatchObject({ pages: 0, bytes: 0 });
  });

  test("that nobody reads goes after a minute, and one that is read stays", () => {
    let now = 0;
    const pages = new PageCache(1_000_000, "", () => now);
    pages.add(name("a"), page(10), undefined);
    pages.add(name("b"), page(10), undefined);
    now = UNREAD_MS - 1;
    const found = pages.find(name("a"), "ann");
    if (found !== undefined) pages.confirm(name("a"), found, "ann");
    now = UNREAD_MS;
    pages.sweep();
    expect(["a", "b"].map((id) => pages.find(name(id), "ann") !== undefined)).toEqual([true, false]);
    pages.close();
  });
});

test("what is kept stays within its bytes: the pages that were read longest ago go, and none drives out the others", () => {
  const pages = new PageCache(100_000);
  pages.add(name("large"), page(20_000), undefined);
  expect(pages.find(name("large"), "ann")).toBeUndefined();
  for (let n = 0; n < 100; n++) {
    pages.add(name(`p${n}`), page(5_000), undefined);
    const first = pages.find(name("p0"), "ann");
    if (first !== undefined) pages.confirm(name("p0"), first, "ann");
    expect(pages.counts.bytes).toBeLessThanOrEqual(100_000);
  }
  expect(pages.counts.pages).toBeGreaterThan(15);
  expect(["p0", "p1", "p99"].map((id) => pages.find(name(id), "ann") !== undefined)).toEqual([true, false, true]);
  pages.close();
});
