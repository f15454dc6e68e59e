#!/usr/bin/env bats
# The power fails: pawl ends at some call, and of all that was not synced any part is lost or garbled
# (tests/fault/PowerCut.pm). The seed is printed; POWER_SEED=n repeats one.

setup() {
	: "${PAWL:?is the binary under test, built with V=fault}"
	unset PAWL_RUN_DIR PAWL_RUN_ID PAWL_FAULT PAWL_FAULT_FILE
	here=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return 1
}

@test "the power fails at any call" {
	perl "$here/power-cut.pl" 1 8 any kill
}

@test "the power fails around a sync, and after what follows it" {
	perl "$here/power-cut.pl" 2 4 syncfs kill
	perl "$here/power-cut.pl" 3 4 syncfs torn
	perl "$here/power-cut.pl" 4 6 rename torn
}

@test "the power fails in the middle of a write" {
	perl "$here/power-cut.pl" 5 5 write torn
	perl "$here/power-cut.pl" 6 5 pwrite torn
}
