// Every dialect there is.
import type { DialectName } from "../domain/settings/dialect-names.ts";
import { createAssistant } from "./assistant/dialect.ts";
import { createCallcenter } from "./callcenter/dialect.ts";
import { createCrm } from "./crm/dialect.ts";
import { createHelpdesk } from "./helpdesk/dialect.ts";
import { createOpenAi } from "./openai/dialect.ts";
import type { CreateDialect } from "./shared/dialect.ts";
import { createWorkorder } from "./workorder/dialect.ts";

export const DIALECTS: Readonly<Partial<Record<DialectName, CreateDialect>>> = {
  callcenter: createCallcenter,
  crm: createCrm,
  assistant: createAssistant,
  workorder: createWorkorder,
  helpdesk: createHelpdesk,
  openai: createOpenAi,
};
