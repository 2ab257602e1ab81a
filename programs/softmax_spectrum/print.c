/* The human table of softmax-spectrum, from the same object as the JSON. */
#include "programs/softmax_spectrum/rows.h"

#include <string.h>

static const char *const columns[] = {"row",
                                      "n",
                                      "tau",
                                      "entropy",
                                      "norm2",
                                      "trace",
                                      "lambda_min_nonzero",
                                      "underflowed",
                                      "err",
                                      "sum_error",
                                      "certified"};

enum { COLUMNS = sizeof columns / sizeof *columns };

static int width(const char *column)
{
    int length = (int)strlen(column);
    return length > 12 ? length : 12;
}

static void print_cell(FILE *stream, const json_t *value, int room)
{
    if (json_is_integer(value)) {
        fprintf(stream, "%*lld", room, (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        fprintf(stream, "%*.6g", room, json_real_value(value));
    } else {
        fprintf(stream, "%*s", room,
                json_is_true(value)    ? "yes"
                : json_is_false(value) ? "no"
                                       : "-");
    }
}

/* Lists of numbers, below the row, one place a line, side by side. */
static void print_lists(FILE *stream, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (!json_is_array(value)) {
            continue;
        }
        size_t index;
        const json_t *element;
        fprintf(stream, "  %s\n", key);
        json_array_foreach(value, index, element)
        {
            fprintf(stream, "%8zu", index);
            if (json_is_array(element)) {
                size_t j;
                const json_t *number;
                json_array_foreach(element, j, number)
                {
                    print_cell(stream, number, 13);
                }
            } else if (json_is_real(element)) {
                fprintf(stream, "  %.17g", json_real_value(element));
            } else {
                print_cell(stream, element, 13);
            }
            fputc('\n', stream);
        }
    }
}

void row_print(FILE *stream, const json_t *object, int row)
{
    for (int i = 0; row == 0 && i < COLUMNS; i++) {
        if (json_object_get(object, columns[i]) != NULL) {
            fprintf(stream, "%*s", width(columns[i]) + (i > 0), columns[i]);
        }
    }
    if (row == 0) {
        fputc('\n', stream);
    }
    for (int i = 0; i < COLUMNS; i++) {
        const json_t *value = json_object_get(object, columns[i]);
        if (value != NULL) {
            print_cell(stream, value, width(columns[i]) + (i > 0));
        }
    }
    fputc('\n', stream);
    print_lists(stream, object);
}
