// Adds members, changes and deletes them.
import { createClient } from "@connectrpc/connect";
import { NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { DirectoryService } from "../../../../gen/colloquy/v1/directory_service_pb.ts";
import { type Member, MemberRole } from "../../../../gen/colloquy/v1/member_pb.ts";
import { useChange } from "../../api/use-change.ts";
import { useServices } from "../../app/services.ts";
import { useAccess } from "../../auth/use-access.ts";
import { adminText } from "../../strings/admin.ts";
import { text } from "../../strings/en.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import type { FormFields } from "../../ui/dialog-form.tsx";
import { KeptEtag } from "../../ui/kept-etag.tsx";
import { choicesOf } from "../../ui/word-of.ts";

const words = adminText.members;

export function AddMember() {
  const saving = useSave();
  return (
    <ActionButton
      label={words.add}
      submit={words.add}
      isPrimary
      running={saving}
      act={(fields, done) => saving.mutate({ fields }, { onSuccess: done })}
    >
      <TextInput name="id" label={words.id} description={words.idHint} required maxLength={128} data-autofocus />
      <MemberFields />
    </ActionButton>
  );
}

export function EditMember({ member }: { member: Member }) {
  const saving = useSave();
  return (
    <ActionButton
      label={text.common.edit}
      title={words.edit(member.id)}
      submit={text.common.save}
      running={saving}
      act={(fields, done) => saving.mutate({ fields, member }, { onSuccess: done })}
    >
      <MemberFields member={member} />
    </ActionButton>
  );
}

export function DeleteMember({ member: { id, etag } }: { member: Member }) {
  const deleting = useChange(DirectoryService.method.deleteMember);
  return (
    <ActionButton
      label={words.delete}
      title={words.deleteTitle(id)}
      explanation={words.deleteExplained}
      isDangerous
      running={deleting}
      act={(_, done) => deleting.mutate({ memberId: id, etag }, { onSuccess: done })}
    />
  );
}

function MemberFields({ member }: { member?: Member }) {
  const access = useAccess();
  // Nobody gives a role above the own one. A key by itself has none, and its scope lets it give any below super
  // administrator.
  const most = access.role || MemberRole.ADMIN;
  const roles = choicesOf(MemberRole, adminText.roles).filter(({ value }) => Number(value) <= most);
  return (
    <>
      {member !== undefined && <KeptEtag value={member.etag} />}
      <TextInput name="name" label={words.name} defaultValue={member?.displayName} maxLength={200} />
      <NativeSelect
        name="role"
        label={words.role}
        data={roles}
        defaultValue={String(member?.role || MemberRole.MEMBER)}
      />
      <TextInput
        name="manager"
        label={words.manager}
        description={words.managerHint}
        defaultValue={member?.managerId}
        maxLength={128}
      />
    </>
  );
}

function useSave() {
  const { transport } = useServices();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ fields, member }: { fields: FormFields; member?: Member }) => {
      const directory = createClient(DirectoryService, transport);
      const memberId = member?.id ?? fields.one("id");
      const managerId = fields.one("manager");
      const next = { displayName: fields.one("name"), role: Number(fields.one("role")) as MemberRole, managerId };
      await directory.upsertMember({ memberId, member: next, etag: fields.one("etag") });
      // An upsert leaves the manager as it is where none is given.
      if (managerId === "" && member !== undefined && member.managerId !== "") {
        await directory.setMemberManager({ memberId, managerId: "" });
      }
    },
    onSettled: () => queries.invalidateQueries(),
  });
}
