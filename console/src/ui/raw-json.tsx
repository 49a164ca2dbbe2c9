// A message of the contract as the API's JSON, folded.
import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { Code } from "@mantine/core";
import { useMemo, useState } from "react";
import { text } from "../strings/en.ts";
import { CopyButton } from "./copy-button.tsx";

export function RawJson<D extends DescMessage>({ schema, message }: { schema: D; message: MessageShape<D> }) {
  const [isOpen, setIsOpen] = useState(false);
  const json = useMemo(
    () => (isOpen ? JSON.stringify(toJson(schema, message), undefined, 2) : ""),
    [isOpen, schema, message],
  );
  return (
    <details style={{ marginTop: 6 }} onToggle={({ currentTarget }) => setIsOpen(currentTarget.open)}>
      <summary style={{ cursor: "pointer", fontSize: 13 }}>{text.common.json}</summary>
      {isOpen && (
        <>
          <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", margin: "6px 0" }}>
            {json}
          </Code>
          <CopyButton value={json} />
        </>
      )}
    </details>
  );
}
