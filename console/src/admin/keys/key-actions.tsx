// Makes API keys, rotates and revokes them. The text of a key is handed on once.
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Checkbox, Group, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { AccessService } from "../../../../gen/colloquy/v1/access_service_pb.ts";
import { type ApiKey, ApiKeyScope } from "../../../../gen/colloquy/v1/api_key_pb.ts";
import { useChange } from "../../api/use-change.ts";
import { adminText } from "../../strings/admin.ts";
import { text } from "../../strings/en.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { choicesOf } from "../../ui/word-of.ts";

const words = adminText.keys;
const DAY_MS = 24 * 60 * 60 * 1000;

type OnSecret = (text: string) => void;

export function CreateKey({ onSecret }: { onSecret: OnSecret }) {
  const creating = useChange(AccessService.method.createApiKey, (response) => onSecret(response.text));
  return (
    <ActionButton
      label={words.create}
      submit={text.common.create}
      isPrimary
      running={creating}
      act={(fields, done) => {
        const days = Number(fields.one("days"));
        const apiKey = {
          displayName: fields.one("name"),
          scopes: fields.all("scopes").map((scope) => Number(scope) as ApiKeyScope),
          ...(days > 0 && { expireTime: timestampFromMs(Number(fields.one("opened")) + days * DAY_MS) }),
        };
        creating.mutate({ apiKey }, { onSuccess: done });
      }}
    >
      <OpeningTime />
      <TextInput name="name" label={words.name} description={words.nameHint} maxLength={200} data-autofocus />
      <Checkbox.Group label={words.scopes} description={words.scopeHint}>
        <Group mt="xs">
          {choicesOf(ApiKeyScope, words.scope).map(({ value, label }) => (
            <Checkbox key={value} name="scopes" value={value} label={label} />
          ))}
        </Group>
      </Checkbox.Group>
      <TextInput name="days" label={words.expires} description={words.expiresHint} type="number" min={1} />
    </ActionButton>
  );
}

/** A hidden field `opened`: the time from which the days of a key count, so that a retry asks for the same key. */
function OpeningTime() {
  const [first] = useState(Date.now);
  return <input type="hidden" name="opened" value={first} />;
}

export function RotateKey({ apiKey: { id, displayName }, onSecret }: { apiKey: ApiKey; onSecret: OnSecret }) {
  const rotating = useChange(AccessService.method.rotateApiKey, (response) => onSecret(response.text));
  return (
    <ActionButton
      label={words.rotate}
      title={words.rotateTitle(displayName || id)}
      explanation={words.rotateExplained}
      running={rotating}
      act={(fields, done) => {
        const overlap = durationFromMs(Number(fields.one("overlap")) * 1_000);
        rotating.mutate({ apiKeyId: id, overlap }, { onSuccess: done });
      }}
    >
      <NativeSelect
        name="overlap"
        label={words.overlap}
        data={words.overlaps.map(([value, label]) => ({ value, label }))}
      />
    </ActionButton>
  );
}

export function RevokeKey({ apiKey: { id, displayName } }: { apiKey: ApiKey }) {
  const revoking = useChange(AccessService.method.revokeApiKey);
  return (
    <ActionButton
      label={words.revoke}
      title={words.revokeTitle(displayName || id)}
      explanation={words.revokeExplained}
      isDangerous
      running={revoking}
      act={(_, done) => revoking.mutate({ apiKeyId: id }, { onSuccess: done })}
    />
  );
}
