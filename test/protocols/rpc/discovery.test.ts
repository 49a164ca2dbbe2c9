// Reflection and health, as tools of others use them, without a credential.
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { PROTOCOLS, transportTo } from "../../support/calls/clients.ts";
import { failureOf } from "../../support/errors.ts";
import { type EchoServer, startEchoServer } from "../../support/servers/echo-server.ts";

let server: EchoServer;
beforeAll(async () => {
  server = await startEchoServer();
});
afterAll(() => server.close());

const SERVICES = [
  "colloquy.test.v1.EchoService",
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];
const ECHO_FILE = "colloquy/test/v1/echo.proto";

describe.each([
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionAlpha as unknown as typeof ServerReflection],
] as const)("reflection %s", (_, service) => {
  type Question =
    Parameters<
      ReturnType<typeof createClient<typeof ServerReflection>>["serverReflectionInfo"]
    >[0] extends AsyncIterable<infer Q>
      ? Q
      : never;

  async function ask(...questions: Array<Question["messageRequest"]>) {
    const client = createClient(service, transportTo(server.url, "grpc", { token: null }));
    async function* requests(): AsyncIterable<Question> {
      for (const messageRequest of questions) yield { host: "h", messageRequest } as Question;
    }
    const answers: Array<{ case: string | undefined; value: unknown; files: string[] }> = [];
    for await (const answer of client.serverReflectionInfo(requests())) {
      const { messageResponse: response } = answer;
      expect(answer.validHost).toBe("h");
      expect(answer.originalRequest?.messageRequest).toMatchObject(questions[answers.length] as object);
      const bytes = response.case === "fileDescriptorResponse" ? response.value.fileDescriptorProto : [];
      const files = bytes.map(
        (file) => fromBinary(FileDescriptorProtoSchema as DescMessage, file) as { name?: string },
      );
      answers.push({ case: response.case, value: response.value, files: files.map(({ name }) => name ?? "") });
    }
    return answers;
  }

  it("lists the services", async () => {
    const [answer] = await ask({ case: "listServices", value: "" });
    expect(answer).toMatchObject({
      case: "listServicesResponse",
      value: { service: SERVICES.map((name) => ({ name })) },
    });
  });

  it("sends a file by its name, with all that it imports", async () => {
    const [answer] = await ask({ case: "fileByFilename", value: ECHO_FILE });
    expect(answer?.files[0]).toBe(ECHO_FILE);
    expect(answer?.files).toEqual(
      expect.arrayContaining([
        "buf/validate/validate.proto",
        "google/protobuf/struct.proto",
        "google/protobuf/descriptor.proto",
      ]),
    );
  });

  it("sends what a file imports once in a stream", async () => {
    const [first, second] = await ask(
      { case: "fileByFilename", value: ECHO_FILE },
      { case: "fileByFilename", value: "buf/validate/validate.proto" },
    );
    expect(first?.files.length).toBeGreaterThan(1);
    expect(second?.files).toEqual(["buf/validate/validate.proto"]);
  });

  it.each([
    "colloquy.test.v1.EchoService",
    "colloquy.test.v1.EchoService.Echo",
    "colloquy.test.v1.EchoRequest",
    "colloquy.test.v1.EchoRequest.text",
    "colloquy.test.v1.EchoNested.choice",
    "colloquy.test.v1.EchoRequest.LabelsEntry",
  ])("finds the file of %s", async (value) => {
    const [answer] = await ask({ case: "fileContainingSymbol", value });
    expect(answer?.files[0]).toBe(ECHO_FILE);
  });

  it("finds enums, their values and extensions by their names", async () => {
    const answers = await ask(
      { case: "fileContainingSymbol", value: "google.protobuf.NullValue" },
      { case: "fileContainingSymbol", value: "google.protobuf.NULL_VALUE" },
      { case: "fileContainingSymbol", value: "grpc.health.v1.HealthCheckResponse.SERVING" },
      { case: "fileContainingSymbol", value: "buf.validate.field" },
    );
    expect(answers.map(({ files }) => files[0])).toEqual([
      "google/protobuf/struct.proto",
      "google/protobuf/struct.proto",
      "grpc/health/v1/health.proto",
      "buf/validate/validate.proto",
    ]);
  });

  it("finds extensions by their numbers, and the numbers", async () => {
    const [file, numbers, none] = await ask(
      {
        case: "fileContainingExtension",
        value: { containingType: "google.protobuf.FieldOptions", extensionNumber: 1159 },
      } as never,
      { case: "allExtensionNumbersOfType", value: "google.protobuf.FieldOptions" },
      { case: "allExtensionNumbersOfType", value: "colloquy.test.v1.EchoRequest" },
    );
    expect(file?.files[0]).toBe("buf/validate/validate.proto");
    expect(numbers?.value).toMatchObject({
      baseTypeName: "google.protobuf.FieldOptions",
      extensionNumber: expect.arrayContaining([1159]),
    });
    expect(none?.value).toMatchObject({ extensionNumber: [] });
  });

  it("answers what it does not know with an error, and goes on", async () => {
    const answers = await ask(
      { case: "fileByFilename", value: "no.proto" },
      { case: "fileContainingSymbol", value: "no.Symbol" },
      {
        case: "fileContainingExtension",
        value: { containingType: "google.protobuf.FieldOptions", extensionNumber: 1 },
      } as never,
      { case: "allExtensionNumbersOfType", value: "no.Type" },
      { case: undefined } as never,
      { case: "listServices", value: "" },
    );
    expect(
      answers.map((a) => (a.case === "errorResponse" ? (a.value as { errorCode: number }).errorCode : a.case)),
    ).toEqual([5, 5, 5, 5, 3, "listServicesResponse"]);
  });
});

describe.each(PROTOCOLS)("health over %s", (protocol) => {
  const client = () => createClient(Health, transportTo(server.url, protocol, { token: null }));

  it("says whether the server and its services take calls", async () => {
    expect((await client().check({})).status).toBe(Status.SERVING);
    expect((await client().check({ service: SERVICES[0]! })).status).toBe(Status.SERVING);
    server.readiness.ready = false;
    expect((await client().check({})).status).toBe(Status.NOT_SERVING);
    server.readiness.ready = true;
  });

  it("does not know other services", async () => {
    expect(await failureOf(client().check({ service: "no.Service" }))).toMatchObject({
      code: "NotFound",
      reason: "NOT_FOUND",
    });
  });

  it("lists all", async () => {
    const { statuses } = await client().list({});
    expect(Object.keys(statuses).sort()).toEqual(["", "colloquy.test.v1.EchoService", "grpc.health.v1.Health"]);
    expect(statuses[""]?.status).toBe(Status.SERVING);
  });

  it("tells a watcher of every change", async () => {
    const controller = new AbortController();
    const stream = client().watch({}, { signal: controller.signal })[Symbol.asyncIterator]();
    expect((await stream.next()).value?.status).toBe(Status.SERVING);
    server.readiness.ready = false;
    expect((await stream.next()).value?.status).toBe(Status.NOT_SERVING);
    server.readiness.ready = true;
    expect((await stream.next()).value?.status).toBe(Status.SERVING);
    controller.abort();
    await failureOf(stream.next());
    const unknown = client().watch({ service: "no.Service" })[Symbol.asyncIterator]();
    expect((await unknown.next()).value?.status).toBe(Status.SERVICE_UNKNOWN);
    await unknown.return?.();
  });
});
