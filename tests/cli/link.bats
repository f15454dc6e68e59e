#!/usr/bin/env bats
# pipeline.link: how outputs come from the store.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	echo 1 >in.txt
	cat >pawl.toml <<-'TOML'
		[pipeline]
		name = "linked"
		link = ["hardlink"]

		[stage.file]
		run = "cat in.txt >out.txt; echo ran >>log"
		inputs = ["in.txt"]
		outputs = ["out.txt"]

		[stage.tree]
		run = "mkdir -p tree/sub; cp out.txt tree/sub/a; printf '#!/bin/sh' >tree/b; chmod +x tree/b"
		inputs = ["out.txt"]
		outputs = ["tree/"]

		[stage.grown]
		run = "cat in.txt >>grown.txt"
		inputs = ["in.txt"]
		outputs = [{ path = "grown.txt", persist = true }]
	TOML
}

mode_and_links() {
	stat -c '%a %h' "$1"
}

@test "link: files of the workspace are read-only links, executables and what persists are not" {
	"$PAWL" run
	# out.txt, tree/sub/a, and the object of both
	[ "$(mode_and_links out.txt)" = "444 3" ]
	[ "$(mode_and_links tree/sub/a)" = "444 3" ]
	[ "$(stat -c %h tree/b)" = 1 ]
	[ "$(stat -c %h grown.txt)" = 1 ]
	run "$PAWL" plan --check
	[ "$status" -eq 0 ]
	"$PAWL" run
	[ "$(cat log)" = ran ]
}

@test "link: what is missing comes back as a link" {
	"$PAWL" run
	rm -rf out.txt tree
	"$PAWL" run
	[ "$(cat log)" = ran ]
	[ "$(mode_and_links out.txt)" = "444 3" ]
	[ "$(mode_and_links tree/sub/a)" = "444 3" ]
	[ "$(stat -c %h tree/b)" = 1 ]
	[ -x tree/b ]
}

@test "link: a command that runs again leaves the object alone" {
	"$PAWL" run
	echo 2 >in.txt
	"$PAWL" run
	[ "$(cat out.txt)" = 2 ]
	[ "$(cat grown.txt)" = "$(printf '1\n2')" ]
	echo 1 >in.txt
	"$PAWL" run
	[ "$(cat out.txt)" = 1 ]
	[ "$(wc -l <log)" -eq 2 ]
}

@test "link: who writes through a link gets the output made anew" {
	"$PAWL" run
	chmod u+w out.txt
	echo spoilt >out.txt
	run --separate-stderr "$PAWL" run
	"$PAWL" run
	[ "$(cat out.txt)" = 1 ]
	[ "$(cat tree/sub/a)" = 1 ]
}

@test "link: another file system is reached by a copy" {
	[ "$(stat -c %d /dev/shm)" != "$(stat -c %d .)" ] || skip "there is one file system"
	store=$(mktemp -d /dev/shm/pawl.XXXXXX) || skip "no other file system can be written"
	"$PAWL" --store "$store" run
	rm out.txt
	run "$PAWL" --store "$store" run
	rm -rf "$store"
	[ "$status" -eq 0 ]
	[ "$(stat -c %h out.txt)" = 1 ]
	[ -w out.txt ]
}

@test "link: nothing asked for is no hard link" {
	sed -i /^link/d pawl.toml
	"$PAWL" run
	[ "$(stat -c %h out.txt)" = 1 ]
	rm out.txt
	"$PAWL" run
	[ "$(stat -c %h out.txt)" = 1 ]
	[ -w out.txt ]
}
