// Checks the chain of hashes of the audit log, and saves the log as a file.
import { type MessageShape, toJsonString } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { Alert, Button, Group, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { AuditEntrySchema } from "../../../../gen/colloquy/v1/audit_entry_pb.ts";
import {
  AuditBreak_Kind,
  AuditService,
  type VerifyAuditResponseSchema,
} from "../../../../gen/colloquy/v1/audit_service_pb.ts";
import { useServices } from "../../app/services.ts";
import { adminText } from "../../strings/admin.ts";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { save } from "../../ui/save.ts";
import { wordOf } from "../../ui/word-of.ts";

const words = adminText.audit.chain;
type Verified = MessageShape<typeof VerifyAuditResponseSchema>;

export function AuditChain() {
  const { transport } = useServices();
  const [done, setDone] = useState(0n);
  const verifying = useMutation({ mutationFn: () => verified(transport, setDone) });
  const exporting = useMutation({
    mutationFn: () => save("audit.ndjson", "application/x-ndjson", () => exported(transport, setDone)),
  });
  const begin = ({ mutate }: { mutate(): void }) => {
    setDone(0n);
    mutate();
  };
  const isBusy = verifying.isPending || exporting.isPending;
  const error = verifying.error ?? exporting.error;
  return (
    <>
      <Group gap="xs" mb="sm">
        {[["verify", verifying] as const, ["export", exporting] as const].map(([name, work]) => (
          <Button
            key={name}
            size="xs"
            variant="default"
            disabled={isBusy}
            loading={work.isPending}
            onClick={() => begin(work)}
          >
            {words[name]}
          </Button>
        ))}
        <Text size="sm" role="status">
          {isBusy && words.soFar(done)}
        </Text>
      </Group>
      {verifying.data !== undefined && <Outcome verified={verifying.data} />}
      {error !== null && <FailureNotice error={error} />}
    </>
  );
}

function Outcome({ verified: { break: broken, entryCount, erasedCount } }: { verified: Verified }) {
  if (broken === undefined) {
    return (
      <Alert mb="sm" role="status">
        {words.whole(entryCount, erasedCount)}
      </Alert>
    );
  }
  return (
    <Alert color="red" mb="sm" role="alert" title={words.broken}>
      {words.brokenAt(broken.sequence, wordOf(AuditBreak_Kind, broken.kind, words.kinds), broken.auditEntryId)}
    </Alert>
  );
}

/** To the end of the chain, or to where it is broken; the counts are of all calls. */
async function verified(transport: Transport, onProgress: (entries: bigint) => void): Promise<Verified> {
  const audit = createClient(AuditService, transport);
  let entryCount = 0n;
  let erasedCount = 0n;
  let place = {};
  for (;;) {
    const response = await audit.verifyAudit(place);
    entryCount += response.entryCount;
    erasedCount += response.erasedCount;
    onProgress(entryCount);
    if (response.complete || response.break !== undefined) return { ...response, entryCount, erasedCount };
    place = { afterSequence: response.lastSequence, afterHash: response.lastHash };
  }
}

/** One entry of JSON a line. */
async function* exported(transport: Transport, onProgress: (entries: bigint) => void) {
  let entries = 0n;
  for await (const { auditEntry } of createClient(AuditService, transport).exportAuditEntries({})) {
    if (auditEntry === undefined) continue;
    yield `${toJsonString(AuditEntrySchema, auditEntry, { useProtoFieldName: true })}\n`;
    if (++entries % 1_000n === 0n) onProgress(entries);
  }
}
