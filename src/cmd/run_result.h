#ifndef PAWL_CMD_RUN_RESULT_H
#define PAWL_CMD_RUN_RESULT_H
/* result.json of a run: beside its events, and where `--result` says. */
#include "cmd/command.h"
#include "report/story.h"
#include "run/recorder.h"

/* Writes runs/<id>/result.json and, with --result, a copy; of what is shown. */
bool run_result_write(struct cli *cli, struct recorder *recorder,
                      const struct report_options *shown, int status, struct err *err);
/* `--result` of a call that had nothing to do: `first` is what run.started would have said. */
struct run_call; /* cmd/run_call.h */
bool run_result_write_nothing(struct run_call *call, struct event *first, const uint8_t *skipped,
                              struct err *err);

#endif
