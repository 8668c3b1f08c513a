/* The schema of the flow database as a list of steps; SCHEMA.md describes the result. */
#ifndef VIADUCT_STORE_SCHEMA_H
#define VIADUCT_STORE_SCHEMA_H

enum { SCHEMA_VERSION = 4 };

/* PRAGMA application_id of a flow database: "viad". */
enum { SCHEMA_APPLICATION_ID = 0x76696164 };

/* The statements that lead from version to version + 1; from 0 to SCHEMA_VERSION - 1. */
const char *schema_step(int version);

#endif
