// The filters of the audit log.
import { Button, Group, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { adminText } from "../../strings/admin.ts";
import { text } from "../../strings/en.ts";
import { useKeyNames } from "../../ui/actor-name.tsx";
import { toInstant, toLocal } from "../../ui/local-time.ts";
import { type AuditSearch, readAuditSearch } from "./audit-search.ts";

const words = adminText.audit;
const TYPES = [
  { value: "", label: text.common.any },
  ...Object.entries(words.actorTypes).map(([value, label]) => ({ value, label })),
];
/** The parts of the system that act, as `Actor.id` has them. */
const SYSTEM = ["server", "command", "bootstrap"];

export function AuditFilters({ search, onChange }: { search: AuditSearch; onChange: (next: AuditSearch) => void }) {
  const keys = useKeyNames();
  const [kind, setKind] = useState(search.actorType ?? "");
  const apply = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = Object.fromEntries(new FormData(event.currentTarget));
    const { actor, actorType, ...rest } = readAuditSearch({
      ...form,
      from: toInstant(form.from),
      to: toInstant(form.to),
    });
    // The contract wants the kind of an actor: it is found, and the form then shows it. The name of a key stands for
    // its id.
    const key = [...keys].find(([id, name]) => id === actor || (name === actor && actorType === "API_KEY"));
    if (actor === undefined) onChange(rest);
    else if (key !== undefined) onChange({ ...rest, actorType: "API_KEY", actor: key[0] });
    else onChange({ ...rest, actorType: actorType ?? (SYSTEM.includes(actor) ? "SYSTEM" : "MEMBER"), actor });
  };
  return (
    <form onSubmit={apply} aria-label={words.filters}>
      <Group gap="xs" align="flex-end" mb="md">
        <TextInput {...FIELD} name="actor" label={words.actorId} defaultValue={search.actor} required={kind !== ""} />
        <NativeSelect
          {...FIELD}
          name="actorType"
          label={words.actorType}
          data={TYPES}
          value={kind}
          onChange={({ currentTarget }) => setKind(currentTarget.value)}
        />
        <TextInput
          {...FIELD}
          name="action"
          label={words.action}
          placeholder={words.actionHint}
          defaultValue={search.action}
        />
        <TextInput
          {...FIELD}
          name="type"
          label={words.resourceType}
          placeholder={words.resourceTypeHint}
          defaultValue={search.type}
        />
        <TextInput {...FIELD} name="id" label={words.resourceId} defaultValue={search.id} />
        <TextInput
          {...FIELD}
          name="from"
          label={text.common.from}
          type="datetime-local"
          defaultValue={toLocal(search.from)}
        />
        <TextInput
          {...FIELD}
          name="to"
          label={text.common.to}
          type="datetime-local"
          defaultValue={toLocal(search.to)}
        />
        <Button type="submit" size="xs">
          {text.common.filter}
        </Button>
        {Object.keys(search).length > 0 && (
          <Button size="xs" variant="default" onClick={() => onChange({})}>
            {text.common.clear}
          </Button>
        )}
      </Group>
    </form>
  );
}

const FIELD = { size: "xs" } as const;
