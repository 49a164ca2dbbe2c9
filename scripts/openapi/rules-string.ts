// Turns the protovalidate rules of strings into JSON Schema.
import { KnownRegex, type StringRules } from "../../gen/buf/validate/validate_pb.ts";
import type { Constraints, Schema } from "../../src/protocols/rest/docs/openapi-types.ts";

const FORMATS: Readonly<Record<string, Schema>> = {
  email: { format: "email" },
  hostname: { format: "hostname" },
  ip: { anyOf: [{ format: "ipv4" }, { format: "ipv6" }] },
  ipv4: { format: "ipv4" },
  ipv6: { format: "ipv6" },
  uri: { format: "uri" },
  uriRef: { format: "uri-reference" },
  address: { anyOf: [{ format: "hostname" }, { format: "ipv4" }, { format: "ipv6" }] },
  uuid: { format: "uuid" },
  tuuid: { pattern: "^[0-9a-fA-F]{32}$" },
  ulid: { pattern: "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$" },
  protobufFqn: { pattern: "^[A-Za-z_][A-Za-z_0-9]*(\\.[A-Za-z_][A-Za-z_0-9]*)*$" },
  protobufDotFqn: { pattern: "^\\.[A-Za-z_][A-Za-z_0-9]*(\\.[A-Za-z_][A-Za-z_0-9]*)*$" },
};

const WORDS: Readonly<Record<string, string>> = {
  ipWithPrefixlen: "An IP address with the length of its prefix, such as `192.0.2.1/24`.",
  ipv4WithPrefixlen: "An IPv4 address with the length of its prefix, such as `192.0.2.1/24`.",
  ipv6WithPrefixlen: "An IPv6 address with the length of its prefix, such as `2001:db8::1/32`.",
  ipPrefix: "An IP prefix, such as `192.0.2.0/24`.",
  ipv4Prefix: "An IPv4 prefix, such as `192.0.2.0/24`.",
  ipv6Prefix: "An IPv6 prefix, such as `2001:db8::/32`.",
  hostAndPort: "A host and a port, such as `example.com:443`.",
};

export function stringConstraints(rules: StringRules): Constraints {
  const keywords: Schema = {};
  const notes: string[] = [];
  const patterns: string[] = [];

  const { wellKnown } = rules;
  if (wellKnown.case === "wellKnownRegex") {
    if (wellKnown.value === KnownRegex.HTTP_HEADER_NAME) notes.push("The name of an HTTP header.");
    if (wellKnown.value === KnownRegex.HTTP_HEADER_VALUE) notes.push("The value of an HTTP header.");
  } else if (wellKnown.case !== undefined && wellKnown.value) {
    const { pattern, ...format } = FORMATS[wellKnown.case] ?? {};
    Object.assign(keywords, format);
    if (pattern !== undefined) patterns.push(pattern);
    const words = WORDS[wellKnown.case];
    if (words !== undefined) notes.push(words);
  }

  // A code point takes one to four bytes.
  const least = [0];
  const most = [Number.POSITIVE_INFINITY];
  if (has(rules, "len")) {
    least.push(Number(rules.len));
    most.push(Number(rules.len));
  }
  if (has(rules, "minLen")) least.push(Number(rules.minLen));
  if (has(rules, "maxLen")) most.push(Number(rules.maxLen));
  if (has(rules, "lenBytes")) {
    least.push(Math.ceil(Number(rules.lenBytes) / 4));
    most.push(Number(rules.lenBytes));
    notes.push(`Exactly ${rules.lenBytes} bytes of UTF-8.`);
  }
  if (has(rules, "minBytes")) {
    least.push(Math.ceil(Number(rules.minBytes) / 4));
    if (rules.minBytes > 1n) notes.push(`At least ${rules.minBytes} bytes of UTF-8.`);
  }
  if (has(rules, "maxBytes")) {
    most.push(Number(rules.maxBytes));
    notes.push(`At most ${rules.maxBytes} bytes of UTF-8.`);
  }
  const minLength = Math.max(...least);
  const maxLength = Math.min(...most);
  if (minLength > 0) keywords.minLength = minLength;
  if (Number.isFinite(maxLength)) keywords.maxLength = maxLength;

  if (has(rules, "pattern")) {
    if (isExpression(rules.pattern)) patterns.push(rules.pattern);
    else notes.push(`Matches the RE2 expression \`${rules.pattern}\`.`);
  }
  if (has(rules, "prefix")) patterns.push(`^${quoted(rules.prefix)}`);
  if (has(rules, "suffix")) patterns.push(`${quoted(rules.suffix)}$`);
  if (has(rules, "contains")) patterns.push(quoted(rules.contains));
  const [only, ...others] = patterns;
  if (others.length > 0) keywords.allOf = patterns.map((pattern) => ({ pattern }));
  else if (only !== undefined) keywords.pattern = only;

  const not: Schema[] = [];
  if (rules.notIn.length > 0) not.push({ enum: [...rules.notIn] });
  if (has(rules, "notContains")) not.push({ pattern: quoted(rules.notContains) });
  if (not.length > 0) keywords.not = not.length === 1 ? (not[0] as Schema) : { anyOf: not };
  if (has(rules, "const")) keywords.const = rules.const;
  if (rules.in.length > 0) keywords.enum = [...rules.in];
  return { keywords, notes };
}

function has(rules: StringRules, key: keyof StringRules): boolean {
  return Object.hasOwn(rules, key);
}

// Protovalidate's expressions are RE2; most of them mean the same to ECMAScript, and the others do not parse there.
function isExpression(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
