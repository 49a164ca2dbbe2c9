// Every dialect there is.
import { createAssistant } from "./assistant/dialect.ts";
import { createCallcenter } from "./callcenter/dialect.ts";
import { createCrm } from "./crm/dialect.ts";
import { createHelpdesk } from "./helpdesk/dialect.ts";
import type { CreateDialect, DialectName } from "./shared/dialect.ts";
import { createWorkorder } from "./workorder/dialect.ts";

export const DIALECTS: Readonly<Partial<Record<DialectName, CreateDialect>>> = {
  callcenter: createCallcenter,
  crm: createCrm,
  assistant: createAssistant,
  workorder: createWorkorder,
  helpdesk: createHelpdesk,
};
