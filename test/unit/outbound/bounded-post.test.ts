import { expect, test } from "vitest";
import { createBoundedPost } from "../../../src/outbound/bounded-post.ts";

const request = (signal: AbortSignal) => ({ url: new URL("http://a.test/"), headers: {}, body: "{}", signal });

test("whoever gives up while there is no connection yet need not wait for it", async () => {
  const asked = Promise.withResolvers<void>();
  const post = createBoundedPost({ lookup: () => asked.resolve() }, 10);
  const ending = new AbortController();
  const answer = post.post(request(ending.signal));
  await asked.promise;
  ending.abort(new Error("enough"));
  await expect(answer).rejects.toThrow("enough");
  await post.close();
});

test("who gave up before is not sent anything", async () => {
  const post = createBoundedPost({ lookup: (_host, _options, callback) => callback(new Error("looked up"), "") }, 10);
  await expect(post.post(request(AbortSignal.abort(new Error("before"))))).rejects.toThrow("before");
  await post.close();
});
