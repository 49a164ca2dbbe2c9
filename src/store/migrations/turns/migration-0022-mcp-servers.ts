// The MCP servers whose tools an agent may call, as JSON.
import { Migration } from "@mikro-orm/migrations";

export class McpServersMigration extends Migration {
  override up(): void {
    this.addSql("alter table agent add column mcp_servers jsonb");
  }
}
