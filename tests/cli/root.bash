# shellcheck shell=bash disable=SC2154
# What tests need root for: small file systems, being somebody else, and roots with nothing in them.
# unmount_small in teardown, and $place removed.

as_root() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
}

# A small file system at FOLDER.
mount_small() { # $1 folder, $2 size
	as_root
	mkdir -p "$1"
	mount -t tmpfs -o "size=$2" none "$1" 2>/dev/null || skip "cannot mount"
	realpath "$1" >"$BATS_TEST_TMPDIR/mounted"
}

unmount_small() {
	[ ! -e "$BATS_TEST_TMPDIR/mounted" ] || umount "$(cat "$BATS_TEST_TMPDIR/mounted")"
}

as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

# A workspace that others reach, for teardown in $place; bats keeps its own folders to itself.
place_for_others() { # $1 mode, $2 the workspace in it
	as_root
	place=$(mktemp -d)
	chmod "$1" "$place"
	mkdir -p "$place/$2"
	cp pawl.toml "$place/$2"
	cd "$place/$2" || return 1
	as_nobody test -x "$PAWL" -a -r pawl.toml || skip "not reachable for others"
}

# A program that names no interpreter (the dynamic linker) needs nothing else in its root.
is_static() {
	perl -e '
		open my $in, "<:raw", $ARGV[0] or exit 1;
		read($in, my $head, 4096) or exit 1;
		exit 1 if substr($head, 0, 6) ne "\x7fELF\x02\x01";
		my $at = unpack("Q<", substr($head, 32, 8));
		my ($size, $count) = unpack("v2", substr($head, 54, 4));
		for my $n (0 .. $count - 1) {
			exit 1 if unpack("V", substr($head, $at + $n * $size, 4)) == 3;
		}' "$1"
}

# A root, in $root, with pawl, sh and awk in /bin, a copy of this folder as /work, and nothing else.
empty_root() {
	as_root
	command -v chroot >/dev/null || skip "no chroot"
	is_static "$PAWL" || skip "$PAWL is not static"
	busybox=$(command -v busybox) || skip "no busybox"
	is_static "$busybox" || skip "busybox is not static"

	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/bin"
	cp "$PAWL" "$root/bin/pawl"
	cp "$busybox" "$root/bin/sh"
	cp "$busybox" "$root/bin/awk"
	cp -R . "$root/work"
}

# pawl in that root and folder; what it says is in $BATS_TEST_TMPDIR/said.
in_root() {
	env -i PATH=/bin "$(command -v chroot)" "$root" /bin/pawl -C /work "$@" >"$BATS_TEST_TMPDIR/said" 2>&1 || {
		cat "$BATS_TEST_TMPDIR/said"
		return 1
	}
}
