#!/usr/bin/env bats
# What is done, recorded, told and thrown away, in which order: pawl is killed before its n-th call
# of each kind that does something, and what it left is looked at, before anybody mends it.

setup() {
	: "${PAWL:?is the binary under test, built with V=fault}"
	unset PAWL_RUN_DIR PAWL_RUN_ID PAWL_FAULT PAWL_FAULT_FILE PAWL_FAULT_BOOT
	mkdir "$BATS_TEST_TMPDIR/seed"
	cd "$BATS_TEST_TMPDIR/seed" || return 1
}

# A stage that ran with the input `old`, which is `new` now.
seed() {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "order"
		[stage.s]
		inputs = ["in"]
		run = "echo ran >>../ran; cat in > out"
		outputs = [{ path = "out", store = false }]
	END
	echo old >in
	"$PAWL" run -q
	seed_run=$(ls .pawl/runs)
	echo new >in
	cd ..
}

# Runs with this fault; false if it did not come to that.
run_with() {
	rm -rf work ran fired
	cp -a seed work
	status=0
	(cd work && PAWL_FAULT=$1 PAWL_FAULT_FILE=../fired exec "$PAWL" run -j1 >../said 2>&1) || status=$?
	[ -e fired ]
}

# Is there an event of this type, with this text, in the record of the run that was killed?
recorded() {
	local events=()
	shopt -s nullglob
	for run in work/.pawl/runs/*; do
		[ "${run##*/}" = "$seed_run" ] || events+=("$run/events.jsonl")
	done
	cat /dev/null "${events[@]}" 2>/dev/null | grep -q "\"type\":\"$1\".*$2"
}

expect_order() {
	# Recorded first, then done: the output is put aside, the command started.
	if [ -e ran ] || [ "$(cat work/out)" != old ]; then
		recorded attempt.started
	fi
	# Recorded first, then told.
	if grep -q '^done ' said; then
		recorded attempt.finished '"state":"done"'
	fi
	# What is on record as done is done: its result and what it made were written before.
	if recorded attempt.finished '"state":"done"'; then
		rm -f ran
		(cd work && "$PAWL" run -j1 >../said 2>&1)
		cat said
		[ ! -e ran ]
		[ "$(cat work/out)" = new ]
		echo newer >work/in
		(cd work && "$PAWL" run -q -j1)
		[ "$(cat work/out)" = newer ]
		[ ! -e work/.pawl/kept ]
	fi
}

@test "nothing is done that is not recorded, nothing told, nothing recorded as done that is not" {
	local kind n kills=0
	seed
	for kind in rename unlink mkdir write pwrite; do
		n=1
		while run_with "$kind:$n:kill"; do
			echo "killed at $kind:$n"
			[ "$status" -eq 137 ]
			expect_order
			n=$((n + 1))
			kills=$((kills + 1))
		done
		[ "$status" -eq 0 ]
	done
	[ "$kills" -gt 30 ]
}

# The only copy of what was there before, until a sync has covered what took its place.
@test "what was put aside stays until a sync has succeeded" {
	seed
	run_with syncfs:1:kill
	[ "$(cat work/out)" = new ]
	[ "$(cat work/.pawl/parked/*/*/out)" = old ]
	run_with syncfs:1:EIO
	cat said
	[ "$status" -eq 11 ]
	[ "$(cat work/.pawl/parked/*/*/out)" = old ]
	(cd work && "$PAWL" run)
	[ "$(cat work/out)" = new ]
	[ -z "$(ls work/.pawl/parked)" ]
}

@test "somebody's file at an output is kept, whenever pawl is killed" {
	local kind n
	seed
	echo mine >seed/out
	for kind in rename unlink; do
		n=1
		while run_with "$kind:$n:kill"; do
			echo "killed at $kind:$n"
			(cd work && "$PAWL" run -q -j1)
			[ "$(cat work/out)" = new ]
			grep -rx mine work/.pawl/kept
			n=$((n + 1))
		done
	done
}

# Names reached the disk, bytes did not: of a good attempt, too, what it replaced is the best there is.
@test "what was put aside is not dropped when the power took what had its place" {
	echo 11111111-1111-1111-1111-111111111111 >../boot
	export PAWL_FAULT_BOOT="$BATS_TEST_TMPDIR/boot"
	seed
	sed -i 's/{ path = "out", store = false }/"out"/' seed/pawl.toml
	run_with syncfs:1:kill
	[ "$(cat work/.pawl/parked/*/*/out)" = old ]
	find work/out work/.pawl/fresh/*/ -type f ! -name lock -exec chmod u+w {} + -exec truncate -s 0 {} +
	echo 22222222-2222-2222-2222-222222222222 >boot
	(cd work && "$PAWL" run)
	[ "$(cat work/out)" = new ]
	grep -rx old work --include=out
}

wait_for() {
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 2000 ] || return 1
		sleep 0.01
	done
}

has_lines() {
	[ -e "$2" ] && [ "$(wc -l <"$2")" -ge "$1" ]
}

# Another boot, by its name: what lives cannot be told from what has the same number by chance.
@test "a run waits for processes of an earlier one that cannot be told apart" {
	local pid
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "lives"
		[stage.s]
		run = '''
		echo ran >>../ran
		[ -e ../second ] || {
			setsid sh -c ': >../up; until [ -e ../go ]; do sleep 0.01; done' &
			wait
		}
		echo out >out'''
		outputs = ["out"]
	END
	echo 11111111-1111-1111-1111-111111111111 >../boot
	PAWL_FAULT_BOOT=../boot "$PAWL" run >../said 2>&1 3>&- &
	pid=$!
	wait_for test -e ../up
	kill -KILL "$pid"
	wait "$pid" || true
	echo 22222222-2222-2222-2222-222222222222 >../boot
	: >../second
	PAWL_FAULT_BOOT=../boot PAWL_FAULT=flock:1+:pass PAWL_FAULT_FILE=../asked "$PAWL" run >../said 2>&1 3>&- &
	pid=$!
	wait_for has_lines 3 ../asked
	[ "$(cat ../ran)" = ran ]
	: >../go
	wait "$pid" || { cat ../said ../asked; false; }
	[ "$(cat ../ran)" = "$(printf 'ran\nran')" ]
	[ "$(cat out)" = out ]
}
