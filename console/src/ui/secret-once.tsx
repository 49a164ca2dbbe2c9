// A secret that the server tells once: the dialog is left by its button alone.
import { Button, Code, Group, Modal, Stack, Text } from "@mantine/core";
import { text } from "../strings/en.ts";
import { CopyButton } from "./copy-button.tsx";

export function SecretOnce({ secret, onClose }: { secret: string | undefined; onClose: () => void }) {
  return (
    <Modal
      opened={secret !== undefined}
      onClose={onClose}
      title={text.common.secretTitle}
      lockScroll={false}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <Stack gap="sm">
        <Text size="sm">{text.common.secretHint}</Text>
        <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {secret}
        </Code>
        <Group justify="space-between">
          <CopyButton value={secret ?? ""} />
          <Button onClick={onClose}>{text.common.close}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
