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

@test "a command that changes its own input runs twice, then is unsettled" {
	manifest <<-'END'
		[stage.self]
		inputs = ["own.txt"]
		run = "echo more >> own.txt; cat own.txt"
		stdout = "self.txt"
	END
	echo first >own.txt
	echo mine >self.txt
	run "$PAWL" run
	[ "$status" -eq 10 ]
	[[ $output == *"input 'own.txt' changed while it ran"* ]]
	[ "$(wc -l <own.txt)" -eq 3 ]
	[ "$(cat self.txt)" = mine ]
	[ ! -e .pawl/kept ]
}

@test "an input that changes during the first attempt alone costs one more" {
	manifest <<-'END'
		[stage.once]
		inputs = ["own.txt"]
		run = "[ -e .once ] || { : > .once; echo more >> own.txt; }; cat own.txt"
		stdout = "once.txt"
	END
	echo first >own.txt
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[ "$(wc -l <once.txt)" -eq 2 ]
	run "$PAWL" plan --check
	[ "$status" -eq 0 ]
}

@test "an attempt that outlives its timeout is ended, and its outputs moved away" {
	manifest <<-'END'
		[stage.slow]
		run = "trap '' TERM; echo partial > slow.txt; while :; do sleep 1; done"
		outputs = ["slow.txt"]
		timeout = "500ms"
		grace = "100ms"
	END
	run "$PAWL" run
	[ "$status" -eq 7 ]
	[ ! -e slow.txt ]
	[ "$(cat .pawl/failed/*/*/slow.txt)" = partial ]
}

# A look at what commands take is due each second, and moves no timeout to its own time.
@test "a timeout below a second is not put off to the next second" {
	manifest <<-'END'
		[stage.slow]
		run = "sleep 0.9; echo made > slow.txt"
		outputs = ["slow.txt"]
		timeout = "20ms"
	END
	# A busy machine may hold pawl so long that the command is through.
	for ((tries = 0; tries < 20; tries++)); do
		run "$PAWL" run --force
		[ "$status" -ne 7 ] || return 0
	done
	return 1
}

# Runs pawl in the background with INT at its default, and waits until FILE is there.
start_until() { # $1 file, then arguments
	local file=$1 tries=0
	shift
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$PAWL" "$@" >said 2>&1 &
	pid=$!
	until [ -e "$file" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || return 1
		sleep 0.01
	done
}

@test "an interrupted run whose work is done otherwise is closed, and told once" {
	manifest <<-'END'
		[stage.a]
		run = "echo a"
		stdout = "a.txt"
		[stage.b]
		inputs = ["a.txt"]
		run = "cat a.txt; [ ! -e hold ] || { : > holding; sleep 60; }"
		stdout = "b.txt"
	END
	"$PAWL" run
	: >hold
	start_until holding run --force
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 130 ]
	[ "$(cat b.txt)" = a ]
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[[ $output == *"was interrupted: 0 attempts cleaned up, 1 of 2 done"* ]]
	run "$PAWL" run
	[ "$output" = "everything is up to date (2 instances)" ]
	# It was killed, so there is nothing that it exited with.
	[ "$("$PAWL" runs | grep -cE 'abandoned +- ')" -eq 1 ]
	[ "$("$PAWL" runs --json | jq -c '.[] | select(.state == "abandoned") | has("status")')" = false ]
}

@test "a path as a target is relative to where one stands, and nothing is said of it" {
	manifest <<-'END'
		[stage.a]
		run = "echo a"
		stdout = "a.txt"
	END
	mkdir sub
	cd sub
	run "$PAWL" run ../a.txt
	[ "$status" -eq 0 ]
	[[ $output != *"no stage or output"* ]]
	run "$PAWL" run ../a.txt
	[ "$output" = "everything is up to date (1 instance)" ]
}

# Changes the bytes of every object that holds TEXT.
damage() {
	local object
	for object in $(grep -rlx -- "$1" .pawl/objects .pawl/fresh); do
		chmod u+w "$object"
		echo garbage >"$object"
	done
}

@test "a damaged object is told, and what it was is made again" {
	manifest <<-'END'
		[stage.file]
		run = "echo one"
		stdout = "one.txt"
		[stage.folder]
		run = "mkdir folder; echo two > folder/two.txt; echo three > folder/three.txt"
		outputs = ["folder/"]
	END
	"$PAWL" run
	damage one
	damage two
	rm -r one.txt folder
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[[ $output == *"is damaged: its bytes have another digest"* ]]
	[ "$(cat one.txt folder/two.txt folder/three.txt)" = "$(printf 'one\ntwo\nthree')" ]
	rm -r one.txt folder
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[[ $output == *"2 restored"* ]]
	[ "$(cat one.txt folder/two.txt)" = "$(printf 'one\ntwo')" ]
}

@test "a damaged list of a folder's members is told, and the folder is made again" {
	manifest <<-'END'
		[stage.folder]
		run = "mkdir folder; echo two > folder/two.txt"
		outputs = ["folder/"]
		[stage.behind]
		run = "cat folder/two.txt > behind.txt"
		inputs = ["folder/"]
		outputs = ["behind.txt"]
	END
	"$PAWL" run
	list=$(grep -rl two.txt .pawl/objects .pawl/fresh | xargs grep -L stage)
	[ -f "$list" ]
	chmod u+w "$list"
	echo garbage >"$list"
	rm -r folder
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[[ $output == *"object '"*"is damaged: its bytes have another digest"* ]]
	[[ $output == *"1 ran, 1 was up to date"* ]]
	"$PAWL" events latest | grep '"type":"warning"' | grep -q 'is damaged'
	[ "$(cat folder/two.txt)" = two ]
	"$PAWL" verify
	rm -r folder
	run "$PAWL" run
	[[ $output == *"1 restored"* ]]
}

@test "a link in a folder that a stage made is as its stage made it" {
	manifest <<-'END'
		[stage.a]
		run = "mkdir a; echo one > a/1; ln -s 1 a/file; ln -s nowhere a/dangling; mkdir a/sub; ln -s sub a/folder"
		outputs = ["a/"]
		[stage.b]
		inputs = ["a/"]
		run = "cat a/file"
		stdout = "b.txt"
	END
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[ "$(cat b.txt)" = one ]
	"$PAWL" plan --check
}
