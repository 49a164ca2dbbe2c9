// Prints the source of a proto2 file from its descriptor: enough of the language for buf/validate/validate.proto.
import {
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  fromBinary,
  ScalarType,
} from "@bufbuild/protobuf";
import { type PredefinedRules, PredefinedRulesSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

const PREDEFINED = 1160;

export function printProtoFile(file: DescFile): string {
  const { javaPackage, javaOuterClassname, javaMultipleFiles, goPackage } = file.proto.options ?? {};
  return [
    `syntax = "proto2";`,
    `package ${file.proto.package};`,
    ...file.proto.dependency.map((name) => `import ${JSON.stringify(name)};`),
    `option go_package = ${JSON.stringify(goPackage)};`,
    `option java_multiple_files = ${javaMultipleFiles};`,
    `option java_outer_classname = ${JSON.stringify(javaOuterClassname)};`,
    `option java_package = ${JSON.stringify(javaPackage)};`,
    ...file.extensions.map(printExtension),
    ...file.messages.map(printMessage),
    ...file.enums.map(printEnum),
    "",
  ].join("\n");
}

function printExtension(extension: DescExtension): string {
  return `extend ${extension.extendee.typeName} {\n${printField(extension)}\n}`;
}

function printMessage(message: DescMessage): string {
  const inOneof = new Set(message.oneofs.flatMap((oneof) => oneof.fields));
  return [
    `message ${message.name} {`,
    ...message.oneofs.map((o) => `oneof ${o.name} {\n${o.fields.map((f) => printField(f, true)).join("\n")}\n}`),
    ...message.fields.filter((field) => !inOneof.has(field)).map((field) => printField(field)),
    ...message.proto.extensionRange.map(({ start, end }) => `extensions ${start} to ${printRangeEnd(end)};`),
    ...message.proto.reservedRange.map(({ start, end }) => `reserved ${start} to ${(end ?? 0) - 1};`),
    ...message.proto.reservedName.map((name) => `reserved ${JSON.stringify(name)};`),
    "}",
  ].join("\n");
}

// The end of a range is exclusive in a descriptor and inclusive in source.
function printRangeEnd(end: number | undefined): string {
  return end === undefined || end > 536870911 ? "max" : String(end - 1);
}

function printField(field: DescField | DescExtension, bare = false): string {
  const label = bare || field.fieldKind === "map" ? "" : field.fieldKind === "list" ? "repeated " : "optional ";
  const options = printOptions(field);
  return `${label}${printType(field)} ${field.name} = ${field.number}${options};`;
}

function printType(field: DescField | DescExtension): string {
  if (field.fieldKind === "map") {
    const value = field.message?.typeName ?? field.enum?.typeName ?? ScalarType[field.scalar ?? 0]?.toLowerCase();
    return `map<${ScalarType[field.mapKey].toLowerCase()}, ${value}>`;
  }
  if (field.message) return `.${field.message.typeName}`;
  if (field.enum) return `.${field.enum.typeName}`;
  return ScalarType[field.scalar ?? 0]?.toLowerCase() ?? "";
}

function printOptions(field: DescField | DescExtension): string {
  const options: string[] = [];
  if (field.proto.options?.deprecated) options.push("deprecated = true");
  for (const unknown of field.proto.options?.$unknown ?? []) {
    if (unknown.no !== PREDEFINED) throw new Error(`${field} has an option that is not printed: ${unknown.no}`);
    options.push(`(predefined) = ${printPredefined(fromBinary(PredefinedRulesSchema, skipLength(unknown.data)))}`);
  }
  return options.length === 0 ? "" : ` [${options.join(", ")}]`;
}

function printPredefined({ cel }: PredefinedRules): string {
  const rules = cel.map((rule) => {
    const message = rule.message === "" ? "" : `, message: ${JSON.stringify(rule.message)}`;
    return `{id: ${JSON.stringify(rule.id)}${message}, expression: ${JSON.stringify(rule.expression)}}`;
  });
  return `{cel: [${rules.join(", ")}]}`;
}

// An unknown length-delimited field keeps its length prefix, a varint.
function skipLength(data: Uint8Array): Uint8Array {
  return data.subarray(data.findIndex((byte) => byte < 0x80) + 1);
}

function printEnum(desc: DescEnum): string {
  const alias = desc.proto.options?.allowAlias ? "option allow_alias = true;\n" : "";
  const values = desc.values.map((v) => `${v.name} = ${v.number};`);
  const reserved = desc.proto.reservedRange.map(({ start, end }) => `reserved ${start} to ${end};`);
  return `enum ${desc.name} {\n${alias}${[...values, ...reserved].join("\n")}\n}`;
}
