/* A main for a fuzz target that is built without libFuzzer: feeds it every file of the folders and
 * files named as arguments, sorted, and prints TAP, one test a file. A fault ends the process, and
 * the tests that are missing then count as failed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static char paths[10000][512];
static size_t paths_count;

static void die(const char *what, const char *path)
{
    fprintf(stderr, "fuzz_replay: %s: '%s'\n", what, path);
    exit(1);
}

static void add(const char *folder, const char *name)
{
    if (paths_count == sizeof paths / sizeof *paths) {
        die("too many inputs", folder);
    }
    int length =
        snprintf(paths[paths_count], sizeof *paths, "%s%s%s", folder, *name ? "/" : "", name);
    if (length < 0 || (size_t)length >= sizeof *paths) {
        die("path too long", name);
    }
    paths_count++;
}

static void collect(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        add(path, "");
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] != '.') {
            add(path, entry->d_name);
        }
    }
    closedir(folder);
}

/* In a block of exactly its size, so that a read past the end is found. */
static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        die("cannot open", path);
    }
    long size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0) {
        die("cannot read", path);
    }
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) {
        die("cannot read", path);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        collect(argv[i]);
    }
    qsort(paths, paths_count, sizeof *paths, compare);
    printf("1..%zu\n", paths_count);
    for (size_t i = 0; i < paths_count; i++) {
        fflush(stdout);
        replay(paths[i]);
        printf("ok %zu - %s\n", i + 1, paths[i]);
    }
    return 0;
}
