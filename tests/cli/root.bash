# shellcheck shell=bash disable=SC2154
# What tests need root for: small file systems, and being somebody else. unmount_small in teardown,
# and $place removed.

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
