# shellcheck shell=bash
# What the tests of the systems in manifests/ share: a copy of one, as the working folder.

setup_file() {
	: "${PAWL:?is the binary under test}"
	perl -MJSON::PP -e 1 || skip "perl has no JSON::PP"
}

# Goes to a copy, $work, of manifests/NAME.
copy_example() { # $1 name
	# Where a stage runs pawl itself, these would point at an outer run.
	unset PAWL_RUN_DIR PAWL_RUN_ID TRACEPARENT
	source_root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	work=$BATS_TEST_TMPDIR/$1
	cp -R "$source_root/manifests/$1" "$work"
	cd "$work" || return 1
}
