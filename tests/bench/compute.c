/* compute MS [MIB]: takes a processor for MS milliseconds of its own processor time, however long
 * that is, and holds MIB of memory meanwhile. With MS 0
 * it sleeps for half a second instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double processor_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    double ms = argc > 1 ? atof(argv[1]) : 0;
    size_t bytes = argc > 2 ? (size_t)atol(argv[2]) << 20 : 0;
    char *memory = malloc(bytes + 1);
    double until_ms = processor_ms() + ms;
    volatile unsigned work = 0;

    if (memory == NULL) {
        perror("compute");
        return 1;
    }
    memset(memory, 1, bytes + 1);
    while (processor_ms() < until_ms) {
        for (int i = 0; i < 10000; i++) {
            work += (unsigned)i;
        }
    }
    if (ms == 0) {
        nanosleep(&(struct timespec){0, 500000000}, NULL);
    }
    return memory[bytes] != 1;
}
