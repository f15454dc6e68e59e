# shellcheck shell=bash
# What the tests of faults begin with: a folder of their own.

setup() {
	: "${PAWL:?is the binary under test, built with V=fault}"
	unset PAWL_RUN_DIR PAWL_RUN_ID PAWL_FAULT PAWL_FAULT_FILE
	here=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return 1
}

each_call() {
	perl "$here/each-call.pl" "$@"
}

# In a namespace of mounts, which goes with the last process in it.
each_call_mounted() {
	unshare -m sh -c 'mount -t tmpfs none .' 2>/dev/null || skip "cannot mount in a namespace of its own (not root)"
	unshare -m perl "$here/each-call.pl" "$@"
}

power_cut() {
	perl "$here/power-cut.pl" "$@"
}
