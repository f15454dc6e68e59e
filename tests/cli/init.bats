#!/usr/bin/env bats
# init: the first manifest runs as it is; nothing is overwritten.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
}

@test "what it writes runs as it is" {
	run --separate-stderr "$PAWL" init
	[ "$status" -eq 0 ]
	[ "$output" = "wrote pawl.toml; 'pawl run' runs it" ]
	[ "$stderr" = "" ]
	[ "$(ls -A)" = pawl.toml ]
	run --separate-stderr "$PAWL" check
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "$output" = "pawl.toml: 3 stages, 4 instances, no mistakes" ]
	"$PAWL" run -q
	[ "$(cat out/report.txt)" = "out/power-2.txt: 100
out/power-3.txt: 1000" ]
	"$PAWL" plan --check
	"$PAWL" run -q -p count=2
	[ "$(cat out/report.txt)" = "out/power-2.txt: 4
out/power-3.txt: 8" ]
}

@test "a manifest that is there stays as it is" {
	echo "# mine" >pawl.toml
	run --separate-stderr "$PAWL" init
	[ "$status" -eq 2 ]
	[ "$output" = "" ]
	[ "$stderr" = "pawl: 'pawl.toml' is there already: it is left as it is; 'pawl check' reads it" ]
	[ "$(cat pawl.toml)" = "# mine" ]
	rm pawl.toml
	ln -s nowhere pawl.toml
	run "$PAWL" init
	[ "$status" -eq 2 ]
	[ ! -e nowhere ]
}

@test "into another folder" {
	mkdir other
	"$PAWL" -C other init
	[ -f other/pawl.toml ]
	run --separate-stderr "$PAWL" -C missing init
	[ "$status" -eq 2 ]
	[[ "$stderr" == "pawl: 'missing': cannot go there: "* ]]
}

@test "under another name" {
	"$PAWL" -f other.toml init
	"$PAWL" -f other.toml check
	[ ! -e pawl.toml ]
}

@test "a folder that cannot be written" {
	[ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
	mkdir shut
	chmod a-w shut
	run --separate-stderr "$PAWL" -C shut init
	[ "$status" -eq 11 ]
	[[ "$stderr" == "pawl: 'pawl.toml': cannot be made: "* ]]
}
