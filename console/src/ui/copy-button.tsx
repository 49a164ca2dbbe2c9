// Copies a text.
import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { text } from "../strings/en.ts";

export function CopyButton({ value, label = text.copy.copy }: { value: string; label?: string }) {
  const clipboard = useClipboard({ timeout: 1_500 });
  return (
    <Button variant="default" size="compact-xs" onClick={() => clipboard.copy(value)}>
      {clipboard.copied ? text.copy.copied : label}
    </Button>
  );
}
