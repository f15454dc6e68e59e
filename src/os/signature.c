/* Owns what a file's times are worth.
 *
 * A kernel without multigrain times stamps a write with the coarse clock, which moves every 1 to 10
 * ms: two writes within one tick may leave the same ctime. So a ctime not older than the coarse
 * clock before the read proves nothing about the time after it. File systems that keep whole
 * seconds (or hundredths) cut the stamp: such stamps are recognised by their zeros and get a window
 * of two units. Network file systems stamp with the server's clock, and clients cache attributes
 * for up to 3 s: the offset of that clock is measured when the file system is probed. */
#include "os/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/sys.h"

enum { TIMES_FILE_SYSTEMS = 64, PROBE_TRIES = 12, PROBE_NEEDED = 3 };

#define NS_PER_S       INT64_C(1000000000)
#define NETWORK_WINDOW (3 * NS_PER_S)

struct times_row {
    uint64_t device;
    int64_t offset_ns; /* the server's clock less ours; 0 on local file systems */
    bool network, multigrain;
};

struct signature_times {
    pthread_mutex_t mutex;
    struct times_row rows[TIMES_FILE_SYSTEMS];
    uint32_t count;
};

static void signature_from_stat(const struct sys_stat *stat, struct signature *signature)
{
    signature->ino = stat->ino;
    signature->size = stat->size_bytes;
    signature->mtime_ns = stat->mtime_ns;
    signature->ctime_ns = stat->ctime_ns;
    signature->mode = stat->mode & S_IFMT;
    if (S_ISREG(stat->mode)) {
        signature->mode |= stat->mode & S_IXUSR;
    }
}

bool signature_read(int dirfd, const char *path, bool follow, struct signature *signature,
                    struct err *err)
{
    struct sys_stat stat;
    if (sys_statat(dirfd, path, follow ? 0 : AT_SYMLINK_NOFOLLOW, &stat) == 0) {
        signature_from_stat(&stat, signature);
        return true;
    }
    *signature = (struct signature){0};
    return errno == ENOENT || errno == ENOTDIR || err_sys(err, "'%s': cannot be looked at", path);
}

bool signature_read_fd(int fd, struct signature *signature, struct err *err)
{
    struct sys_stat stat;
    if (sys_fstat(fd, &stat) < 0) {
        return err_sys(err, "an open file cannot be looked at");
    }
    signature_from_stat(&stat, signature);
    return true;
}

bool signature_equal(const struct signature *a, const struct signature *b)
{
    return a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns && a->mode == b->mode;
}

enum file_type signature_type(const struct signature *signature)
{
    if (signature->mode == 0) {
        return FILE_MISSING;
    }
    switch (signature->mode & S_IFMT) {
    case S_IFREG:
        return FILE_REGULAR;
    case S_IFDIR:
        return FILE_FOLDER;
    case S_IFLNK:
        return FILE_LINK;
    default:
        return FILE_OTHER;
    }
}

bool signature_is_executable(const struct signature *signature)
{
    return (signature->mode & S_IXUSR) != 0;
}

void signature_encode(const struct signature *signature, unsigned char out[static SIGNATURE_BYTES])
{
    bytes_set_u64(out, signature->ino);
    bytes_set_u64(out + 8, signature->size);
    bytes_set_u64(out + 16, (uint64_t)signature->mtime_ns);
    bytes_set_u64(out + 24, (uint64_t)signature->ctime_ns);
    bytes_set_u64(out + 32, signature->mode);
}

void signature_decode(const unsigned char in[static SIGNATURE_BYTES], struct signature *signature)
{
    signature->ino = bytes_get_u64(in);
    signature->size = bytes_get_u64(in + 8);
    signature->mtime_ns = (int64_t)bytes_get_u64(in + 16);
    signature->ctime_ns = (int64_t)bytes_get_u64(in + 24);
    signature->mode = (uint32_t)bytes_get_u64(in + 32);
}

struct signature_times *signature_times_new(void)
{
    struct signature_times *times = mem_calloc(1, sizeof(*times));
    pthread_mutex_init(&times->mutex, NULL);
    return times;
}

void signature_times_free(struct signature_times *times)
{
    if (times != NULL) {
        pthread_mutex_destroy(&times->mutex);
        free(times);
    }
}

static int64_t clock_coarse_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t clock_tick_ns(void)
{
    struct timespec tick;
    if (clock_getres(CLOCK_REALTIME_COARSE, &tick) < 0 || tick.tv_sec != 0) {
        return NS_PER_S / 100;
    }
    return tick.tv_nsec;
}

/* The magic numbers of statfs that mean: times come from another machine. */
static bool magic_is_network(uint64_t magic)
{
    static const uint32_t magics[] = {
        0x6969,     /* NFS */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB2 */
        0x517b,     /* SMB */
        0x5346414f, /* AFS */
        0x6b414653, /* kAFS */
        0x00c36400, /* Ceph */
        0x01021997, /* 9p */
        0x0bd00bd0, /* Lustre */
        0x47504653, /* GPFS */
        0x65735546, /* FUSE: may be sshfs */
        0x73757245, /* Coda */
        0x7461636f, /* OCFS2 */
        0x01161970, /* GFS2 */
    };
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        if ((uint32_t)magic == magics[i]) {
            return true;
        }
    }
    return false;
}

static uint64_t device_of(const struct sys_stat *stat)
{
    return (uint64_t)stat->dev_major << 32 | stat->dev_minor;
}

static bool times_find(struct signature_times *times, uint64_t device, struct times_row *row)
{
    bool found = false;
    pthread_mutex_lock(&times->mutex);
    for (uint32_t i = 0; i < times->count && !found; i++) {
        if (times->rows[i].device == device) {
            *row = times->rows[i];
            found = true;
        }
    }
    pthread_mutex_unlock(&times->mutex);
    return found;
}

/* Adds or replaces a row; a full table forgets its last one, which costs a statfs. */
static void times_set(struct signature_times *times, const struct times_row *row)
{
    uint32_t at = 0;
    pthread_mutex_lock(&times->mutex);
    while (at < times->count && times->rows[at].device != row->device) {
        at++;
    }
    if (at == TIMES_FILE_SYSTEMS) {
        at--;
    } else if (at == times->count) {
        times->count++;
    }
    times->rows[at] = *row;
    pthread_mutex_unlock(&times->mutex);
}

bool signature_is_network(int fd)
{
    struct statfs stat;
    /* Unknown: the careful answer. */
    return sys_fstatfs(fd, &stat) < 0 || magic_is_network((uint64_t)stat.f_type);
}

/* One try: a look, a write, a look, all within one tick. 1: another ctime, 0: the same, -1: the
 * tick passed meanwhile or a call failed. */
static int probe_once(int fd)
{
    struct sys_stat before, after;
    int64_t start = clock_coarse_ns();
    if (sys_fstat(fd, &before) < 0 || sys_pwrite(fd, "p", 1, 0) != 1 || sys_fstat(fd, &after) < 0 ||
        clock_coarse_ns() != start) {
        return -1;
    }
    return before.ctime_ns != after.ctime_ns;
}

static bool probe_multigrain(int fd)
{
    int different = 0;
    for (int i = 0; i < PROBE_TRIES && different < PROBE_NEEDED; i++) {
        int answer = probe_once(fd);
        if (answer == 0) {
            return false;
        }
        different += answer > 0;
    }
    return different >= PROBE_NEEDED;
}

static void probe_file(int fd, struct times_row *row)
{
    struct sys_stat stat;
    row->network = signature_is_network(fd);
    if (!row->network) {
        row->multigrain = probe_multigrain(fd);
    } else if (sys_pwrite(fd, "p", 1, 0) == 1 && sys_fsync(fd) == 0 && sys_fstat(fd, &stat) == 0) {
        row->offset_ns = stat.ctime_ns - clock_coarse_ns();
    }
}

void signature_times_probe(struct signature_times *times, int dirfd)
{
    struct sys_stat stat;
    struct times_row row = {0};
    uint64_t salt;
    char name[48];
    if (sys_fstat(dirfd, &stat) < 0 || sys_getrandom(&salt, sizeof(salt)) < 0) {
        return;
    }
    row.device = device_of(&stat);
    snprintf(name, sizeof(name), ".pawl-new.%016llx", (unsigned long long)salt);
    int fd = sys_openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        return;
    }
    probe_file(fd, &row);
    (void)sys_unlinkat(dirfd, name, 0);
    (void)sys_close(fd);
    times_set(times, &row);
}

static struct signature_tick tick_of(struct signature_times *times, int fd,
                                     const struct sys_stat *stat, int64_t coarse_ns)
{
    struct times_row row = {0};
    struct signature_tick tick = {coarse_ns, 0, false};
    if (times == NULL || !times_find(times, device_of(stat), &row)) {
        row.device = device_of(stat);
        row.network = signature_is_network(fd);
        if (times != NULL) {
            times_set(times, &row);
        }
    }
    tick.coarse_ns += row.offset_ns;
    tick.window_ns = row.network ? NETWORK_WINDOW : 0;
    tick.multigrain = row.multigrain;
    return tick;
}

struct signature_tick signature_tick_now(struct signature_times *times, int fd)
{
    struct sys_stat stat;
    int64_t coarse_ns = clock_coarse_ns();
    if (sys_fstat(fd, &stat) < 0) {
        return (struct signature_tick){coarse_ns, NETWORK_WINDOW, false};
    }
    return tick_of(times, fd, &stat, coarse_ns);
}

int64_t signature_clock_ns(void)
{
    return clock_coarse_ns();
}

bool signature_after(struct signature_times *times, int fd, int64_t clock_ns,
                     struct signature *after, struct signature_tick *tick)
{
    struct sys_stat stat;
    if (sys_fstat(fd, &stat) < 0) {
        return false;
    }
    signature_from_stat(&stat, after);
    *tick = tick_of(times, fd, &stat, clock_ns);
    return true;
}

/* The first moment at which a read proves something about a file of this ctime. */
static int64_t firm_from_ns(const struct signature *signature, const struct signature_tick *tick)
{
    int64_t window = tick->window_ns;
    if (signature->ctime_ns % NS_PER_S == 0 && window < 2 * NS_PER_S) {
        window = 2 * NS_PER_S;
    } else if (signature->ctime_ns % (NS_PER_S / 100) == 0 && window < NS_PER_S / 50) {
        window = NS_PER_S / 50;
    }
    return signature->ctime_ns > INT64_MAX - window - 1 ? INT64_MAX
                                                        : signature->ctime_ns + window + 1;
}

bool signature_is_firm(const struct signature *before, const struct signature *after,
                       const struct signature_tick *tick)
{
    return before->mode != 0 && signature_equal(before, after) &&
           (tick->multigrain || tick->coarse_ns >= firm_from_ns(after, tick));
}

int64_t signature_wait_ns(const struct signature *signature, const struct signature_tick *tick)
{
    int64_t from = firm_from_ns(signature, tick);
    if (tick->multigrain || tick->coarse_ns >= from) {
        return 0;
    }
    /* A ctime far in the future (the clock was set back) is not waited for. */
    int64_t wait = from - tick->coarse_ns + clock_tick_ns();
    return wait < 2 * NETWORK_WINDOW ? wait : 2 * NETWORK_WINDOW;
}
