// Says what failed, with the request id by which the server's log names it.
import { Alert, Button, Code, Group, Text } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { failureOf } from "../api/failure.ts";
import { useServices } from "../app/services.ts";
import { text } from "../strings/en.ts";
import { CopyButton } from "./copy-button.tsx";

export interface FailureNoticeProps {
  readonly error: unknown;
  readonly onRetry?: () => void;
}

export function FailureNotice({ error, onRetry }: FailureNoticeProps) {
  const { connection } = useServices();
  const isLost = useSyncExternalStore(connection.subscribe, connection.isLost);
  const { message, requestId } = failureOf(error, isLost);
  return (
    <Alert color="red" variant="light" role="alert" title={text.failure.title} my="sm" mx="var(--notice-inset, 12px)">
      <Text size="sm">{message}</Text>
      {requestId !== undefined && (
        <Group gap="xs" mt="xs">
          <Text size="xs">{text.failure.requestId}</Text>
          <Code>{requestId}</Code>
          <CopyButton value={requestId} />
        </Group>
      )}
      {onRetry !== undefined && (
        <Button mt="sm" size="xs" variant="default" onClick={onRetry}>
          {text.failure.retry}
        </Button>
      )}
    </Alert>
  );
}
