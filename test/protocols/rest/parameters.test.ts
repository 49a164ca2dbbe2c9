// Path and query parameters, each row taken from google/api/http.proto or the JSON form of Protobuf.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLibrary, serveHttp1, type TestServer } from "../../support/servers/library.ts";

let server: TestServer;
beforeAll(async () => {
  server = await serveHttp1(createLibrary().rest);
});
afterAll(() => server.close());

/** What the method got, without the fields that have their default. */
async function got(path: string): Promise<unknown> {
  const answer = await server.ask(path);
  if (answer.status !== 200) return `${answer.status} ${(answer.json() as { message: string }).message}`;
  const defaults = (await server.ask("/t1/params")).json() as Record<string, unknown>;
  const all = Object.entries(answer.json() as Record<string, unknown>);
  return Object.fromEntries(all.filter(([name, value]) => JSON.stringify(defaults[name]) !== JSON.stringify(value)));
}

const max64 = "9223372036854775807";
const min64 = "-9223372036854775808";
const integer = "must be a decimal integer";
const once = "must be given once";

/** A raw query, and what the request has, or the message of the refusal. */
const query: readonly (readonly [raw: string, expected: Record<string, unknown> | string])[] = [
  // Strings, and the names of parameters
  ["stringValue=abc", { stringValue: "abc" }],
  ["string_value=abc", { stringValue: "abc" }],
  ["stringValue=", {}],
  ["stringValue", {}],
  ["stringValue=a=b", { stringValue: "a=b" }],
  ["stringValue=a%3Db%26c", { stringValue: "a=b&c" }],
  ["stringValue=a+b", { stringValue: "a b" }],
  ["stringValue=a%2Bb", { stringValue: "a+b" }],
  ["stringValue=a%20b", { stringValue: "a b" }],
  ["stringValue=%E2%82%AC", { stringValue: "€" }],
  ["stringValue=%F0%9F%98%80", { stringValue: "😀" }],
  ["stringValue=%2525", { stringValue: "%25" }],
  ["stringValue=a/b?c", { stringValue: "a/b?c" }],
  ["stringValue=..", { stringValue: ".." }],
  ["string%56alue=x", { stringValue: "x" }],
  ["&&stringValue=x&&", { stringValue: "x" }],
  ["otherName=x", { otherName: "x" }],
  ["renamed=x", { otherName: "x" }],
  ["stringValue=a&stringValue=b", `string_value: ${once}`],
  ["stringValue=a&string_value=b", `string_value: ${once}`],
  ["stringValue=%", "string_value: has a % that two hexadecimal digits do not follow"],
  ["stringValue=%2", "string_value: has a % that two hexadecimal digits do not follow"],
  ["stringValue=%zz", "string_value: has a % that two hexadecimal digits do not follow"],
  ["stringValue=%00", "string_value: must not hold the character U+0000"],
  ["stringValue=%FF", "string_value: must be UTF-8"],
  ["stringValue=%C0%80", "string_value: must be UTF-8"],
  ["stringValue=%ED%A0%80", "string_value: must be UTF-8"],
  ["stringValue=%E2%82", "string_value: must be UTF-8"],
  ["%FF=1", "a parameter's name must be UTF-8"],
  ["%00=1", "a parameter's name must not hold the character U+0000"],
  ["=1", "query: must not have a parameter without a name"],
  ["nope=1", "nope: is not a parameter of this method"],
  ["StringValue=1", "StringValue: is not a parameter of this method"],
  ["nope=1&nada=2", "nope: is not a parameter of this method; nada: is not a parameter of this method"],
  ["__proto__=1", "__proto__: is not a parameter of this method"],
  ["constructor=1", "constructor: is not a parameter of this method"],
  ["%0Aevil=1", "?evil: is not a parameter of this method"],
  // Integers
  ["int32Value=0", {}],
  ["int32Value=1", { int32Value: 1 }],
  ["int32Value=-1", { int32Value: -1 }],
  ["int32Value=2147483647", { int32Value: 2147483647 }],
  ["int32Value=-2147483648", { int32Value: -2147483648 }],
  ["int32Value=2147483648", "int32_value: must be from -2147483648 to 2147483647"],
  ["int32Value=-2147483649", "int32_value: must be from -2147483648 to 2147483647"],
  ["int32Value=", `int32_value: ${integer}`],
  ["int32Value", `int32_value: ${integer}`],
  ["int32Value=+1", `int32_value: ${integer}`],
  ["int32Value=%2B1", `int32_value: ${integer}`],
  ["int32Value=01", `int32_value: ${integer}`],
  ["int32Value=-0", `int32_value: ${integer}`],
  ["int32Value=1.0", `int32_value: ${integer}`],
  ["int32Value=1e3", `int32_value: ${integer}`],
  ["int32Value=0x10", `int32_value: ${integer}`],
  ["int32Value=%201", `int32_value: ${integer}`],
  ["int32Value=1_000", `int32_value: ${integer}`],
  ["int32Value=abc", `int32_value: ${integer}`],
  ["int32Value=null", `int32_value: ${integer}`],
  ["int32Value=%D9%A1", `int32_value: ${integer}`],
  ["int32Value=111111111111111111111", `int32_value: ${integer}`],
  ["sint32Value=-5", { sint32Value: -5 }],
  ["sfixed32Value=-5", { sfixed32Value: -5 }],
  ["uint32Value=4294967295", { uint32Value: 4294967295 }],
  ["uint32Value=4294967296", "uint32_value: must be from 0 to 4294967295"],
  ["uint32Value=-1", "uint32_value: must be from 0 to 4294967295"],
  ["fixed32Value=4294967295", { fixed32Value: 4294967295 }],
  [`int64Value=${max64}`, { int64Value: max64 }],
  [`int64Value=${min64}`, { int64Value: min64 }],
  ["int64Value=9007199254740993", { int64Value: "9007199254740993" }],
  ["int64Value=9223372036854775808", `int64_value: must be from ${min64} to ${max64}`],
  ["int64Value=-9223372036854775809", `int64_value: must be from ${min64} to ${max64}`],
  ["sint64Value=-7", { sint64Value: "-7" }],
  ["sfixed64Value=-7", { sfixed64Value: "-7" }],
  ["uint64Value=18446744073709551615", { uint64Value: "18446744073709551615" }],
  ["uint64Value=18446744073709551616", "uint64_value: must be from 0 to 18446744073709551615"],
  ["uint64Value=-1", "uint64_value: must be from 0 to 18446744073709551615"],
  ["fixed64Value=18446744073709551615", { fixed64Value: "18446744073709551615" }],
  ["int64Value=1.5", `int64_value: ${integer}`],
  // Floating point
  ["doubleValue=1.5", { doubleValue: 1.5 }],
  ["doubleValue=-1.5e-3", { doubleValue: -0.0015 }],
  ["doubleValue=1E5", { doubleValue: 100000 }],
  ["doubleValue=1", { doubleValue: 1 }],
  ["doubleValue=NaN", { doubleValue: "NaN" }],
  ["doubleValue=Infinity", { doubleValue: "Infinity" }],
  ["doubleValue=-Infinity", { doubleValue: "-Infinity" }],
  ["doubleValue=1.7976931348623157e308", { doubleValue: 1.7976931348623157e308 }],
  ["doubleValue=1e309", "double_value: must be a number that a double can hold"],
  ["doubleValue=.5", "double_value: must be a number"],
  ["doubleValue=5.", "double_value: must be a number"],
  ["doubleValue=", "double_value: must be a number"],
  ["doubleValue=inf", "double_value: must be a number"],
  ["doubleValue=0x1p3", "double_value: must be a number"],
  ["doubleValue=1,5", "double_value: must be a number"],
  ["doubleValue=01", "double_value: must be a number"],
  ["floatValue=0.5", { floatValue: 0.5 }],
  ["floatValue=1e39", "float_value: must be a number that a float can hold"],
  ["floatValue=-1e39", "float_value: must be a number that a float can hold"],
  ["floatValue=Infinity", { floatValue: "Infinity" }],
  // Booleans
  ["boolValue=true", { boolValue: true }],
  ["boolValue=false", {}],
  ["boolValue=1", "bool_value: must be true or false"],
  ["boolValue=TRUE", "bool_value: must be true or false"],
  ["boolValue=yes", "bool_value: must be true or false"],
  ["boolValue=", "bool_value: must be true or false"],
  ["boolValue", "bool_value: must be true or false"],
  // Bytes: standard or URL-safe base64, padded or not
  ["bytesValue=YWI=", { bytesValue: "YWI=" }],
  ["bytesValue=YWI", { bytesValue: "YWI=" }],
  ["bytesValue=YQ%3D%3D", { bytesValue: "YQ==" }],
  ["bytesValue=-_8", { bytesValue: "+/8=" }],
  ["bytesValue=%2B%2F8%3D", { bytesValue: "+/8=" }],
  ["bytesValue=", {}],
  ["bytesValue=Y", "bytes_value: must be base64"],
  ["bytesValue=YWI%3D%3D", "bytes_value: must be base64"],
  ["bytesValue=Y%20WI", "bytes_value: must be base64"],
  ["bytesValue=!!!!", "bytes_value: must be base64"],
  ["bytesValue=====", "bytes_value: must be base64"],
  // Enums, by name or number
  ["enumValue=COLOR_RED", { enumValue: "COLOR_RED" }],
  ["enumValue=2", { enumValue: "COLOR_BLUE" }],
  ["enumValue=COLOR_UNSPECIFIED", {}],
  ["enumValue=0", {}],
  ["enumValue=RED", "enum_value: must be one of COLOR_RED, COLOR_BLUE, by name or number"],
  ["enumValue=color_red", "enum_value: must be one of COLOR_RED, COLOR_BLUE, by name or number"],
  ["enumValue=", "enum_value: must be one of COLOR_RED, COLOR_BLUE, by name or number"],
  ["enumValue=01", "enum_value: must be one of COLOR_RED, COLOR_BLUE, by name or number"],
  ["enumValue=2147483648", "enum_value: must be one of COLOR_RED, COLOR_BLUE, by name or number"],
  ["enumValue=toString", "enum_value: must be one of COLOR_RED, COLOR_BLUE, by name or number"],
  // Repeated: the parameter is repeated
  ["stringList=a", { stringList: ["a"] }],
  ["stringList=a&stringList=b", { stringList: ["a", "b"] }],
  ["stringList=a&string_list=b", { stringList: ["a", "b"] }],
  ["stringList=b&int32List=1&stringList=a", { stringList: ["b", "a"], int32List: [1] }],
  ["stringList=a,b", { stringList: ["a,b"] }],
  ["stringList=", { stringList: [""] }],
  ["int32List=1&int32List=-2", { int32List: [1, -2] }],
  ["int32List=1,2", `int32_list: ${integer}`],
  ["int32List=1&int32List=x", `int32_list: ${integer}`],
  ["enumList=COLOR_RED&enumList=2", { enumList: ["COLOR_RED", "COLOR_BLUE"] }],
  ["boolList=true&boolList=false", { boolList: [true, false] }],
  ["stringList[]=a", "stringList[]: is not a parameter of this method"],
  ["stringList.0=a", "stringList.0: is not a parameter of this method"],
  // Messages: each field by its path
  ["nested.text=x", { nested: { text: "x", number: 0, texts: [] } }],
  ["nested.text=x&nested.number=3", { nested: { text: "x", number: 3, texts: [] } }],
  [
    "nested.nested.number=3",
    { nested: { text: "", number: 0, texts: [], nested: { text: "", number: 3, texts: [] } } },
  ],
  ["nested.texts=a&nested.texts=b", { nested: { text: "", number: 0, texts: ["a", "b"] } }],
  ["nested.text=x&nested.text=y", `nested.text: ${once}`],
  ["nested=x", "nested: is not a parameter: only scalars, enums and lists of them are"],
  ["nested.nope=x", "nested.nope: is not a parameter of this method"],
  ["nested.=x", "nested.: is not a parameter of this method"],
  [".nested=x", ".nested: is not a parameter of this method"],
  ["nested..text=x", "nested..text: is not a parameter of this method"],
  ["nested.text.more=x", "nested.text.more: is not a parameter of this method"],
  ["stringValue.x=1", "stringValue.x: is not a parameter of this method"],
  [`${"nested.".repeat(31)}number=x`, `${"nested.".repeat(31)}number: ${integer}`],
  [`${"nested.".repeat(40)}number=1`, `${"nested.".repeat(40).slice(0, 64)}…: is not a parameter of this method`],
  ["nestedList.text=x", "nestedList.text: is not a parameter of this method"],
  ["nestedList=x", "nestedList: is not a parameter: only scalars, enums and lists of them are"],
  ["stringMap=x", "stringMap: is not a parameter: only each of its keys is, such as stringMap[key]"],
  ["stringMap.a=x", "stringMap.a: is not a parameter of this method"],
  // Maps: each key in brackets
  ["stringMap[a]=x", { stringMap: { a: "x" } }],
  ["stringMap%5Ba%5D=x", { stringMap: { a: "x" } }],
  ["stringMap[a.b/c-d]=x&string_map[e]=y", { stringMap: { "a.b/c-d": "x", e: "y" } }],
  ["stringMap[]=x", { stringMap: { "": "x" } }],
  ["stringMap[a]=", { stringMap: { a: "" } }],
  ["stringMap[a]=x&string_map[a]=y", `string_map["a"]: ${once}`],
  ["stringMap[a=x", "stringMap[a: is not a parameter of this method"],
  ["stringMap[a]b=x", "stringMap[a]b: is not a parameter of this method"],
  ["stringValue[a]=x", "stringValue[a]: is not a parameter of this method"],
  ["nope[a]=x", "nope[a]: is not a parameter of this method"],
  ["struct=x", "struct: is not a parameter: only scalars, enums and lists of them are"],
  ["value=x", "value: is not a parameter: only scalars, enums and lists of them are"],
  ["any=x", "any: is not a parameter: only scalars, enums and lists of them are"],
  // Well-known types, as their JSON strings
  ["timestamp=2026-01-31T12:00:00Z", { timestamp: "2026-01-31T12:00:00Z" }],
  ["timestamp=2026-01-31T12:00:00.123456789Z", { timestamp: "2026-01-31T12:00:00.123456789Z" }],
  ["timestamp=2026-01-31T12:00:00%2B02:00", { timestamp: "2026-01-31T10:00:00Z" }],
  ["timestamp=2026-01-31", "timestamp: must be a time such as 2026-01-31T12:00:00Z"],
  ["timestamp=1700000000", "timestamp: must be a time such as 2026-01-31T12:00:00Z"],
  ["timestamp=2026-13-01T00:00:00Z", "timestamp: must be a time such as 2026-01-31T12:00:00Z"],
  ["timestamp=", "timestamp: must be a time such as 2026-01-31T12:00:00Z"],
  ["timestamp.seconds=1", "timestamp.seconds: is not a parameter of this method"],
  ["duration=1.5s", { duration: "1.500s" }],
  ["duration=-3s", { duration: "-3s" }],
  ["duration=1.5", "duration: must be a number of seconds such as 1.5s"],
  ["duration=1m", "duration: must be a number of seconds such as 1.5s"],
  ["duration=1sx", "duration: must be a number of seconds such as 1.5s"],
  ["duration=999999999999s", "duration: must be a number of seconds such as 1.5s"],
  ["fieldMask=title,displayName", { fieldMask: "title,displayName" }],
  ["fieldMask=display_name", { fieldMask: "displayName" }],
  ["fieldMask=a.bC,d", { fieldMask: "a.bC,d" }],
  ["fieldMask=", { fieldMask: "" }],
  ["fieldMask=a,,b", "field_mask: must be field paths separated by commas"],
  ["fieldMask=a%20b", "field_mask: must be field paths separated by commas"],
  ["fieldMask=COLOR_RED", "field_mask: must be field paths separated by commas"],
  ["fieldMask=a__b", "field_mask: must be field paths separated by commas"],
  ["fieldMask=*", "field_mask: must be field paths separated by commas"],
  // Wrappers: as the value that they wrap
  ["stringWrapper=x", { stringWrapper: "x" }],
  ["stringWrapper=", { stringWrapper: "" }],
  ["int32Wrapper=0", { int32Wrapper: 0 }],
  ["int32Wrapper=x", `int32_wrapper: ${integer}`],
  ["uint32Wrapper=7", { uint32Wrapper: 7 }],
  ["int64Wrapper=9007199254740993", { int64Wrapper: "9007199254740993" }],
  ["uint64Wrapper=1", { uint64Wrapper: "1" }],
  ["boolWrapper=false", { boolWrapper: false }],
  ["doubleWrapper=0.5", { doubleWrapper: 0.5 }],
  ["floatWrapper=0.5", { floatWrapper: 0.5 }],
  ["bytesWrapper=YQ", { bytesWrapper: "YQ==" }],
  ["stringWrapper.value=x", "stringWrapper.value: is not a parameter of this method"],
  // Presence and oneofs
  ["optionalString=", { optionalString: "" }],
  ["optionalInt32=0", { optionalInt32: 0 }],
  ["choiceText=x", { choiceText: "x" }],
  ["choiceNumber=0", { choiceNumber: 0 }],
  ["choiceWrapper=x", { choiceWrapper: "x" }],
  ["choiceText=x&choiceNumber=1", "choice_number: must not be given with another of choice"],
  ["choiceText=x&choiceText=y", `choice_text: ${once}`],
  // Several at once, and all mistakes at once
  ["int32Value=1&boolValue=true&enumValue=1", { int32Value: 1, boolValue: true, enumValue: "COLOR_RED" }],
  ["int32Value=x&boolValue=x", `int32_value: ${integer}; bool_value: must be true or false`],
];

/** A raw path below /t1/params, and what the request has, or the refusal. */
const paths: readonly (readonly [raw: string, expected: Record<string, unknown> | string])[] = [
  // {var}: one segment, every escape decoded
  ["string/abc", { stringValue: "abc" }],
  ["string/a%2Fb", { stringValue: "a/b" }],
  ["string/a%2fb", { stringValue: "a/b" }],
  ["string/a%20b", { stringValue: "a b" }],
  ["string/a+b", { stringValue: "a+b" }],
  ["string/%252F", { stringValue: "%2F" }],
  ["string/%252e%252e", { stringValue: "%2e%2e" }],
  ["string/auth0%7C123", { stringValue: "auth0|123" }],
  ["string/auth0|123", { stringValue: "auth0|123" }],
  ["string/a:b", { stringValue: "a:b" }],
  ["string/a%3Ab", { stringValue: "a:b" }],
  ["string/:b", { stringValue: ":b" }],
  ["string/a@b;c=d,e", { stringValue: "a@b;c=d,e" }],
  ["string/%E2%82%AC", { stringValue: "€" }],
  ["string/%3F%23", { stringValue: "?#" }],
  ["string/...", { stringValue: "..." }],
  ["string/.a", { stringValue: ".a" }],
  ["string/a.", { stringValue: "a." }],
  ["string/%7Bid%7D", { stringValue: "{id}" }],
  ["string/{id}", { stringValue: "{id}" }],
  ["string/*", { stringValue: "*" }],
  ["string/**", { stringValue: "**" }],
  ["string/%FF", "400 string_value: must be UTF-8"],
  ["string/%C0%AF", "400 string_value: must be UTF-8"],
  ["string/%00", "400 string_value: must not hold the character U+0000"],
  ["string/a%00b", "400 string_value: must not hold the character U+0000"],
  ["string/%", "400 string_value: has a % that two hexadecimal digits do not follow"],
  ["string/%4", "400 string_value: has a % that two hexadecimal digits do not follow"],
  ["string/%u0041", "400 string_value: has a % that two hexadecimal digits do not follow"],
  ["string/.", "400 path: must not hold . or .."],
  ["string/..", "400 path: must not hold . or .."],
  ["string/%2e", "400 path: must not hold . or .."],
  ["string/%2E%2e", "400 path: must not hold . or .."],
  ["string/.%2e", "400 path: must not hold . or .."],
  ["string/../int32/1", "400 path: must not hold . or .."],
  ["string/./a", "400 path: must not hold . or .."],
  ["string//a", "400 path: must not have an empty segment"],
  ["string//", "400 path: must not have an empty segment"],
  ["string/abc/", "400 path: must not have an empty segment"],
  ["string", "404 there is nothing at this path"],
  ["string/", "404 there is nothing at this path"],
  ["string/a/b", "404 there is nothing at this path"],
  ["strin%67/a", "404 there is nothing at this path"],
  ["String/a", "404 there is nothing at this path"],
  // Other scalars
  ["int32/5", { int32Value: 5 }],
  ["int32/-5", { int32Value: -5 }],
  ["int32/%35", { int32Value: 5 }],
  ["int32/05", `400 int32_value: ${integer}`],
  ["int32/x", `400 int32_value: ${integer}`],
  ["int32/2147483648", "400 int32_value: must be from -2147483648 to 2147483647"],
  [`int64/${max64}`, { int64Value: max64 }],
  ["bool/true", { boolValue: true }],
  ["bool/True", "400 bool_value: must be true or false"],
  ["bytes/YQ", { bytesValue: "YQ==" }],
  ["bytes/_-8=", { bytesValue: "/+8=" }],
  ["enum/COLOR_RED", { enumValue: "COLOR_RED" }],
  ["enum/1", { enumValue: "COLOR_RED" }],
  ["enum/PINK", "400 enum_value: must be one of COLOR_RED, COLOR_BLUE, by name or number"],
  ["double/-1.5e3", { doubleValue: -1500 }],
  // Field paths
  ["nested/a/7", { nested: { text: "a", number: 0, texts: [], nested: { text: "", number: 7, texts: [] } } }],
  ["nested/a/b", `400 nested.nested.number: ${integer}`],
  // A path and a query together; what the path holds is no parameter
  ["string/a?int32Value=1", { stringValue: "a", int32Value: 1 }],
  ["string/a?stringValue=b", "400 stringValue: is not a parameter: it is filled from the path or the body"],
  ["string/a?string_value=a", "400 string_value: is not a parameter: it is filled from the path or the body"],
  ["nested/a/7?nested.text=b", "400 nested.text: is not a parameter: it is filled from the path or the body"],
  [
    "nested/a/7?nested.texts=b",
    { nested: { text: "a", number: 0, texts: ["b"], nested: { text: "", number: 7, texts: [] } } },
  ],
  // {var=a/*/**}: several segments, "%2F" left as it is
  ["multi/a/b", { stringValue: "a/b" }],
  ["multi/a/b/c", { stringValue: "a/b/c" }],
  ["multi/a/b/c/d", { stringValue: "a/b/c/d" }],
  ["multi/a/b%2Fc", { stringValue: "a/b%2Fc" }],
  ["multi/a/b%2fc", { stringValue: "a/b%2fc" }],
  ["multi/a/b%252Fc", { stringValue: "a/b%2Fc" }],
  ["multi/a/%20/%C3%A9", { stringValue: "a/ /é" }],
  ["multi/a/%FF", "400 string_value: must be UTF-8"],
  ["multi/a/b/%2e%2E/c", "400 path: must not hold . or .."],
  ["multi/a/b//c", "400 path: must not have an empty segment"],
  ["multi/a", "404 there is nothing at this path"],
  ["multi/b/c", "404 there is nothing at this path"],
  // {var=**}:verb: zero or more segments
  ["rest:done", {}],
  ["rest/a:done", { stringValue: "a" }],
  ["rest/a/b/c:done", { stringValue: "a/b/c" }],
  ["rest/a:b:done", { stringValue: "a:b" }],
  ["rest/a:done/b:done", { stringValue: "a:done/b" }],
  ["rest/a%2Fb:done", { stringValue: "a%2Fb" }],
  ["rest/a", "404 there is nothing at this path"],
  ["rest/a:undone", "404 there is nothing at this path"],
  ["rest/a%3Adone", "404 there is nothing at this path"],
  // Two variables and a verb
  ["pair/a/with/x/b:go", { stringValue: "a", nested: { text: "x/b", number: 0, texts: [] } }],
  ["pair/a%2Fb/with/x/c%2Fd:go", { stringValue: "a/b", nested: { text: "x/c%2Fd", number: 0, texts: [] } }],
  ["pair/a/with/y/b:go", "404 there is nothing at this path"],
  ["pair/a/with/x/b", "404 there is nothing at this path"],
];

describe("a query parameter", () => {
  it.each(query)("?%s", async (raw, expected) => {
    expect(await got(`/t1/params?${raw}`)).toEqual(typeof expected === "string" ? `400 ${expected}` : expected);
  });

  it("is refused with a violation for each field", async () => {
    const answer = await server.ask("/t1/params?int32Value=x&nope=1");
    expect(answer.json()).toEqual({
      code: 3,
      message: `int32_value: ${integer}; nope: is not a parameter of this method`,
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.BadRequest",
          fieldViolations: [
            { field: "int32_value", description: integer },
            { field: "nope", description: "is not a parameter of this method" },
          ],
        },
      ],
    });
  });

  it("is one of at most 1,000", async () => {
    expect(await got(`/t1/params?${"&".repeat(1000)}`)).toBe("400 query: must have at most 1000 parameters");
    expect(await got(`/t1/params?${"&".repeat(999)}`)).toEqual({});
  });
});

describe("a path", () => {
  it.each(paths)("/t1/params/%s", async (raw, expected) => {
    expect(await got(`/t1/params/${raw}`)).toEqual(expected);
  });

  it("is none of ours outside the base path", async () => {
    for (const path of ["/", "/other", "/t1x/params", "//t1/params", "/T1/params", "/../t1/params"]) {
      expect((await server.ask(path)).status, path).toBe(599);
    }
  });

  it("may come in absolute form", async () => {
    expect(await got("http://localhost/t1/params?int32Value=1")).toEqual({ int32Value: 1 });
  });
});
