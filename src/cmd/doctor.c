/* Owns `doctor`: what this machine and this folder offer. */
#include <fcntl.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/sys.h"
#include "base/units.h"
#include "cmd/command.h"
#include "os/files.h"
#include "os/machine.h"
#include "os/signature.h"
#include "run/session.h"

struct doctor {
    struct machine machine;
    struct machine_feature features[MACHINE_FEATURES_MAX];
    unsigned feature_count;
    int64_t tick_ns; /* of the clock that file systems stamp with */
    bool multigrain; /* the file system here does better */
    bool is_network; /* times come from a server */
    bool has_disk;
    uint64_t free_bytes;
};

static void doctor_look_at_times(struct doctor *doctor)
{
    struct signature_times *times = signature_times_new();
    struct timespec tick = {0};
    int fd = sys_open(".", O_RDONLY | O_DIRECTORY, 0);

    clock_getres(CLOCK_REALTIME_COARSE, &tick);
    doctor->tick_ns = tick.tv_sec * NS_PER_SEC + tick.tv_nsec;
    if (fd >= 0) {
        struct signature_tick now;

        signature_times_probe(times, fd);
        now = signature_tick_now(times, fd);
        doctor->multigrain = now.multigrain;
        doctor->is_network = now.window_ns != 0;
        sys_close(fd);
    }
    signature_times_free(times);
}

static void doctor_look(struct doctor *doctor)
{
    uint32_t permille;

    machine_read(&doctor->machine, "");
    doctor->feature_count = machine_probe(&doctor->machine, ".", doctor->features);
    doctor->has_disk = machine_disk(".", &doctor->free_bytes, &permille);
    doctor_look_at_times(doctor);
}

static void doctor_show_json(struct strbuf *out, const struct doctor *doctor)
{
    const struct machine *machine = &doctor->machine;
    struct json_writer w = json_writer_of(out, JSON_PRETTY);

    json_object_begin(&w);
    json_field_text(&w, "host", machine->host);
    json_field_text(&w, "user", machine->user);
    json_field_text(&w, "kernel", machine->kernel);
    json_field_uint(&w, "cpus", machine->cpus);
    json_field_uint(&w, "memory_bytes", machine->memory_bytes);
    json_field_bool(&w, "memory_is_limited", machine->memory_is_limited);
    json_field_int(&w, "cgroup_version", machine->cgroup_version);
    json_field_uint(&w, "disk_free_bytes", doctor->free_bytes);
    json_field_int(&w, "clock_tick_ns", doctor->tick_ns);
    json_field_bool(&w, "multigrain_times", doctor->multigrain);
    json_field_bool(&w, "network_file_system", doctor->is_network);
    json_field_array(&w, "features");
    for (unsigned i = 0; i < doctor->feature_count; i++) {
        json_object_begin(&w);
        json_field_text(&w, "name", doctor->features[i].name);
        json_field_bool(&w, "works", doctor->features[i].works);
        json_field_text(&w, "detail", doctor->features[i].detail);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

static const char *doctor_known(const char *text)
{
    return text[0] != '\0' ? text : "not known";
}

static void doctor_show(struct strbuf *out, const struct doctor *doctor)
{
    const struct machine *machine = &doctor->machine;
    char size[UNITS_TEXT_BYTES];

    strbuf_printf(out, "host        %s, user %s, kernel %s\n", doctor_known(machine->host),
                  doctor_known(machine->user), doctor_known(machine->kernel));
    strbuf_printf(out, "processors  %u\n", machine->cpus);
    size_format(machine->memory_bytes, size);
    strbuf_printf(out, "memory      %s%s\n", machine->memory_bytes != 0 ? size : "not known",
                  machine->memory_is_limited ? ", limited by the cgroup" : "");
    size_format(doctor->free_bytes, size);
    strbuf_printf(out, "disk here   %s free\n", doctor->has_disk ? size : "not known how much");
    strbuf_printf(out, "file times  a tick of %lld us%s%s\n",
                  (long long)(doctor->tick_ns / NS_PER_US),
                  doctor->multigrain ? ", finer where it counts" : "",
                  doctor->is_network ? "; a network file system: fresh files are read again" : "");
    for (unsigned i = 0; i < doctor->feature_count; i++) {
        const struct machine_feature *feature = &doctor->features[i];

        strbuf_printf(out, "%-4s %s%s%s\n", feature->works ? "yes" : "no", feature->name,
                      feature->detail[0] != '\0' ? ": " : "", feature->detail);
    }
}

int cmd_doctor(struct cli *cli)
{
    struct doctor doctor = {0};
    struct err err = {0};

    if (!session_go(cli->dir, &err)) {
        return cli_fail(&err);
    }
    doctor_look(&doctor);
    if (cli->json) {
        doctor_show_json(&cli->out, &doctor);
    } else {
        doctor_show(&cli->out, &doctor);
    }
    return STATUS_OK;
}
