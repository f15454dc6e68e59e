#!/usr/bin/env bats
# Programs whose bytes are part of the key.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir -p "$BATS_TEST_TMPDIR/work/bin"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	for n in one two; do
		printf '#!/bin/sh\necho %s\n' "$n" >"bin/$n"
		chmod +x "bin/$n"
	done
	cat >pawl.toml <<-'TOML'
		[pipeline]
		name = "tools"

		[stage.use]
		matrix = { n = ["one", "two"] }
		run = "echo {{n}} >>log; echo x >out-{{n}}.txt"
		tools = ["./bin/{{n}}"]
		outputs = ["out-{{n}}.txt"]
	TOML
}

@test "tools: a template names the program of its instance" {
	"$PAWL" run
	printf '#!/bin/sh\necho other\n' >bin/two
	"$PAWL" run
	[ "$(sort log | tr '\n' ' ')" = "one two two " ]
	run --separate-stderr "$PAWL" plan --check
	[ "$status" -eq 0 ]
}

@test "tools: a program that is not there" {
	rm bin/two
	run --separate-stderr "$PAWL" run -k
	[ "$status" -eq 11 ]
	[[ "$stderr" == *"tool './bin/two'"* ]]
}
