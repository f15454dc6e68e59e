/* The machine: limits of both cgroup versions, pressure and memory from made-up /proc trees, usage
 * of groups, and stat lines with hostile names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "os/cgroup.h"
#include "os/machine.h"
#include "os/proc.h"
#include "os/usage.h"

static char root[64];

/* Makes a file below the root, with its folders. */
static void make(const char *path, const char *text)
{
    char command[600];
    FILE *file;

    snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s%s')\"", root, path);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "%s%s", root, path);
    file = fopen(command, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char meminfo[] = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\n"
                              "MemAvailable:    4000000 kB\n";

static void test_no_proc_is_not_known(void **state)
{
    struct machine machine;
    struct machine_memory memory;
    int64_t busy_ns, stolen_ns;
    uint32_t pressure;

    (void)state;
    machine_read(&machine, root);
    assert_true(machine.cpus >= 1);
    assert_int_equal(machine.memory_bytes, 0);
    assert_int_equal(machine.cgroup_version, 0);
    assert_string_equal(machine.boot_id, "");
    assert_string_equal(machine.pid_namespace, "");
    assert_false(machine_memory(&machine, root, &memory));
    assert_false(machine_cpu_busy_ns(&machine, root, &busy_ns, &stolen_ns));
    assert_false(machine_pressure(&machine, root, "memory", &pressure));
}

static void test_machine_without_limits(void **state)
{
    struct machine machine;
    struct machine_memory memory;
    int64_t busy_ns, stolen_ns;
    uint32_t pressure;

    (void)state;
    make("/proc/meminfo", meminfo);
    make("/proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
    make("/proc/stat", "cpu  100 10 50 9999 99 5 5 30 7 7\ncpu0 1 1\n");
    make("/proc/pressure/memory", "some avg10=12.34 avg60=0.00 avg300=0.00 total=1\nfull …\n");
    machine_read(&machine, root);
    assert_int_equal(machine.memory_bytes, INT64_C(16000000) * 1024);
    assert_false(machine.memory_is_limited);
    assert_string_equal(machine.boot_id, "11111111-2222-3333-4444-555555555555");
    assert_true(machine_memory(&machine, root, &memory));
    assert_int_equal(memory.used_bytes, INT64_C(12000000) * 1024);
    assert_true(machine_cpu_busy_ns(&machine, root, &busy_ns, &stolen_ns));
    assert_int_equal(busy_ns, 200 * (NS_PER_SEC / sysconf(_SC_CLK_TCK)));
    assert_int_equal(stolen_ns, 30 * (NS_PER_SEC / sysconf(_SC_CLK_TCK)));
    assert_true(machine_pressure(&machine, root, "memory", &pressure));
    assert_int_equal(pressure, 1234);
}

/* Processors that are not ours do not count. */
static void test_only_our_processors(void **state)
{
    struct sys_affinity set;
    struct machine machine;
    int64_t busy_ns, stolen_ns;
    char text[16384] = "cpu  9999 0 0 0 0 0 0 0\n";
    size_t len = strlen(text);

    (void)state;
    assert_true(sys_affinity(&set) >= 1);
    for (uint64_t cpu = 0; cpu < 300; cpu++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "cpu%llu %d 0 0 5 5 0 0 %d\n",
                                (unsigned long long)cpu, sys_affinity_has(&set, cpu) ? 3 : 99,
                                sys_affinity_has(&set, cpu) ? 1 : 99);
    }
    snprintf(text + len, sizeof(text) - len, "intr 1 2 3\n");
    make("/proc/stat", text);
    machine_read(&machine, root);
    machine.cgroup_cpu[0] = '\0';
    assert_true(machine_cpu_busy_ns(&machine, root, &busy_ns, &stolen_ns));
    assert_int_equal(busy_ns, 4 * sys_affinity(&set) * (NS_PER_SEC / sysconf(_SC_CLK_TCK)));
    assert_int_equal(stolen_ns, sys_affinity(&set) * (NS_PER_SEC / sysconf(_SC_CLK_TCK)));
}

static void test_time_somebody_waited(void **state)
{
    struct machine machine;
    int64_t stalled_ns;

    (void)state;
    machine_read(&machine, root);
    assert_false(machine_stalled_ns(&machine, root, "cpu", &stalled_ns));
    make("/proc/pressure/cpu", "some avg10=12.34 avg60=0.00 avg300=0.00 total=1234567\nfull …\n");
    assert_true(machine_stalled_ns(&machine, root, "cpu", &stalled_ns));
    assert_int_equal(stalled_ns, INT64_C(1234567000));
    make("/proc/pressure/cpu", "some avg10=12.34 total=99999999999999999999\n");
    assert_false(machine_stalled_ns(&machine, root, "cpu", &stalled_ns));
    make("/proc/pressure/cpu", "full avg10=12.34 total=5\n");
    assert_false(machine_stalled_ns(&machine, root, "cpu", &stalled_ns));
    /* With a quota only the pressure of our group counts. */
    make("/proc/pressure/cpu", "some avg10=12.34 avg60=0.00 avg300=0.00 total=1\n");
    snprintf(machine.cgroup_cpu, sizeof(machine.cgroup_cpu), "%s/group", root);
    assert_false(machine_stalled_ns(&machine, root, "cpu", &stalled_ns));
    make("/group/cpu.pressure", "some avg10=12.34 avg60=0.00 avg300=0.00 total=7\n");
    assert_true(machine_stalled_ns(&machine, root, "cpu", &stalled_ns));
    assert_int_equal(stalled_ns, 7000);
}

static void test_second_version(void **state)
{
    struct machine machine;
    struct machine_memory memory;
    int64_t busy_ns, stolen_ns;

    (void)state;
    make("/proc/meminfo", meminfo);
    make("/proc/self/cgroup", "0::/outer/inner\n");
    make("/proc/self/mountinfo",
         "20 1 0:5 / /proc rw - proc proc rw\n"
         "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
    make("/sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n");
    /* The limit stands above ours; ours is larger. */
    make("/sys/fs/cgroup/outer/memory.max", "1073741824\n");
    make("/sys/fs/cgroup/outer/memory.current", "500000000\n");
    make("/sys/fs/cgroup/outer/memory.stat",
         "anon 1\ninactive_file 60000000\nactive_file 40000000\n");
    make("/sys/fs/cgroup/outer/inner/memory.max", "max\n");
    make("/sys/fs/cgroup/outer/inner/cpu.max", "1 100000\n");
    make("/sys/fs/cgroup/outer/inner/cpu.stat", "usage_usec 123\nuser_usec 1\n");
    make("/sys/fs/cgroup/outer/cpu.max", "max 100000\n");
    machine_read(&machine, root);
    assert_int_equal(machine.cgroup_version, 2);
    assert_int_equal(machine.memory_bytes, 1073741824);
    assert_true(machine.memory_is_limited);
    assert_int_equal(machine.cpus, 1);
    assert_true(machine_memory(&machine, root, &memory));
    assert_int_equal(memory.used_bytes, 400000000);
    assert_true(machine_cpu_busy_ns(&machine, root, &busy_ns, &stolen_ns));
    assert_int_equal(busy_ns, 123000);
}

static void test_first_version_in_a_container(void **state)
{
    struct machine machine;
    struct cgroup group;
    char folder[CGROUP_PATH_BYTES];
    uint64_t limit = 0;

    (void)state;
    make("/proc/meminfo", meminfo);
    make("/proc/self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n");
    make("/proc/self/mountinfo",
         "30 20 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
         "31 20 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
         "32 20 0:28 / /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw\n");
    make("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    make("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
    make("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    machine_read(&machine, root);
    assert_int_equal(machine.cgroup_version, 1);
    assert_false(machine.memory_is_limited);
    assert_int_equal(machine.memory_bytes, INT64_C(16000000) * 1024);
    assert_in_range(machine.cpus, 1, 2);
    assert_true(cgroup_find(root, CGROUP_CPU, &group));
    assert_true(cgroup_limit(&group, CGROUP_CPU, &limit, folder));
    assert_int_equal(limit, 1500);
    /* No quota is -1. */
    make("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    assert_false(cgroup_limit(&group, CGROUP_CPU, &limit, folder));
}

static void test_hostile_texts(void **state)
{
    struct machine machine;
    uint32_t pressure;

    (void)state;
    make("/proc/meminfo", "MemTotal: 99999999999999999999 kB\nMemAvailable:\n");
    make("/proc/self/cgroup", "::\n0\n5:memory\n:memory:\n0::\n");
    make("/proc/self/mountinfo", "\n - \n1 2 3\n30 20 0:26 / - cgroup2\n");
    make("/proc/pressure/memory", "some avg10=1234567890123.45 \n");
    machine_read(&machine, root);
    assert_int_equal(machine.memory_bytes, 0);
    assert_int_equal(machine.cgroup_version, 0);
    assert_false(machine_pressure(&machine, root, "memory", &pressure));
}

static void test_this_machine(void **state)
{
    struct machine_feature features[MACHINE_FEATURES_MAX];
    struct machine machine;
    struct machine_memory memory;
    uint64_t free_bytes;
    uint32_t free_permille;
    unsigned count;

    (void)state;
    machine_read(&machine, "");
    assert_true(machine.cpus >= 1);
    assert_true(machine.memory_bytes > 0);
    assert_int_equal(strlen(machine.boot_id), 36);
    assert_true(machine_memory(&machine, "", &memory));
    assert_in_range(memory.used_bytes, 1, memory.total_bytes);
    assert_true(machine_disk(root, &free_bytes, &free_permille));
    assert_in_range(free_permille, 0, 1000);
    count = machine_probe(&machine, root, features);
    assert_in_range(count, 10, MACHINE_FEATURES_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(features[i].name, "locks") == 0 || strcmp(features[i].name, "syncfs") == 0) {
            assert_true(features[i].works);
        }
    }
}

static void test_stat_lines(void **state)
{
    static const char tail[] = " S 7 99 99 0 -1 4194560 1 2 3 4 50 30 15 5 20 0 1 0 100 9 25 18";
    static const char *const bad[] = {"",        "1",           "1 (a",  "1 (a)",
                                      "1 (a) S", "x (a) S 1 2", ") 1 (", "1 (a) S 7 99 99 0 -1"};
    char line[300];
    struct proc_stat stat;

    (void)state;
    snprintf(line, sizeof(line), "42 (a) b) S 1 (2%s%s", ")", tail);
    assert_true(proc_parse_stat(str_of(line), &stat));
    assert_int_equal(stat.pid, 42);
    assert_int_equal(stat.ppid, 7);
    assert_int_equal(stat.pgid, 99);
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.cpu_ns, 100 * (NS_PER_SEC / sysconf(_SC_CLK_TCK)));
    assert_int_equal(stat.rss_bytes, 25 * sysconf(_SC_PAGESIZE));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(proc_parse_stat(str_of(bad[i]), &stat));
    }
}

static void test_usage_of_groups(void **state)
{
    struct usage_group groups[2] = {0};
    int64_t cpu_ns, peak_bytes;
    int fds[2];
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        if (fork() != 0) {
            (void)!write(fds[1], "x", 1);
        }
        for (;;) {
            pause();
        }
    }
    assert_int_equal(read(fds[0], &byte, 1), 1);
    groups[0].pgid = pid;
    groups[1].pgid = INT32_MAX;
    assert_true(usage_scan(groups, 2));
    assert_int_equal(groups[0].processes, 2);
    assert_true(groups[0].rss_bytes > 0);
    assert_true(groups[0].peak_bytes == groups[0].rss_bytes);
    assert_int_equal(groups[1].processes, 0);
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
    groups[0].cpu_ns = 12345;
    assert_true(usage_scan(groups, 2));
    /* What was seen stays. */
    assert_true(groups[0].cpu_ns >= 12345);
    assert_true(groups[0].peak_bytes > 0);
    usage_self(&cpu_ns, &peak_bytes);
    assert_true(peak_bytes > 0);
    close(fds[0]);
    close(fds[1]);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/pawl-machine-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_proc_is_not_known), TEST(test_machine_without_limits),
        TEST(test_only_our_processors),  TEST(test_time_somebody_waited),
        TEST(test_second_version),       TEST(test_first_version_in_a_container),
        TEST(test_hostile_texts),        TEST(test_this_machine),
        TEST(test_stat_lines),           TEST(test_usage_of_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
