/* The sub-commands that are not the server. */
#ifndef VIADUCT_CLI_CLI_H
#define VIADUCT_CLI_CLI_H

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* viaduct flows [--follow] [--json] [-n COUNT] [--data DIR] [-c FILE]; argv begins behind the sub-command's name. */
int cli_flows(int argc, char **argv);
/* viaduct show ID|last [--json] [--request-body|--response-body [--hop N] [--raw]] [--data DIR] [-c FILE] */
int cli_show(int argc, char **argv);
/* viaduct identities [HOST] [--changes] [--since AGE] [--json] [--data DIR] [-c FILE] */
int cli_identities(int argc, char **argv);
/* viaduct check [-c FILE] [--print] [--live] [--set option=value]...: reads the configuration and says what is wrong; --print: all
 * options with their values; --live: exit 0 if a proxy answers at the configured address (for health checks). */
int cli_check(int argc, char **argv);
/* viaduct passthrough [list|retry NAME|retry --all] [--json] [--data DIR] [-c FILE]: asks the proxy that runs. */
int cli_passthrough(int argc, char **argv);
/* viaduct ca path|show|bundle|install|uninstall|renew [--data DIR] [-c FILE] [--set option=value]...: the CA of tunnels that are
 * opened: where it is, what it is, and who trusts it. */
int cli_ca(int argc, char **argv);
/* viaduct export har|jsonl|curl [FILTER] [-o FILE] [...]: flows for other programs, secrets replaced unless asked for. */
int cli_export(int argc, char **argv);
/* viaduct import FILE.har [--session NAME] [...]: into the flow database, as a session of its own. */
int cli_import(int argc, char **argv);
/* viaduct sql QUERY [--json] [...]: reads the flow database. */
int cli_sql(int argc, char **argv);
/* viaduct session list|start NAME|end [...]: named stretches of capturing. */
int cli_session(int argc, char **argv);

#endif
