/* Owns what an epoch is made of, and the random number in `fresh/salt`: 32 hexadecimal digits and a
 * newline, made once and replaced when a sync or a close fails.
 *
 *     epoch = SHA-256("pawl epoch 1\n" boot id "\n" major ":" minor ":" mount id "\n" salt)
 *
 * Another boot, another mount or another salt: another epoch. Where the boot id or the mount id is
 * unreadable, fresh random bytes stand for it. */
#include "store/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/sys.h"
#include "os/files.h"

enum { SALT_BYTES = 16, SALT_HEX = 2 * SALT_BYTES, BOOT_ID_BYTES = 36 };

static bool read_boot_id(struct epoch *epoch)
{
    int fd = sys_open("/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
    ssize_t len = fd >= 0 ? sys_read_full(fd, epoch->boot, BOOT_ID_BYTES) : -1;
    if (fd >= 0) {
        (void)sys_close(fd);
    }
    epoch->boot[len == BOOT_ID_BYTES ? len : 0] = '\0';
    return len == BOOT_ID_BYTES;
}

/* 32 digits, or false when there is no whole salt. */
static bool read_salt(int fresh_fd, char text[static SALT_HEX + 1])
{
    unsigned char salt[SALT_BYTES];
    int fd = sys_openat(fresh_fd, "salt", O_RDONLY | O_NOFOLLOW, 0);
    ssize_t len = fd >= 0 ? sys_read_full(fd, text, SALT_HEX + 1) : -1;
    if (fd >= 0) {
        (void)sys_close(fd);
    }
    if (len != SALT_HEX + 1 || !hex_decode(str_n(text, SALT_HEX), salt, SALT_BYTES)) {
        return false;
    }
    text[SALT_HEX] = '\0';
    return true;
}

static bool write_salt(int fresh_fd, struct err *err)
{
    unsigned char salt[SALT_BYTES];
    char text[SALT_HEX + 2];
    if (sys_getrandom(salt, sizeof(salt)) < 0) {
        return err_sys(err, "no random numbers");
    }
    hex_encode(salt, sizeof(salt), text);
    text[SALT_HEX] = '\n';
    /* Not durable: a salt lost with the power is another epoch, which is right. */
    return file_write_replace(fresh_fd, "salt", str_n(text, SALT_HEX + 1),
                              sys_mode_in(fresh_fd, 0666), false, err);
}

/* Two processes that make the first salt at once must end with one: the caller holds the lock of
 * fresh/ meanwhile. */
static bool ensure_salt(int fresh_fd, bool make, char text[static SALT_HEX + 1], struct err *err)
{
    if (read_salt(fresh_fd, text)) {
        return true;
    }
    if (!make) {
        text[0] = '\0';
        return true;
    }
    if (!write_salt(fresh_fd, err)) {
        return false;
    }
    return read_salt(fresh_fd, text) || err_sys(err, "'fresh/salt': cannot be read");
}

static bool add_random(struct sha256 *sha, struct err *err)
{
    unsigned char bytes[DIGEST_BYTES];
    if (sys_getrandom(bytes, sizeof(bytes)) < 0) {
        return err_sys(err, "no random numbers");
    }
    sha256_update(sha, bytes, sizeof(bytes));
    return true;
}

/* False: something of it is not known, and without that it is not the epoch's text. */
static bool epoch_describe(const struct sys_stat *stat, const char *salt, struct epoch *epoch)
{
    snprintf(epoch->text, sizeof(epoch->text), "pawl epoch 1\n%s\n%u:%u:%llu\n%s", epoch->boot,
             stat->dev_major, stat->dev_minor, (unsigned long long)stat->mount_id, salt);
    return epoch->boot[0] != '\0' && salt[0] != '\0' && stat->has_mount_id;
}

static bool epoch_digest(const struct sys_stat *stat, const char *salt, struct epoch *epoch,
                         struct err *err)
{
    struct sha256 sha;
    bool known = epoch_describe(stat, salt, epoch);

    sha256_init(&sha);
    sha256_update(&sha, epoch->text, strlen(epoch->text));
    if (!known) {
        epoch->text[0] = '\0';
        if (!add_random(&sha, err)) {
            return false;
        }
    }
    sha256_finish(&sha, &epoch->digest);
    return true;
}

bool epoch_read(int fresh_fd, bool make, struct epoch *epoch, struct err *err)
{
    struct sys_stat stat;
    char salt[SALT_HEX + 1];
    (void)read_boot_id(epoch);
    if (sys_fstat(fresh_fd, &stat) < 0) {
        return err_sys(err, "'fresh': cannot be looked at");
    }
    return ensure_salt(fresh_fd, make, salt, err) && epoch_digest(&stat, salt, epoch, err);
}

bool epoch_look(int fresh_fd, struct epoch *epoch)
{
    struct sys_stat stat;
    char salt[SALT_HEX + 1];

    *epoch = (struct epoch){0};
    return read_boot_id(epoch) && sys_fstat(fresh_fd, &stat) == 0 && read_salt(fresh_fd, salt) &&
           epoch_describe(&stat, salt, epoch);
}

bool epoch_break(int fresh_fd, struct epoch *epoch, struct err *err)
{
    return write_salt(fresh_fd, err) && epoch_read(fresh_fd, true, epoch, err);
}

const char *epoch_name(const struct epoch *epoch, char name[static EPOCH_NAME_BYTES + 1])
{
    hex_encode(epoch->digest.bytes, EPOCH_NAME_BYTES / 2, name);
    return name;
}
