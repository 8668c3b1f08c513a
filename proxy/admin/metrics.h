/* The metrics in Prometheus' text format, version 0.0.4. Every label value that can occur is there from the start, with 0. */
#ifndef VIADUCT_ADMIN_METRICS_H
#define VIADUCT_ADMIN_METRICS_H

#include "admin/status.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(struct text *t, const struct status *s);

#endif
