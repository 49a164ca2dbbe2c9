// The variables of OpenTelemetry that an exporter would leave out silently.
import { expect, test } from "vitest";
import { loadConfig } from "../../../src/config/config.ts";

const load = (variables: Record<string, string>) =>
  loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318", ...variables });

test.each([
  ["COMPRESSION", "br", "must be gzip or none"],
  ["HEADERS", "junk", "must be a list such as name=value"],
  ["HEADERS", "a=b,=c", "must be a list such as name=value"],
  ["HEADERS", "a=%zz", "must be a list such as name=value"],
  ["CERTIFICATE", "/none", "must name a file that can be read"],
  ["CLIENT_KEY", "/none", "must name a file that can be read"],
  ["CLIENT_CERTIFICATE", "/none", "must name a file that can be read"],
])("%s=%s is refused, without the value", (name, value, words) => {
  for (const prefix of ["OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"]) {
    expect(() => load({ [prefix + name]: value })).toThrow(`${prefix}${name}: ${words}`);
  }
  expect(() => loadConfig({ [`OTEL_EXPORTER_OTLP_${name}`]: value }), "not traced").not.toThrow();
});

test.each(["a", "a=%zz", "=b"])("attributes %s are refused", (value) => {
  expect(() => load({ OTEL_RESOURCE_ATTRIBUTES: value })).toThrow(
    "OTEL_RESOURCE_ATTRIBUTES: must be a list such as name=value",
  );
  const taken = load({ OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test,team=a%20b" });
  expect(taken.tracing).toBeDefined();
});

test.each([
  ["COMPRESSION", "gzip"],
  ["HEADERS", "x-key=abc%20d, y=2,"],
  ["HEADERS", "authorization=Basic YTpi=="],
  ["CERTIFICATE", import.meta.filename],
])("%s=%s is taken", (name, value) => {
  expect(load({ [`OTEL_EXPORTER_OTLP_${name}`]: value }).tracing).toBeDefined();
});
