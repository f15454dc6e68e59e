#!/usr/bin/env bats
# Streams that are killed, paused, resumed and cancelled: an item whose result was kept is never
# worked again, and what was under way at most once more. Commands wait for files of the test, never
# for time.

load run

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
	touch ../ran
}

teardown() {
	touch ../go
	[ ! -e ../pid ] || kill -9 "$(cat ../pid)" 2>/dev/null || true
}

# Two streams in a chain over `list`; item $1 of stage $2 (p or c) is held until ../go is there.
# More keys of both from stdin.
chain() {
	hold="if [ \"\$x\" = $1 ] && [ ! -e ../go ]; then : >../held; until [ -e ../go ]; do sleep 0.01; done; fi"
	[ "$2" = p ] && hold_p=$hold hold_c=: || hold_p=: hold_c=$hold
	more=$(cat)
	manifest <<-END
		grace = "10s"
		[stage.p]
		each = { lines = "list" }
		run = 'IFS= read -r x; echo "p\$x" >>../ran; $hold_p; echo "\$x"'
		stdout = "p.out"
		$more
		[stage.c]
		each = { stage = "p" }
		run = 'IFS= read -r x; echo "c\$x" >>../ran; $hold_c; echo "<\$x>"'
		stdout = "c.out"
		$more
	END
	seq 20 >list
	seq -f '<%.0f>' 20 >../expected
}

# The same with workers that live long.
worker_chain() {
	hold="if [ \"\$x\" = $1 ] && [ ! -e ../go ]; then : >../held; until [ -e ../go ]; do sleep 0.01; done; fi"
	manifest <<-END
		grace = "10s"
		[stage.p]
		each = { lines = "list" }
		mode = "worker"
		run = 'while IFS= read -r x; do echo "p\$x" >>../ran; echo "\$x"; done'
		stdout = "p.out"
		[stage.c]
		each = { stage = "p" }
		mode = "worker"
		workers = 1
		run = 'while IFS= read -r x; do echo "c\$x" >>../ran; $hold; echo "<\$x>"; done'
		stdout = "c.out"
	END
	seq 20 >list
	seq -f '<%.0f>' 20 >../expected
}

# Starts a run in the background that is held: its process is in ../pid.
held_run() {
	rm -f ../held ../go
	"$PAWL" run >../said 2>&1 3>&- &
	echo $! >../pid
	wait_until test -e ../held
}

# No item was begun more than so often.
at_most() {
	awk -v most="$1" '++n[$0] > most { print "begun too often: " $0; bad = 1 } END { exit bad }' ../ran
}

# The next run has the output of one that was not disturbed.
goes_on() {
	touch ../go
	run timeout 60 "$PAWL" run
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
	cmp c.out ../expected
	cmp p.out list
	at_most 2
	# Everything is known now.
	: >../ran
	echo 21 >>list
	run timeout 60 "$PAWL" run
	[ "$status" -eq 0 ]
	ran p21 c21
}

descendants() {
	for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		descendants "$child"
		echo "$child"
	done
}

@test "pawl is killed while its producer works" {
	chain 10 p </dev/null
	held_run
	kill -KILL "$(cat ../pid)"
	goes_on
}

@test "pawl is killed while its consumer works" {
	chain 10 c </dev/null
	held_run
	kill -KILL "$(cat ../pid)"
	goes_on
}

@test "pawl is killed while workers work: of what one was handed nothing is lost" {
	worker_chain 10
	held_run
	kill -KILL "$(cat ../pid)"
	goes_on
}

@test "everything is killed at once" {
	chain 10 c </dev/null
	held_run
	pid=$(cat ../pid)
	# shellcheck disable=SC2046
	kill -KILL "$pid" $(descendants "$pid")
	goes_on
}

@test "only what works the items is killed: the stage failed, and the next run goes on" {
	chain 10 p </dev/null
	held_run
	pid=$(cat ../pid)
	stream=
	for child in $(cat "/proc/$pid/task/$pid/children"); do
		tr '\0' ' ' <"/proc/$child/cmdline" | grep -q ' stream ' && stream="$stream $child"
	done
	# shellcheck disable=SC2086
	kill -KILL $stream
	wait "$pid" || status=$?
	[ "$status" -eq 1 ]
	not test -e p.out
	goes_on
}

@test "TERM, and again" {
	chain 10 p </dev/null
	held_run
	kill -TERM "$(cat ../pid)"
	wait "$(cat ../pid)" || :
	held_run
	kill -TERM "$(cat ../pid)"
	wait "$(cat ../pid)" || :
	touch ../go
	at_most 2
	timeout 60 "$PAWL" run
	cmp c.out ../expected
}

@test "cancel, then a new run" {
	chain 10 c </dev/null
	held_run
	"$PAWL" cancel latest
	wait "$(cat ../pid)" || status=$?
	[ "$status" -eq 8 ]
	not test -e c.out
	goes_on
}

@test "pause stops a stream, resume goes on with it" {
	chain 10 p </dev/null
	held_run
	"$PAWL" pause latest
	"$PAWL" status latest | grep -q paused
	touch ../go
	"$PAWL" resume latest
	wait "$(cat ../pid)"
	cmp c.out ../expected
	at_most 2
	# An item that was under way when it paused is no failed one.
	not grep -q dead ../said
}

@test "pause --now freezes all of a stream" {
	chain 10 c </dev/null
	held_run
	"$PAWL" pause --now latest
	touch ../go
	"$PAWL" status latest | grep -q paused
	not test -e c.out
	"$PAWL" resume latest
	wait "$(cat ../pid)"
	cmp c.out ../expected
	at_most 1
}

@test "killed while paused" {
	chain 10 p </dev/null
	held_run
	"$PAWL" pause latest
	kill -KILL "$(cat ../pid)"
	goes_on
}

@test "twenty kills at random: the output of a run that was not disturbed" {
	manifest <<-'END'
		[stage.p]
		each = { lines = "list" }
		run = 'IFS= read -r x; echo "p$x" >>../ran; echo "$x"'
		stdout = "p.out"
		queue = 5
		[stage.w]
		each = { stage = "p" }
		mode = "worker"
		queue = 7
		run = 'while IFS= read -r x; do echo "w$x" >>../ran; case $x in *7) echo "fail seven" >&$PAWL_STATUS_FD ;; *) echo "[$x]" ;; esac; done'
		stdout = "w.out"
		dead_letter = "dead"
		[stage.c]
		each = { stage = "w" }
		run = 'IFS= read -r x; echo "c$x" >>../ran; echo "<$x>"'
		stdout = "c.out"
		dedupe = true
	END
	{
		seq 400
		seq 100
	} >list
	RANDOM=42
	for round in $(seq 20); do
		target=$(($(wc -l <../ran) + RANDOM % 40 + 1))
		"$PAWL" run >../said 2>&1 3>&- &
		pid=$!
		echo "$pid" >../pid
		wait_until reached "$target" "$pid"
		[ $((round % 2)) -eq 0 ] || family=$(descendants "$pid")
		# shellcheck disable=SC2086
		kill -KILL "$pid" ${family-} 2>/dev/null || :
		family=
		wait "$pid" || :
	done
	run timeout 60 "$PAWL" run
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
	cmp p.out list
	grep -v '7$' list | sed 's/.*/[&]/' | cmp - w.out
	seq 400 | grep -v '7$' | sed 's/.*/<[&]>/' | cmp - c.out
	[ "$(wc -l <dead)" -eq "$(grep -c '7$' list)" ]
	# A kill loses what was under way, and nothing else.
	at_most 20
	[ "$(wc -l <../ran)" -lt $((400 + 400 + 360 + 20 * (5 + 7 + 256))) ]
	"$PAWL" verify
}

reached() { # $1 lines, unless the process $2 has ended
	[ "$(wc -l <../ran)" -ge "$1" ] || ! kill -0 "$2" 2>/dev/null
}

@test "a run timeout ends a stream, and the next run goes on" {
	chain 10 p </dev/null
	sed -i 's/^grace.*/timeout = "1s"/' pawl.toml
	run timeout 60 "$PAWL" run
	[ "$status" -eq 7 ]
	sed -i '/^timeout/d' pawl.toml
	goes_on
}

@test "a second run at once is locked out" {
	chain 10 c </dev/null
	held_run
	run "$PAWL" run
	[ "$status" -eq 9 ]
	touch ../go
	wait "$(cat ../pid)"
	cmp c.out ../expected
}

@test "progress of a stream: items, rate, queue" {
	chain 10 p </dev/null
	held_run
	wait_until told
	touch ../go
	wait "$(cat ../pid)"
}

told() {
	"$PAWL" status latest | grep -Eq '[0-9]+ items.*, [0-9]+/s, queue [0-9]+'
}
