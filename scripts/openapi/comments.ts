// Reads the comments of a contract from the source info that a compiler left in its descriptors.
import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from "@bufbuild/protobuf";

type Described = DescEnum | DescEnumValue | DescField | DescMessage | DescMethod | DescService;

/** Gives the leading comment of an element as plain paragraphs, or "" where the descriptor carries none. */
export type Comments = (desc: Described) => string;

// The field numbers in descriptor.proto of which a SourceCodeInfo path is made.
const FILE_MESSAGE = 4;
const FILE_ENUM = 5;
const FILE_SERVICE = 6;
const MESSAGE_FIELD = 2;
const MESSAGE_NESTED = 3;
const MESSAGE_ENUM = 4;
const SERVICE_METHOD = 2;
const ENUM_VALUE = 2;

/** A reader of comments. It indexes each file once, when the first of its elements is asked for. */
export function createComments(): Comments {
  const files = new Map<DescFile, ReadonlyMap<string, string>>();
  return (desc) => {
    const file = fileOf(desc);
    let index = files.get(file);
    if (index === undefined) {
      index = indexFile(file);
      files.set(file, index);
    }
    return index.get(pathOf(desc).join(".")) ?? "";
  };
}

/**
 * The first sentence of an element's comment, without the element's name. By convention a comment begins with it:
 * "GetBook reads a book." becomes "Reads a book."
 */
export function leadingSentence(desc: DescMessage | DescMethod, comments: Comments): string {
  const { summary } = splitComment(comments(desc));
  if (summary === "") return "";
  const text = summary.startsWith(`${desc.name} `) ? summary.slice(desc.name.length + 1) : summary;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The first sentence of a comment and what follows it. */
export function splitComment(comment: string): { summary: string; rest: string } {
  const end = /[.!?](?=\s|$)/.exec(comment);
  if (end === null) return { summary: comment, rest: "" };
  return { summary: comment.slice(0, end.index), rest: comment.slice(end.index + 1).trim() };
}

function indexFile(file: DescFile): ReadonlyMap<string, string> {
  const index = new Map<string, string>();
  for (const location of file.proto.sourceCodeInfo?.location ?? []) {
    const comment = plain(location.leadingComments || location.trailingComments);
    if (comment !== "") index.set(location.path.join("."), comment);
  }
  return index;
}

// Lines of one paragraph are joined; blank lines and lists keep their breaks.
function plain(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.replace(/^ /, "").trimEnd())
    .join("\n")
    .trim()
    .replace(/([^\n])\n(?!\n|[-*] |\d+\. | {2,})/g, "$1 ");
}

function fileOf(desc: Described): DescFile {
  if (desc.kind === "enum_value" || desc.kind === "field" || desc.kind === "rpc") return desc.parent.file;
  return desc.file;
}

function pathOf(desc: Described): number[] {
  switch (desc.kind) {
    case "service":
      return [FILE_SERVICE, desc.file.services.indexOf(desc)];
    case "rpc":
      return [...pathOf(desc.parent), SERVICE_METHOD, desc.parent.methods.indexOf(desc)];
    case "enum_value":
      return [...pathOf(desc.parent), ENUM_VALUE, desc.parent.values.indexOf(desc)];
    case "field":
      return [...pathOf(desc.parent), MESSAGE_FIELD, desc.parent.fields.indexOf(desc)];
    case "enum":
      return desc.parent === undefined
        ? [FILE_ENUM, desc.file.enums.indexOf(desc)]
        : [...pathOf(desc.parent), MESSAGE_ENUM, desc.parent.nestedEnums.indexOf(desc)];
    case "message":
      return desc.parent === undefined
        ? [FILE_MESSAGE, desc.file.messages.indexOf(desc)]
        : [...pathOf(desc.parent), MESSAGE_NESTED, nestedIndex(desc)];
  }
}

// A map field has a nested entry message in the file's descriptor, which nestedMessages leaves out.
function nestedIndex(desc: DescMessage): number {
  return desc.parent?.proto.nestedType.indexOf(desc.proto) ?? -1;
}
