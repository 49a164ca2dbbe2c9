// Makes a policy, once its maker has seen what it would do.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { useMutation } from "@connectrpc/connect-query";
import { Alert, Button, NativeSelect, TextInput } from "@mantine/core";
import { useRef, useState } from "react";
import {
  RetentionAction,
  RetentionBasis,
  type RetentionPolicySchema,
} from "../../../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../../../gen/colloquy/v1/retention_service_pb.ts";
import { useChange } from "../../api/use-change.ts";
import { text } from "../../strings/en.ts";
import { operationsText } from "../../strings/operations.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { amount } from "../../ui/amounts.ts";
import { type FormFields, fieldsOf } from "../../ui/dialog-form.tsx";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { choicesOf } from "../../ui/word-of.ts";
import { MatchFields } from "../match-fields.tsx";
import { matchFrom } from "../match-from.ts";

const words = operationsText.retention;

export function CreatePolicy() {
  const creating = useChange(RetentionService.method.createRetentionPolicy);
  const [action, setAction] = useState(String(RetentionAction.DELETE));
  return (
    <ActionButton
      label={words.create}
      submit={text.common.create}
      isPrimary
      running={creating}
      act={(fields, done) => creating.mutate({ retentionPolicy: policyFrom(fields) }, { onSuccess: done })}
    >
      <TextInput name="name" label={words.name} required maxLength={200} data-autofocus />
      <MatchFields />
      <NativeSelect
        name="action"
        label={words.action}
        data={choicesOf(RetentionAction, words.actions)}
        value={action}
        onChange={({ currentTarget }) => setAction(currentTarget.value)}
      />
      {action !== String(RetentionAction.KEEP) && (
        <>
          <TextInput name="age" label={words.age} required type="number" min={1} max={36500} />
          <NativeSelect name="basis" label={words.basis} data={choicesOf(RetentionBasis, words.bases)} />
        </>
      )}
      <TextInput name="priority" label={words.priority} description={words.priorityHint} type="number" />
      <Preview />
    </ActionButton>
  );
}

function Preview() {
  const button = useRef<HTMLButtonElement>(null);
  const previewing = useMutation(RetentionService.method.previewRetentionPolicy);
  const preview = () => {
    const form = button.current?.form;
    if (form?.reportValidity()) previewing.mutate({ retentionPolicy: policyFrom(fieldsOf(form)) });
  };
  return (
    <>
      <Button ref={button} variant="default" size="xs" loading={previewing.isPending} onClick={preview}>
        {words.preview}
      </Button>
      <div role="status">
        {previewing.data !== undefined && (
          <Alert>
            {words.previewed(
              amount(previewing.data.conversationCount),
              amount(previewing.data.messageCount),
              amount(previewing.data.heldCount),
            )}
          </Alert>
        )}
      </div>
      {previewing.isError && <FailureNotice error={previewing.error} />}
    </>
  );
}

function policyFrom(fields: FormFields): MessageInitShape<typeof RetentionPolicySchema> {
  const whole = (name: string) => Math.trunc(Number(fields.one(name))) || 0;
  const match = matchFrom(fields);
  return {
    displayName: fields.one("name"),
    // Without one it is about all.
    ...(match !== undefined && { match }),
    action: whole("action") as RetentionAction,
    basis: whole("basis") as RetentionBasis,
    ageDays: whole("age"),
    priority: whole("priority"),
  };
}
