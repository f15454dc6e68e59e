#ifndef PAWL_BASE_SYS_INSIDE_H
#define PAWL_BASE_SYS_INSIDE_H
/* What the wrappers of system calls share; nobody else includes this. Each is: ask for a fault,
 * call, again on EINTR. */
#include <errno.h>

#include "base/sys.h"

#ifdef PAWL_FAULT
/* sys_fault.c: true: the call fails with errno set. An injected short transfer halves `*size`
 * (NULL: there is none). */
bool sys_fault_fails(enum sys_call call, size_t *size);
#define FAULT(call, size) sys_fault_fails(SYS_CALL_##call, (size))
/* The path that is opened instead. */
const char *sys_fault_path(const char *path);
/* Tells the program of PAWL_FAULT_SYNC; leaves errno. */
void sys_fault_sync(const char *when);
#else
#define sys_fault_path(path) (path)
#define sys_fault_sync(when) ((void)0)
#define FAULT(call, size)    false
#endif

/* Again while interrupted; an injected EINTR takes the same way. */
#define RETRY(call, expression)                                                                    \
    do {                                                                                           \
        do {                                                                                       \
            result = FAULT(call, NULL) ? -1 : (expression);                                        \
        } while (result == -1 && errno == EINTR);                                                  \
        return result;                                                                             \
    } while (0)
/* The same where an injected fault may shorten `size`. */
#define RETRY_SIZE(call, expression)                                                               \
    do {                                                                                           \
        do {                                                                                       \
            result = FAULT(call, &size) ? -1 : (expression);                                       \
        } while (result == -1 && errno == EINTR);                                                  \
        return result;                                                                             \
    } while (0)

#endif
