// The parts of a message, each as what it is.
import { Anchor, Text } from "@mantine/core";
import { use } from "react";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { Annotation, Part, ToolResultPart } from "../../../../gen/colloquy/v1/part_pb.ts";
import { text } from "../../strings/en.ts";
import { FilePartView } from "./file-part.tsx";
import { Fold, Source } from "./fold.tsx";
import { MarkdownText } from "./markdown-text.tsx";
import { ToolNamesContext } from "./tool-names.ts";

const words = text.conversation;

export function MessageContent({ message }: { message: Message }) {
  if (message.parts.length === 0) return <MarkdownText source={message.content} />;
  return message.parts.map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts are never moved, and few have an id
    <PartView key={index} part={part} />
  ));
}

function PartView({ part: { content } }: { part: Part }) {
  switch (content.case) {
    case "text":
      return (
        <>
          <MarkdownText source={content.value.text} />
          <Citations annotations={content.value.annotations} />
        </>
      );
    case "reasoning": {
      const { text: thoughts = "", summary } = content.value;
      return (
        <Fold title={words.reasoning}>
          <MarkdownText source={[...summary, thoughts].filter((one) => one !== "").join("\n\n")} />
        </Fold>
      );
    }
    case "toolCall":
      return (
        <Fold title={words.call(content.value.title || content.value.name || "")}>
          <Source text={content.value.arguments ?? ""} />
        </Fold>
      );
    case "toolResult":
      return <ToolResult result={content.value} />;
    case "approvalRequest":
      return (
        <Approval id={content.value.callId || content.value.approvalId}>
          {(tool) => words.approvalAsked(tool, content.value.reason ?? "")}
        </Approval>
      );
    case "approvalResponse":
      return (
        <Approval id={content.value.approvalId}>
          {(tool) => (content.value.granted ? words.granted(tool) : words.denied(tool, content.value.reason ?? ""))}
        </Approval>
      );
    case "file":
      return <FilePartView file={content.value} />;
    case "source": {
      const { origin, title } = content.value;
      const name = title ?? (origin.case === "document" ? origin.value.filename : origin.value) ?? words.source;
      return <Reference url={origin.case === "url" ? origin.value : undefined}>{name}</Reference>;
    }
    case "data":
      return (
        <Fold title={words.data(content.value.name ?? "")}>
          <Source text={content.value.json ?? ""} />
        </Fold>
      );
    case "refusal":
      return (
        <Text size="sm" c="var(--mantine-color-error)" dir="auto">
          {words.refusal(content.value.text ?? "")}
        </Text>
      );
    case "opaque":
      return (
        <Fold title={words.data(content.value.format ?? "")}>
          <Source text={content.value.json ?? ""} />
        </Fold>
      );
    default:
      return null;
  }
}

/** What is said of an approval, with the name of the tool where the log has its call. */
function Approval({ id = "", children }: { id: string | undefined; children: (tool: string) => string }) {
  const names = use(ToolNamesContext);
  return (
    <Text size="sm" dir="auto">
      {children(names.get(id) ?? "")}
    </Text>
  );
}

function ToolResult({ result: { callId = "", output, isError } }: { result: ToolResultPart }) {
  const tool = use(ToolNamesContext).get(callId) ?? "";
  return (
    <Fold title={isError ? words.resultFailed(tool) : words.result(tool)}>
      {output.case === "parts"
        ? output.value.parts.map((part, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            <PartView key={index} part={part} />
          ))
        : output.case !== undefined && <Source text={output.value} />}
    </Fold>
  );
}

function Citations({ annotations }: { annotations: readonly Annotation[] }) {
  const cited = annotations.flatMap(({ target }) => {
    if (target.case === "url") return [{ name: target.value.title ?? target.value.url ?? "", url: target.value.url }];
    if (target.case === "file") return [{ name: target.value.filename ?? target.value.fileId ?? "", url: undefined }];
    return [];
  });
  if (cited.length === 0) return null;
  return (
    <Text size="sm" component="div">
      {words.sources}{" "}
      {cited.map(({ name, url }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a page may be cited twice
        <Reference key={index} url={url}>
          [{index + 1}] {name}{" "}
        </Reference>
      ))}
    </Text>
  );
}

/** A link if it leads to the web; anything else is only text. */
function Reference({ url, children }: { url: string | undefined; children: React.ReactNode }) {
  if (url === undefined || !/^https?:\/\//i.test(url)) return <span>{children}</span>;
  return (
    <Anchor href={url} target="_blank" rel="noopener noreferrer nofollow" size="sm" underline="always">
      {children}
    </Anchor>
  );
}
