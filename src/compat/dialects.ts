// Every dialect there is.
import { createAssistant } from "./assistant/dialect.ts";
import { createCallcenter } from "./callcenter.ts";
import { createCrm } from "./crm/crm.ts";
import type { CreateDialect, DialectName } from "./dialect.ts";
import { createHelpdesk } from "./helpdesk/dialect.ts";
import { createWorkorder } from "./workorder.ts";

export const DIALECTS: Readonly<Partial<Record<DialectName, CreateDialect>>> = {
  callcenter: createCallcenter,
  crm: createCrm,
  assistant: createAssistant,
  workorder: createWorkorder,
  helpdesk: createHelpdesk,
};
