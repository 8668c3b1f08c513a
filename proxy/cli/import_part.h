/* What the files of viaduct import share. */
#ifndef VIADUCT_CLI_IMPORT_PART_H
#define VIADUCT_CLI_IMPORT_PART_H

#include "cli/running.h"
#include "store/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings;

enum { IMPORT_EXIT_STOPPED = 130 }; /* as shells say it of SIGINT */
enum { LEFT_OUT_SHOWN = 5 };

struct import_request {
	const char *file;
	const char *session; /* the name it gets */
	const char *folder;
	const struct settings *settings;
};

/* Both return the exit status, and have said what there is to say. */
/* Into the flow database of a folder that no proxy has in use (import_here.c). */
int import_here(const struct import_request *r);
/* By the proxy that runs (import_running.c). */
int import_running(const struct import_request *r, const struct running *running);

/* Ctrl-C is asked for, instead of ending the program at once. */
void import_hold_interrupt(void);
/* True if it was pressed; waits for that so long. */
bool import_is_interrupted(int wait_ms);
/* On a terminal, a line on stderr that the next one overwrites: "45 %  1234 flows". */
void import_show_progress(uint64_t bytes, uint64_t size, uint64_t flows);
/* Takes that line away. */
void import_hide_progress(void);
/* What has been done, as the last line: "1234 flows of x.har are session 7, "x.har"; 3 entries were left out". */
bool import_print_end(const struct import_request *r, uint64_t flows, int64_t session_id, uint64_t left_out);

#endif
