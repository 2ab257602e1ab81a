/* What attn-check says. */
#ifndef ATTN_CHECK_PRINT_H
#define ATTN_CHECK_PRINT_H

#include <stdbool.h>
#include <stdio.h>
#include "attn/conditions.h"

/* A JSON line a row, then one a theorem; for a human two tables.  THM_ENOMEM,
 * nothing printed. */
thm_status print_conditions(FILE *stream, const thm_conditions *c,
                            double epsilon, bool human);

#endif
