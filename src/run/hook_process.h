#ifndef PAWL_RUN_HOOK_PROCESS_H
#define PAWL_RUN_HOOK_PROCESS_H
/* The process of a hook, behind run/hooks.h: one child of the executor's loop, which takes no slot.
 * It finds the event in a file that has no name any more, a few variables, and what it prints goes
 * into logs/hooks.log of the run's folder, one for all hooks and bounded. Main thread.
 *
 * Order: hook_process_init; executor.hook set to it; hook_process_world for hooks_open; the
 * executor calls hook_process_take_exit; hook_process_fini.
 */
#include "run/executor.h"
#include "run/hooks.h"

struct hook_process {
    struct executor *executor;
    struct hooks *hooks;
    struct child child; /* pid 0: none runs */
    struct arena arena; /* of the command that runs */
    struct pipe_log log;
    struct loop_source log_source;
    int log_end; /* for the commands; -1: there is no log yet */
    struct str title;
    bool titled; /* stands in the log before what this command printed */
};

void hook_process_init(struct hook_process *process, struct executor *executor,
                       struct hooks *hooks);
/* Kills what runs. */
void hook_process_fini(struct hook_process *process);
struct hooks_world hook_process_world(struct hook_process *process);
void hook_process_take_exit(struct hook_process *process);

#endif
