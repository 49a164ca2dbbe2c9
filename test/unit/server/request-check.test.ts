import { expect, test } from "vitest";
import { checkRequest } from "../../../src/server/request-check.ts";

const headers = { host: "localhost:8080" };
const rawHeaders = ["Host", "localhost:8080"];

test("the name of a request is looked up once, and none where its target has none", () => {
  const asked: string[] = [];
  const isOwnHost = (authority: string) => asked.push(authority) > 0;
  const rules = { maxHeaderBytes: 16_384, isOwnHost };
  const request = { headers, rawHeaders, url: "/v1/conversations", method: "GET", httpVersionMajor: 1 };
  expect(checkRequest(request, rules)).toBeUndefined();
  expect(asked).toEqual(["localhost:8080"]);
});

test("a target that names another host than the header is refused with 421", () => {
  const isOwnHost = (authority: string) => authority === "localhost:8080";
  const url = "http://other.example/v1/conversations";
  const request = { headers, rawHeaders, url, method: "GET", httpVersionMajor: 1 };
  expect(checkRequest(request, { maxHeaderBytes: 16_384, isOwnHost })).toMatchObject({ status: 421 });
});
