// Finds the files of the contract by name, by symbol and by extension, for reflection.
import type { DescEnum, DescExtension, DescFile, DescMessage, DescService } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

export interface DescriptorIndex {
  /** The full names of the services, sorted. */
  readonly services: readonly string[];
  fileByName(name: string): DescFile | undefined;
  /** The file that declares a service, method, message, field, oneof, enum, enum value or extension. */
  fileBySymbol(symbol: string): DescFile | undefined;
  fileByExtension(extendee: string, number: number): DescFile | undefined;
  /** The numbers of the extensions of a message, ascending; undefined if there is no such message. */
  extensionNumbers(extendee: string): readonly number[] | undefined;
  /** A file and all that it imports, at any depth, as serialized FileDescriptorProtos; the file itself comes first. */
  closure(file: DescFile): ReadonlyMap<string, Uint8Array>;
}

/** Indexes the files of the services and everything that these import. */
export function createDescriptorIndex(services: readonly DescService[]): DescriptorIndex {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const bytes = new Map<string, Uint8Array>();

  const addMessage = (file: DescFile, message: DescMessage): void => {
    symbols.set(message.typeName, file);
    extensions.set(message.typeName, extensions.get(message.typeName) ?? new Map());
    for (const member of message.members) symbols.set(`${message.typeName}.${member.name}`, file);
    for (const field of message.fields) symbols.set(`${message.typeName}.${field.name}`, file);
    for (const nested of message.nestedMessages) addMessage(file, nested);
    for (const nested of message.nestedEnums) addEnum(file, nested);
    for (const nested of message.nestedExtensions) addExtension(file, nested);
  };
  const addEnum = (file: DescFile, desc: DescEnum): void => {
    symbols.set(desc.typeName, file);
    // The scope of an enum's values is that of the enum itself.
    const scope = desc.typeName.slice(0, desc.typeName.length - desc.name.length);
    for (const value of desc.values) symbols.set(scope + value.name, file);
  };
  const addExtension = (file: DescFile, extension: DescExtension): void => {
    symbols.set(extension.typeName, file);
    const { typeName } = extension.extendee;
    const numbers = extensions.get(typeName) ?? new Map<number, DescFile>();
    extensions.set(typeName, numbers.set(extension.number, file));
  };
  const addFile = (file: DescFile): void => {
    if (files.has(protoName(file))) return;
    files.set(protoName(file), file);
    file.dependencies.forEach(addFile);
    for (const message of file.messages) addMessage(file, message);
    for (const desc of file.enums) addEnum(file, desc);
    for (const extension of file.extensions) addExtension(file, extension);
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file);
    }
  };
  for (const service of services) addFile(service.file);

  const bytesOf = (file: DescFile): Uint8Array => {
    const name = protoName(file);
    const known = bytes.get(name) ?? toBinary(FileDescriptorProtoSchema, file.proto);
    bytes.set(name, known);
    return known;
  };

  return {
    services: services.map((service) => service.typeName).sort(),
    fileByName: (name) => files.get(name),
    fileBySymbol: (symbol) => symbols.get(symbol),
    fileByExtension: (extendee, number) => extensions.get(extendee)?.get(number),
    extensionNumbers(extendee) {
      const numbers = extensions.get(extendee);
      return numbers === undefined ? undefined : [...numbers.keys()].sort((a, b) => a - b);
    },
    closure(file) {
      const found = new Map<string, Uint8Array>();
      const add = (next: DescFile): void => {
        if (found.has(protoName(next))) return;
        found.set(protoName(next), bytesOf(next));
        next.dependencies.forEach(add);
      };
      add(file);
      return found;
    },
  };
}

/** `DescFile.name` lacks the `.proto` that importers write. */
function protoName(file: DescFile): string {
  return file.proto.name;
}
