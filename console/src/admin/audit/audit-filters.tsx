// The filters of the audit log.
import { Button, Group, NativeSelect, TextInput } from "@mantine/core";
import type { FormEvent } from "react";
import { adminText } from "../../strings/admin.ts";
import { text } from "../../strings/en.ts";
import { type AuditSearch, readAuditSearch } from "./audit-search.ts";

const words = adminText.audit;
const TYPES = Object.entries(words.actorTypes).map(([value, label]) => ({ value, label }));

export function AuditFilters({ search, onChange }: { search: AuditSearch; onChange: (next: AuditSearch) => void }) {
  const apply = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = readAuditSearch(Object.fromEntries(new FormData(event.currentTarget)));
    // A kind of actor without one filters nothing.
    const { actorType: _kind, ...rest } = form;
    onChange(form.actor === undefined ? rest : form);
  };
  return (
    <form onSubmit={apply} aria-label={words.filters}>
      <Group gap="xs" align="flex-end" mb="md">
        <TextInput {...FIELD} name="actor" label={words.actorId} defaultValue={search.actor} />
        <NativeSelect
          {...FIELD}
          name="actorType"
          label={words.actorType}
          data={TYPES}
          defaultValue={search.actorType}
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
        <TextInput {...FIELD} name="from" label={text.common.from} type="datetime-local" defaultValue={search.from} />
        <TextInput {...FIELD} name="to" label={text.common.to} type="datetime-local" defaultValue={search.to} />
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
