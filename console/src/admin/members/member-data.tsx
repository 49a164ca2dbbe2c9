// The rights of a person on what is stored of it: a copy of all, and the erasure of all.
import { createClient, type Transport } from "@connectrpc/connect";
import { useQuery } from "@connectrpc/connect-query";
import { Alert, Button, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ErasureService, type PreviewErasureResponse } from "../../../../gen/colloquy/v1/erasure_service_pb.ts";
import { TransferService } from "../../../../gen/colloquy/v1/transfer_service_pb.ts";
import { useChange } from "../../api/use-change.ts";
import { useServices } from "../../app/services.ts";
import { adminText } from "../../strings/admin.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { amount } from "../../ui/amounts.ts";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { Loading } from "../../ui/loading.tsx";
import { save } from "../../ui/save.ts";

const words = adminText.members;

export function ExportMember({ memberId }: { memberId: string }) {
  const { transport } = useServices();
  const exporting = useMutation({
    mutationFn: () => save(`${memberId}.zip`, "application/zip", () => exported(transport, memberId)),
  });
  return (
    <>
      <Button size="xs" variant="default" loading={exporting.isPending} onClick={() => exporting.mutate()}>
        {words.export}
      </Button>
      {exporting.isError && <FailureNotice error={exporting.error} onRetry={() => exporting.mutate()} />}
    </>
  );
}

async function* exported(transport: Transport, memberId: string) {
  for await (const { body } of createClient(TransferService, transport).exportMember({ memberId })) {
    if (body !== undefined) yield new Uint8Array(body.data);
  }
}

export function EraseMember({ memberId }: { memberId: string }) {
  const erasing = useChange(ErasureService.method.eraseMember);
  const [typed, setTyped] = useState("");
  const [isUnconfirmed, setIsUnconfirmed] = useState(false);
  return (
    <ActionButton
      label={words.erase}
      title={words.eraseTitle(memberId)}
      explanation={words.eraseExplained}
      isDangerous
      running={erasing}
      act={(_, done) => {
        setIsUnconfirmed(typed !== memberId);
        if (typed === memberId) erasing.mutate({ memberId }, { onSuccess: done });
      }}
    >
      <ErasurePreview memberId={memberId} />
      <TextInput
        label={words.eraseConfirm(memberId)}
        value={typed}
        onChange={({ currentTarget }) => setTyped(currentTarget.value)}
        error={isUnconfirmed && words.eraseUnconfirmed}
        autoComplete="off"
        required
      />
    </ActionButton>
  );
}

function ErasurePreview({ memberId }: { memberId: string }) {
  const found = useQuery(ErasureService.method.previewErasure, { memberId }, { staleTime: 0 });
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  return (
    <Alert color="red" role="status">
      {effectsOf(found.data).map(([name, count]) => (
        <Text key={name} size="sm">
          {name}: {amount(count)}
        </Text>
      ))}
    </Alert>
  );
}

/** What an erasure would do, in the order of the response. */
function effectsOf(preview: PreviewErasureResponse): readonly (readonly [name: string, count: bigint])[] {
  return Object.entries(words.effects).map(([field, name]) => [name, preview[field as keyof typeof words.effects]]);
}
