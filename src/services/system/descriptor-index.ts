// Finds the files of the contract by name, by symbol and by extension, for reflection.
import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

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

  // Walks the files as they are declared, for the descriptors made of them leave out map entries.
  const addMessage = (file: DescFile, scope: string, message: DescriptorProto): void => {
    const name = `${scope}${message.name}`;
    symbols.set(name, file);
    extensions.set(name, extensions.get(name) ?? new Map());
    for (const member of [...message.field, ...message.oneofDecl]) symbols.set(`${name}.${member.name}`, file);
    addAll(file, `${name}.`, message.nestedType, message.enumType, message.extension);
  };
  const addEnum = (file: DescFile, scope: string, desc: EnumDescriptorProto): void => {
    symbols.set(`${scope}${desc.name}`, file);
    // The scope of an enum's values is that of the enum itself.
    for (const value of desc.value) symbols.set(`${scope}${value.name}`, file);
  };
  const addExtension = (file: DescFile, scope: string, extension: FieldDescriptorProto): void => {
    symbols.set(`${scope}${extension.name}`, file);
    const extendee = extension.extendee.replace(/^\./, "");
    const numbers = extensions.get(extendee) ?? new Map<number, DescFile>();
    extensions.set(extendee, numbers.set(extension.number, file));
  };
  const addAll = (
    file: DescFile,
    scope: string,
    messages: readonly DescriptorProto[],
    enums: readonly EnumDescriptorProto[],
    fields: readonly FieldDescriptorProto[],
  ): void => {
    for (const message of messages) addMessage(file, scope, message);
    for (const desc of enums) addEnum(file, scope, desc);
    for (const extension of fields) addExtension(file, scope, extension);
  };
  const addFile = (file: DescFile): void => {
    const { proto } = file;
    if (files.has(proto.name)) return;
    files.set(proto.name, file);
    file.dependencies.forEach(addFile);
    const scope = proto.package === "" ? "" : `${proto.package}.`;
    addAll(file, scope, proto.messageType, proto.enumType, proto.extension);
    for (const service of proto.service) {
      symbols.set(`${scope}${service.name}`, file);
      for (const method of service.method) symbols.set(`${scope}${service.name}.${method.name}`, file);
    }
  };
  for (const service of services) addFile(service.file);

  const bytesOf = (file: DescFile): Uint8Array => {
    const name = file.proto.name;
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
        if (found.has(next.proto.name)) return;
        found.set(next.proto.name, bytesOf(next));
        next.dependencies.forEach(add);
      };
      add(file);
      return found;
    },
  };
}
