#ifndef PAWL_BASE_LIMITS_H
#define PAWL_BASE_LIMITS_H
/* Limits on everything that comes from outside. Each is far above real use and below what would
 * exhaust memory or overflow a number; reaching one is a clear error, never a crash. */

enum {
    LIMIT_TOML_BYTES = 256 << 20,     /* one document */
    LIMIT_TOML_DEPTH = 128,           /* nested tables and arrays */
    LIMIT_EXPR_DEPTH = 200,           /* nested parentheses and operators */
    LIMIT_EXPR_BYTES = 64 << 10,      /* one expression */
    LIMIT_RENDERED_BYTES = 1 << 20,   /* one rendered template */
    LIMIT_INSTANCES = 4 << 20,        /* of one plan */
    LIMIT_AXES = 32,                  /* of one stage */
    LIMIT_PATH_BYTES = 4095,          /* one path, as PATH_MAX less its NUL */
    LIMIT_NAME_BYTES = 200,           /* stage, parameter, axis, pool */
    LIMIT_ARGV_BYTES = 1 << 20,       /* arguments of one command, all together */
    LIMIT_RECORD_BYTES = 64 << 20,    /* one record of a file below .pawl */
    LIMIT_DEAD_ITEM_BYTES = 64 << 10, /* of an item that failed, kept to show it */
    LIMIT_DEPFILE_BYTES = 64 << 20,
    LIMIT_METRICS_BYTES = 4 << 20, /* metrics of one attempt, as written */
    LIMIT_METRICS = 10000,         /* of one result */
    LIMIT_REPORT = 64,             /* rows, columns, scores and texts of [report], each */
    LIMIT_JOBS = 10000,
    LIMIT_WORKERS = 4096,              /* of one stream */
    LIMIT_QUEUE = 1 << 20,             /* items of one stream in flight */
    LIMIT_ITEM_BYTES = 1 << 30,        /* one item of a stream */
    LIMIT_RETRIES = 1000,              /* of one instance in one run */
    LIMIT_CHECKPOINTS = 1000,          /* that are kept of one instance */
    LIMIT_CHECKPOINT_ENTRIES = 100000, /* files, links and folders in one */
    LIMIT_BREAKER_CALLS = 10000        /* that a breaker remembers */
};

#endif
