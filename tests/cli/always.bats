#!/usr/bin/env bats
# Stages with `always`: when they run, what they find, and what their own end means. Commands of
# stages wait for files of the test, never for time.

bats_require_minimum_version 1.5.0
load run.bash

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
	touch ../ran
}

teardown() {
	touch ../go
	rm -f ../hold
	[ ! -e ../pid ] || end_left "$(cat ../pid)"
}

# Two stages in a row, and two that clean up in a row. While ../hold is there `first` does not end.
pipeline() {
	manifest <<-'END'
		grace = "5s"
		timeout = "1h"
		[params]
		first = 0
		clean = 0
		[stage.first]
		run = "echo first >>../ran; : >../up; while [ -e ../hold ]; do sleep 0.01; done; echo said; echo a >a; exit {{first}}"
		outputs = ["a"]
		[stage.second]
		run = "echo second >>../ran; cat a >b"
		inputs = ["a"]
		outputs = ["b"]
		[stage.other]
		run = "echo other >>../ran; echo o >o"
		outputs = ["o"]
		[stage.clean]
		always = true
		inputs = ["a", "b"]
		env = { first = "{{first.state}}" }
		run = """
		echo clean >>../ran
		echo "$PAWL_RUN_STATE cause=$PAWL_CAUSE status=$PAWL_EXIT_STATUS first=$first second="{{second.state}} >>../told
		echo {{inputs}} >>../told
		if [ -n "$PAWL_LOG" ]; then cat "$PAWL_LOG" >>../told; fi
		exit {{clean}}
		"""
		[stage.last]
		always = true
		run = "echo last >>../ran; echo clean {{clean.state}} >>../told"
	END
}

# What the stages that clean up were told, since this was asked last.
told() {
	expected=$(printf '%s\n' "$@")
	got=$(cat ../told)
	rm ../told
	if [ "$expected" != "$got" ]; then
		printf '%s\n' "expected:" "$expected" "told:" "$got"
		return 1
	fi
}

background() {
	"$PAWL" run "$@" >../out 2>&1 3>&- &
	echo $! >../pid
}

# What the run in the background exited with.
ended() {
	status=0
	wait "$(cat ../pid)" || status=$?
	cat ../out
	rm ../pid
	[ "$status" -eq "$1" ]
}

held() {
	touch ../hold
	rm -f ../up
	: >../ran
	background "$@"
	wait_until test -e ../up
}

@test "at the end of a good run, and of each one after it" {
	pipeline
	ends 0
	ran first second other clean last
	told 'completed cause= status= first=done second=done' 'a b' 'clean done'
	ends 0
	ran clean last
	says "3 up to date"
	told 'completed cause= status= first=up_to_date second=up_to_date' 'a b' 'clean done'
	[ ! -e .pawl/owed ]
}

@test "plan, plan --check and why say so" {
	pipeline
	ends 0
	run "$PAWL" plan
	[ "$status" -eq 0 ]
	says "run      clean: runs at the end of each run: always = true"
	says "2 would run, 3 up to date"
	run "$PAWL" plan --check
	[ "$status" -eq 6 ]
	run "$PAWL" why clean
	says "runs at the end of each run: always = true"
	rm a b
	touch -d 2020-01-01 pawl.toml
	run "$PAWL" plan -p first=1
	says "run      clean: runs at the end of each run: always = true"
}

@test "after a failure: what was not made is left out, and the first failure is told" {
	pipeline
	ends 1 -j 1 -p first=3
	ran first clean last
	told 'failed cause=exit status=3 first=failed second=blocked' '' 'said' 'clean done'
	says "failed with status 1"
	ends 1 -k -p first=3
	ran first other clean last
	run "$PAWL" status
	says "1 blocked"
	says "3 done"
}

@test "it starts when nothing else runs any more" {
	pipeline
	held -j 4 -p first=4
	wait_until grep -q other ../ran
	rm ../hold
	ended 1
	[ "$(tail -n 2 ../ran)" = "clean
last" ]
}

@test "its own failure counts in a run that was good" {
	pipeline
	ends 1 -p clean=9
	ran first second other clean last
	told 'completed cause= status= first=done second=done' 'a b' 'clean failed'
	says "failed    clean: exit 9"
	says "failed with status 1"
	ends 0
	ran clean last
}

@test "its own failure is a warning in a run that was not good" {
	pipeline
	sed -i 's/exit {{first}}"/exit {{first}}"\ntimeout = "50ms"/' pawl.toml
	touch ../hold
	ends 7 -p clean=9
	told 'failed cause=timeout status=143 first=failed second=blocked' '' 'clean failed'
	says "warning   clean: it failed in a run that was not good before: the run's status stays"
	says "failed with status 7"
}

@test "a failure that its stage ignores never counts" {
	pipeline
	printf 'on_failure = "ignore"\n' >>pawl.toml
	sed -i "s/echo last >>/false; echo last >>/" pawl.toml
	ends 0
	says "failed    last"
}

@test "its own time limit bounds it" {
	pipeline
	touch ../hold
	cat >>pawl.toml <<-'END'
		[stage.hangs]
		always = true
		needs = ["last"]
		timeout = "50ms"
		run = "while :; do sleep 0.01; done"
	END
	rm ../hold
	ends 7
	says "failed    hangs: it took longer than its timeout"
}

@test "it is retried" {
	manifest <<-'END'
		[stage.clean]
		always = true
		retry = { max = 2, delay = "1ms" }
		run = "echo clean >>../ran; test $PAWL_ATTEMPT = 3"
	END
	ends 0
	ran clean clean clean
}

@test "after a cancel, with its cause" {
	pipeline
	held
	"$PAWL" cancel latest
	ended 8
	told 'cancelled cause=cancelled status= first=cancelled second=cancelled' '' 'clean done'
	[ ! -e .pawl/owed ]
	run "$PAWL" status
	says "cancelled"
}

@test "after cancel --now" {
	pipeline
	held
	"$PAWL" cancel --now latest
	ended 8
	told 'cancelled cause=cancelled status= first=cancelled second=cancelled' '' 'clean done'
}

@test "after the run's own time limit" {
	pipeline
	touch ../hold
	sed -i 's/"1h"/"100ms"/' pawl.toml
	ends 7
	told 'failed cause=timeout status= first=cancelled second=cancelled' '' 'clean done'
	says "the run took longer than pipeline.timeout"
}

@test "the first signal ends the run, and lets it run" {
	pipeline
	held
	kill -TERM "$(cat ../pid)"
	ended 143
	told 'interrupted cause=cancelled status= first=cancelled second=cancelled' '' 'clean done'
	rm ../hold
	ends 0
	says "going on"
	[ "$(grep -c clean ../ran)" -eq 1 ]
	told 'completed cause= status= first=done second=done' 'a b' 'clean done'
}

@test "after a second signal before it, it does not run: the next run owes it" {
	pipeline
	sed -i "s/echo first >>/trap '' TERM; echo first >>/" pawl.toml
	held
	kill -TERM "$(cat ../pid)"
	wait_until grep -q stopping ../out
	kill -TERM "$(cat ../pid)"
	ended 143
	[ ! -e ../told ]
	rm ../hold
	ends 0 other
	told 'completed cause= status= first=pending second=pending' '' 'clean done'
}

# One that waits for ../go, behind another.
slow() {
	manifest <<-'END'
		grace = "5s"
		[params]
		bad = 0
		[stage.first]
		run = "echo first >>../ran; exit {{bad}}"
		[stage.clean]
		always = true
		needs = ["first"]
		on_pause = "freeze"
		run = "echo clean >>../ran; : >../up; until [ -e ../go ]; do sleep 0.01; done; echo ended >>../ran"
		[stage.last]
		always = true
		needs = ["clean"]
		run = "echo last $PAWL_RUN_STATE >>../ran"
	END
	rm -f ../up ../go
	: >../ran
	background "$@"
	wait_until test -e ../up
}

@test "a first signal while it runs lets it end" {
	slow
	kill -TERM "$(cat ../pid)"
	wait_until grep -q "stages with 'always' are let end" ../out
	touch ../go
	ended 143
	has ../ran "first
clean
ended
last interrupted"
	[ ! -e .pawl/owed ]
}

@test "a second signal ends it as well" {
	slow
	kill -TERM "$(cat ../pid)"
	wait_until grep -q "stages with 'always' are let end" ../out
	kill -TERM "$(cat ../pid)"
	ended 143
	has ../ran "first
clean"
	# The next run owes it, whatever it is about.
	touch ../go
	: >../ran
	"$PAWL" plan first | grep "run      clean"
	ends 0 first
	ran first clean ended "last completed"
}

@test "cancel while it runs lets it end, cancel --now ends it" {
	slow
	"$PAWL" cancel latest 3>&- &
	wait_until grep -q "stages with 'always' are let end" ../out
	touch ../go
	ended 8
	has ../ran "first
clean
ended
last cancelled"
	wait
	slow
	"$PAWL" cancel --now latest
	ended 8
	has ../ran "first
clean"
	[ ! -e .pawl/owed ]
}

@test "a pause holds it" {
	slow
	"$PAWL" pause latest
	touch ../go
	run "$PAWL" status
	says "paused"
	"$PAWL" resume latest
	ended 0
	has ../ran "first
clean
ended
last completed"
}

@test "a run that fails while it pauses undoes, is paused before its last part, and goes on from there" {
	manifest <<-'END'
		[stage.first]
		run = "echo first >>../ran; : >../up; while [ -e ../hold ]; do sleep 0.01; done; exit 1"
		compensate = "echo undo >>../ran"
		[stage.last]
		always = true
		run = "echo last >>../ran"
	END
	held
	"$PAWL" pause --no-wait latest
	rm ../hold
	timeout 20 "$PAWL" pause latest
	run cat ../ran
	[ "$output" = "first
undo" ]
	timeout 20 "$PAWL" resume latest
	ended 1
	[ "$(tail -n 1 ../ran)" = last ]
}

@test "kill -9, then the run that goes on does it" {
	pipeline
	held
	kill -9 "$(cat ../pid)"
	ended 137
	[ ! -e ../told ]
	has .pawl/owed "pawl owed 1
clean
last"
	rm ../hold
	ends 0
	says "going on"
	told 'completed cause= status= first=done second=done' 'a b' 'clean done'
	[ ! -e .pawl/owed ]
}

@test "kill -9 while it runs, then the run that goes on does it" {
	slow -p bad=3
	kill -9 "$(cat ../pid)"
	ended 137
	touch ../go
	ends 1 -p bad=3
	ran first clean ended "last failed"
}

@test "kill -9, then a run of something else does it as well" {
	pipeline
	held
	kill -9 "$(cat ../pid)"
	ended 137
	rm ../hold
	run "$PAWL" plan other
	says "run      clean"
	ends 0 other
	says "a new run takes its place"
	[ "$(grep -c clean ../ran)" -eq 1 ]
	[ "$(grep -c first ../ran)" -eq 0 ]
	told 'completed cause= status= first=pending second=pending' '' 'clean done'
	ends 0 other
	ran ""
	[ ! -e ../told ]
}

@test "kill -9, then cancel of what is left: the next run does it" {
	pipeline
	held
	kill -9 "$(cat ../pid)"
	ended 137
	rm ../hold
	run "$PAWL" cancel latest
	[ "$status" -eq 0 ]
	says "its stages with 'always' run at the end of the next 'pawl run', whatever that is about"
	ends 0 other
	[ "$(grep -c clean ../ran)" -eq 1 ]
}

@test "what is owed and not in the manifest any more is told; a damaged file as well" {
	pipeline
	held
	kill -9 "$(cat ../pid)"
	ended 137
	rm ../hold
	sed -i '/^\[stage.clean/,$d' pawl.toml
	ends 0
	says "a run that was killed owed 'clean', 'last', which the manifest does not have any more"
	[ ! -e .pawl/owed ]
	echo rubbish >.pawl/owed
	ends 0
	says "'.pawl/owed' is damaged"
	ends 0
	says "everything is up to date"
}

@test "a damaged file of what is owed: all run, whatever the run is about" {
	pipeline
	held
	kill -9 "$(cat ../pid)"
	ended 137
	rm ../hold
	echo rubbish >.pawl/owed
	ends 0 other
	says "'.pawl/owed' is damaged: stages with 'always' that a killed run owed are not known, and all run"
	[ "$(grep -c clean ../ran)" -eq 1 ]
	[ ! -e .pawl/owed ]
}

@test "targets: those that wait for what takes part" {
	pipeline
	ends 0 other
	ran other
	ends 0 first
	ran first clean last
	told 'completed cause= status= first=done second=pending' 'a' 'clean done'
	ends 0 --only second
	ran second clean last
	ends 0 last
	ran clean last
	printf '[stage.alone]\nalways = true\nrun = "echo alone >>../ran"\n' >>pawl.toml
	ends 0 other
	ran ""
	ends 0
	ran clean last alone
}

@test "none but its like may wait for it" {
	manifest <<-'END'
		[stage.clean]
		always = true
		run = "echo > x"
		outputs = ["x"]
		[stage.reads]
		run = "cat {{inputs}}"
		inputs = ["x"]
	END
	ends 3
	says "stage 'reads' waits for 'clean', which runs when all others have ended"
	sed -i 's/inputs = .*/always = true\nneeds = ["clean"]/; s/{{inputs}}/x/' pawl.toml
	ends 0
}

# What `acts` did is undone when the run fails.
saga() {
	manifest <<-'END'
		[params]
		fails = 0
		clean = 0
		[stage.acts]
		run = "echo acts >>../ran; : >../thing"
		outputs = ["x"]
		compensate = "echo undo >>../ran; rm -f ../thing"
		[stage.next]
		needs = ["acts"]
		run = "echo next >>../ran; exit {{fails}}"
		[stage.clean]
		always = true
		needs = ["next"]
		run = "echo clean {{acts.state}} $PAWL_RUN_STATE $PAWL_CAUSE >>../ran; exit {{clean}}"
		[stage.last]
		always = true
		needs = ["clean"]
		run = "echo last {{acts.state}} >>../ran"
	END
	sed -i 's/: >..\/thing/: >x; : >..\/thing/' pawl.toml
}

@test "it comes after the compensations" {
	saga
	ends 1 -p fails=1
	has ../ran "acts
next
undo
clean compensated failed exit
last compensated"
	[ ! -e ../thing ]
	ends 0
	has ../ran "acts
next
clean done completed
last done"
	[ -e ../thing ]
}

@test "where it makes the run fail, compensations come behind it" {
	saga
	ends 1 -p clean=1
	has ../ran "acts
next
clean done completed
undo
last compensated"
	[ ! -e ../thing ]
}

@test "an input by its name, where it may be missing" {
	pipeline
	sed -i 's/inputs = \["a", "b"\]/inputs = { x = "a", y = "b" }/; s/echo {{inputs}} >>/echo {{default(inputs.y, "none")}} >>/' pawl.toml
	sed -i "s/\"none\"/'none'/" pawl.toml
	ends 1 -p first=1
	grep -qx none ../told
	ends 0
	grep -qx b ../told
}

@test "a slice of the plan knows how the rest of it stands" {
	manifest <<-'END'
		[stage.one]
		inputs = ["one.src"]
		run = "echo one >>../ran; cp one.src one"
		outputs = ["one"]
		[stage.two]
		inputs = ["two.src"]
		run = "echo two >>../ran; cp two.src two"
		outputs = ["two"]
		[stage.three]
		inputs = ["two"]
		run = "echo three >>../ran; cp two three"
		outputs = ["three"]
		[stage.clean]
		always = true
		inputs = ["one", "three"]
		run = "echo {{one.state}} {{three.state}} {{inputs}} >>../ran"
	END
	echo 1 >one.src
	echo 2 >two.src
	ends 0
	ran one two three "done done one three"
	ends 0
	ran "up_to_date up_to_date one three"
	echo 11 >one.src
	ends 0
	ran one "done up_to_date one three"
	rm three
	ends 0
	ran "up_to_date restored one three"
}

@test "when, by how others went" {
	pipeline
	cat >>pawl.toml <<-'END'
		[stage.mail]
		always = true
		when = "first.state == 'failed'"
		run = "echo mail >>../ran"
	END
	ends 1 -j 1 -p first=1
	ran first clean last mail
	ends 0
	ran first second other clean last
	says "skipped"
}

@test "standard input and globs that nobody made" {
	manifest <<-'END'
		[stage.first]
		run = "exit 1"
		outputs = ["dir/x"]
		[stage.clean]
		always = true
		stdin = "dir/x"
		inputs = ["dir/*", "none/*.txt"]
		run = "echo {{first.state}} >>../ran; cat; echo [ {{inputs}} ] >>../ran"
	END
	ends 1
	has ../ran "failed
[ ]"
}

@test "a check that refuses is a failure that is told as refused" {
	manifest <<-'END'
		[stage.first]
		run = 'echo "{\"x\": 1}" >m.json'
		metrics = "m.json"
		gate = "x > 2"
		[stage.clean]
		always = true
		run = "echo {{first.state}} $PAWL_CAUSE $PAWL_RUN_STATE >>../ran"
	END
	ends 4
	has ../ran "refused refused failed"
}
