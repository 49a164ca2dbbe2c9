// grpc.reflection v1 and v1alpha: every tool can ask the server for its contract.
import {
  create,
  type DescFile,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import {
  type ServerReflectionRequest as AlphaRequest,
  ServerReflectionRequestSchema as AlphaRequestSchema,
  ServerReflectionResponseSchema as AlphaResponseSchema,
  ServerReflection as ServerReflectionAlpha,
} from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { createDescriptorIndex, type DescriptorIndex } from "./descriptor-index.ts";

/** google.rpc.Code: the numbers that `ErrorResponse.error_code` takes. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;

/** No symbol is impossible: one that there cannot be is not found, and the stream goes on. */
const OPEN = { open: true, unchecked: true };

type Response = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/** Both versions of reflection over the given services and themselves. They need no credential. */
export function createReflection(services: readonly DescService[]): ServiceEntry[] {
  let made: DescriptorIndex | undefined;
  // At the first call: few servers get one, and the start of each would wait for it.
  const index = () => {
    made ??= createDescriptorIndex([...services, ServerReflection, ServerReflectionAlpha]);
    return made;
  };
  return [
    serve(ServerReflection, { serverReflectionInfo: (requests) => conversation(requests, index()) }, OPEN),
    serve(
      ServerReflectionAlpha,
      {
        // The messages of the two versions differ in nothing but their package, so their bytes are the same.
        async *serverReflectionInfo(requests) {
          for await (const response of conversation(asV1(requests), index())) {
            const bytes = toBinary(ServerReflectionResponseSchema, create(ServerReflectionResponseSchema, response));
            yield fromBinary(AlphaResponseSchema, bytes);
          }
        },
      },
      OPEN,
    ),
  ];
}

async function* asV1(requests: AsyncIterable<AlphaRequest>): AsyncIterable<ServerReflectionRequest> {
  for await (const request of requests) {
    yield fromBinary(ServerReflectionRequestSchema, toBinary(AlphaRequestSchema, request));
  }
}

async function* conversation(
  requests: AsyncIterable<ServerReflectionRequest>,
  index: DescriptorIndex,
): AsyncIterable<MessageInitShape<typeof ServerReflectionResponseSchema>> {
  const sent = new Set<string>();
  for await (const request of requests) {
    const messageResponse = responseTo(request, index, sent);
    yield { validHost: request.host, originalRequest: request, messageResponse };
  }
}

function responseTo({ messageRequest }: ServerReflectionRequest, index: DescriptorIndex, sent: Set<string>): Response {
  switch (messageRequest.case) {
    case "fileByFilename":
      return fileResponse(index.fileByName(messageRequest.value), "file", index, sent);
    case "fileContainingSymbol":
      return fileResponse(index.fileBySymbol(messageRequest.value), "symbol", index, sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = messageRequest.value;
      return fileResponse(index.fileByExtension(containingType, extensionNumber), "extension", index, sent);
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = index.extensionNumbers(messageRequest.value);
      if (extensionNumber === undefined) return errorResponse(NOT_FOUND, "type not found");
      const value = { baseTypeName: messageRequest.value, extensionNumber: [...extensionNumber] };
      return { case: "allExtensionNumbersResponse", value };
    }
    case "listServices":
      return { case: "listServicesResponse", value: { service: index.services.map((name) => ({ name })) } };
    default:
      return errorResponse(INVALID_ARGUMENT, "the request asks for nothing");
  }
}

/** The file that was asked for, and what it imports as far as this stream has not sent it. */
function fileResponse(file: DescFile | undefined, kind: string, index: DescriptorIndex, sent: Set<string>): Response {
  if (file === undefined) return errorResponse(NOT_FOUND, `${kind} not found`);
  const fileDescriptorProto: Uint8Array[] = [];
  for (const [name, bytes] of index.closure(file)) {
    if (name !== file.proto.name && sent.has(name)) continue;
    sent.add(name);
    fileDescriptorProto.push(bytes);
  }
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function errorResponse(errorCode: number, errorMessage: string): Response {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
