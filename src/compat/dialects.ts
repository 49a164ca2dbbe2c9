// Every dialect there is.
import { createAssistant } from "./assistant/dialect.ts";
import type { CreateDialect, DialectName } from "./dialect.ts";
import { createHelpdesk } from "./helpdesk/dialect.ts";

export const DIALECTS: Readonly<Partial<Record<DialectName, CreateDialect>>> = {
  assistant: createAssistant,
  helpdesk: createHelpdesk,
};
