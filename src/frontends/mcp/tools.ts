// The tools, in the order in which they are listed.
import { askTool } from "./ask.ts";
import { listTool, readTool, searchTool } from "./reading.ts";
import type { Tool } from "./tool.ts";
import { appendTool, createTool } from "./writing.ts";

export const TOOLS: readonly Tool[] = [listTool, readTool, searchTool, createTool, appendTool, askTool];
