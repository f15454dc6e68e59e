#!/usr/bin/env bats
# What a failed attempt leaves: the outputs of before, its own in .pawl/failed, and a record that
# the next run finds.

setup_file() {
	: "${PAWL:?is the binary under test}"
}

setup() {
	# Where a stage runs pawl itself, these would point at an outer run.
	unset PAWL_RUN_DIR PAWL_RUN_ID
	cd "$BATS_TEST_TMPDIR" || return 1
}

manifest() {
	{
		printf '[pipeline]\nname = "test"\n'
		cat
	} >pawl.toml
}

@test "partial outputs of a failed attempt are moved away at once" {
	manifest <<-'END'
		[stage.bad]
		run = "echo partial > bad.txt; exit 3"
		outputs = ["bad.txt"]
	END
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ ! -e bad.txt ]
	[ "$(cat .pawl/failed/*/*/bad.txt)" = partial ]
}

@test "what lay at an output returns at once when the attempt fails" {
	manifest <<-'END'
		[stage.bad]
		run = "echo partial > bad.txt; exit 3"
		outputs = ["bad.txt"]
	END
	echo mine >bad.txt
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(cat bad.txt)" = mine ]
	[ -z "$(find .pawl/parked -type f)" ]
}
