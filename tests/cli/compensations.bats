#!/usr/bin/env bats
# Effects outside the workspace and how they are undone: when a run fails, is cancelled by whoever, is
# killed in the middle; what is undone, in which order, how often, and what counts afterwards. The world
# outside is the file ../world. Commands wait for files of the test, never for time.

bats_require_minimum_version 1.5.0
load run.bash

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
	touch ../world
}

teardown() {
	touch ../go
	[ ! -e ../pid ] || end_left "$(cat ../pid)"
}

# a, then b, then c, each with an effect; c fails until ../good is there, and waits while ../hold is.
trip() {
	manifest <<-'END'
		grace = "10s"
		[stage.a]
		run = "echo a >>../world; echo a"
		stdout = "a"
		compensate = "echo undo a >>../world"
		[stage.b]
		inputs = ["a"]
		run = "echo b >>../world; cat a"
		stdout = "b"
		compensate = ["sh", "-c", "echo undo b >>../world"]
		[stage.c]
		inputs = ["b"]
		run = "echo c >>../world; while [ -e ../hold ]; do sleep 0.01; done; [ -e ../good ] && cat b"
		stdout = "c"
		compensate = "echo undo c >>../world; [ ! -e ../stuck ] || exit 3"
	END
}

world() {
	paste -sd, ../world
	: >../world
}

# In the background, until c is under way: its process in ../pid.
started() {
	touch ../hold
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$PAWL" run "$@" >../said 2>&1 &
	echo $! >../pid
	wait_until grep -qx c ../world
}

# How it ended, and that it did.
ends_with() {
	local status=0
	wait "$(cat ../pid)" || status=$?
	[ "$status" -eq "$1" ]
}

@test "a failed run undoes all, the newest first, and forgets it" {
	trip
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(world)" = "a,b,c,undo c,undo b,undo a" ]
	[[ "$output" == *"undoing   3 effects, newest first: the run failed"* ]]
	[[ "$output" == *"compensation completed: 3 of 3"* ]]
	[[ "$output" == *"1 failed, 2 compensated"* ]]
	run "$PAWL" plan
	[[ "$output" == *"what it did was undone"* ]]
	touch ../good
	"$PAWL" run
	[ "$(world)" = "a,b,c" ]
	[ ! -e .pawl/effects ]
	"$PAWL" plan --check
	# What is released is nobody's to undo: only what runs again.
	rm ../good
	"$PAWL" run --force=c || true
	[ "$(world)" = "c,undo c" ]
	"$PAWL" verify
}

@test "an attempt that fails is undone before the next" {
	manifest <<-'END'
		[stage.a]
		run = "echo a $PAWL_ATTEMPT >>../world; [ $PAWL_ATTEMPT = 3 ] && echo a"
		stdout = "a"
		retry = { max = 3, delay = "1ms" }
		compensate = "echo undo a $PAWL_ATTEMPT of $PAWL_MAX_ATTEMPTS >>../world"
	END
	"$PAWL" run
	[ "$(world)" = "a 1,undo a 1 of 4,a 2,undo a 2 of 4,a 3" ]
	[ ! -e .pawl/effects ]
}

@test "Ctrl-C undoes nothing; the next run goes on and may undo it" {
	trip
	started
	kill -INT "$(cat ../pid)"
	ends_with 130
	[ "$(world)" = "a,b,c" ]
	rm ../hold
	run "$PAWL" run
	[ "$status" -eq 1 ]
	# What c did is unknown: undone before it runs again, and once more when that fails.
	[ "$(world)" = "undo c,c,undo c,undo b,undo a" ]
}

@test "an interrupted run that is gone on with and ends well keeps what it did" {
	trip
	started
	kill -INT "$(cat ../pid)"
	ends_with 130
	rm ../hold
	touch ../good
	"$PAWL" run
	[ "$(world)" = "a,b,c,undo c,c" ]
	[ ! -e .pawl/effects ]
	"$PAWL" plan --check
}

@test "a run that is cancelled undoes all" {
	trip
	started
	run "$PAWL" cancel latest
	[ "$status" -eq 0 ]
	ends_with 8
	[ "$(world)" = "a,b,c,undo c,undo b,undo a" ]
	grep -q "the run was cancelled" ../said
	run "$PAWL" plan --check
	[ "$status" -eq 6 ]
}

@test "a dead run that is cancelled undoes all, with what the manifest said then" {
	trip
	started
	kill -9 "$(cat ../pid)"
	ends_with 137
	manifest <<-'END'
		[stage.other]
		run = "echo other"
		stdout = "a"
	END
	run "$PAWL" cancel latest
	[ "$status" -eq 0 ]
	[ "$(world)" = "a,b,c,undo c,undo b,undo a" ]
	[[ "$output" == *"compensation completed: 3 of 3"* ]]
	[[ "$output" == *"is cancelled"* ]]
	run "$PAWL" status
	[[ "$output" == *"cancelled"*"2 compensated"* ]]
	run "$PAWL" cancel latest
	[ "$status" -eq 0 ]
	[ "$(world)" = "" ]
	trip
	rm ../hold
	touch ../good
	"$PAWL" run
	[ "$(world)" = "a,b,c" ]
}

@test "another plan takes the place of a killed run: it inherits the effects" {
	trip
	started
	kill -9 "$(cat ../pid)"
	ends_with 137
	rm ../hold
	sed -i 's/cat b"/cat b b"/' pawl.toml
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(world)" = "a,b,c,undo c,c,undo c,undo b,undo a" ]
}

@test "an effect whose stage is gone and whose end is unknown is undone by the next whole run" {
	trip
	started
	kill -9 "$(cat ../pid)"
	ends_with 137
	perl -0pi -e 's/\[stage\.c\].*//s' pawl.toml
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[ "$(world)" = "a,b,c,undo c" ]
	[ ! -e .pawl/effects ]
	run "$PAWL" run
	[[ "$output" == *"up to date"* ]]
}

# a has an effect; z fails while ../good is not there.
undo='compensate = "echo undo a >>../world"'
pair() {
	manifest <<-END
		[params]
		on = 1
		[stage.a]
		when = "on == 1"
		run = "echo a >>../world; echo a >a"
		outputs = ["a"]
		$1
		[stage.z]
		needs = ["a"]
		run = "[ -e ../good ]"
	END
}

# a is undone, and z would succeed now.
undone_pair() {
	pair "$undo"
	run "$PAWL" run
	[ "$(world)" = "a,undo a" ]
	touch ../good
}

@test "what was undone is done again, also after a good run that left it out" {
	undone_pair
	run "$PAWL" run -p on=0
	[ "$status" -eq 0 ]
	run "$PAWL" run
	[ "$(world)" = "a" ]
	[ ! -e .pawl/effects ]
}

@test "what was undone is done again, also when its stage was gone for a while" {
	undone_pair
	cp pawl.toml ../kept
	perl -0pi -e 's/\[stage\.a\].*(?=\[stage\.z\])//s; s/^needs.*//m; s/on = 1//' pawl.toml
	run "$PAWL" run
	[ "$status" -eq 0 ]
	cp ../kept pawl.toml
	run "$PAWL" run
	[ "$(world)" = "a" ]
	[ ! -e .pawl/effects ]
}

@test "what was undone is done again, also when its stage has no compensation any more" {
	undone_pair
	pair ""
	run "$PAWL" run
	[ "$(world)" = "a" ]
	[ ! -e .pawl/effects ]
	run "$PAWL" run
	[ "$(world)" = "" ]
}

@test "a compensation that fails: status 13, what is to be done, and it is called again" {
	trip
	touch ../stuck
	run "$PAWL" run
	[ "$status" -eq 13 ]
	[ "$(world)" = "a,b,c,undo c,undo b,undo a" ]
	[[ "$output" == *"NOT UNDONE c: exit 3"*"at pawl.toml:"*"undo it by hand"* ]]
	[[ "$output" == *"compensation incomplete: 2 of 3 are undone"* ]]
	run "$PAWL" cancel latest
	[ "$status" -eq 13 ]
	[ "$(world)" = "undo c" ]
	touch ../good
	# Nothing is started over it.
	run "$PAWL" run
	[ "$status" -eq 13 ]
	[ "$(world)" = "undo c" ]
	rm ../stuck
	run "$PAWL" cancel latest
	[ "$status" -eq 0 ]
	[ "$(world)" = "undo c" ]
	"$PAWL" run
	[ "$(world)" = "a,b,c" ]
}

@test "a compensation is retried as its stage is, and ended by its timeout" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../world; exit 1"
		retry = { max = 2, delay = "1ms", exit_codes = [75] }
		timeout = "1m"
		compensate = "echo undo >>../world; [ $(grep -c undo ../world) = 3 ] || exit 75"
		[stage.b]
		needs = ["a"]
		run = "true"
	END
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(world)" = "a,undo,undo,undo" ]
	sed -i 's/compensate = .*/compensate = "echo undo >>..\/world; exec sleep 300"/; s/max = 2/max = 0/; s/"1m"/"100ms"/' pawl.toml
	run "$PAWL" run
	[ "$status" -eq 13 ]
	[[ "$output" == *"NOT UNDONE a: it took longer than the stage's timeout"* ]]
}

@test "killed while it undoes: the next command goes on, whatever the manifest says then" {
	trip
	sed -i 's|compensate = \["sh", "-c", "echo undo b|compensate = ["sh", "-c", "while [ -e ../hold ]; do sleep 0.01; done; echo undo b|' pawl.toml
	touch ../hold
	sed -i 's|while \[ -e ../hold \]; do sleep 0.01; done; \[ -e ../good|[ -e ../good|' pawl.toml
	"$PAWL" run >../said 2>&1 &
	echo $! >../pid
	wait_until grep -q "undo c" ../world
	kill -9 "$(cat ../pid)"
	ends_with 137
	rm ../hold
	touch ../good
	world
	# The stage that waits to be undone is up to date by its key, and does not count.
	run "$PAWL" plan --check
	[ "$status" -eq 6 ]
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[[ "$output" == *"undoing   2 effects"*"an earlier run was to undo them"* ]]
	[ "$(world)" = "undo b,undo a,a,b,c" ]
}

@test "a signal while it undoes: what runs is let end, nothing more begins" {
	trip
	sed -i 's|compensate = \["sh", "-c", "echo undo b|compensate = ["sh", "-c", ": >../up; while [ -e ../hold ]; do sleep 0.01; done; echo undo b|' pawl.toml
	sed -i 's|while \[ -e ../hold \]; do sleep 0.01; done; \[ -e ../good|[ -e ../good|' pawl.toml
	touch ../hold
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$PAWL" run >../said 2>&1 &
	echo $! >../pid
	wait_until test -e ../up
	kill -INT "$(cat ../pid)"
	wait_until grep -q stopping ../said
	rm ../hold
	ends_with 130
	[ "$(world)" = "a,b,c,undo c,undo b" ]
	run "$PAWL" cancel latest
	[ "$status" -eq 0 ]
	[ "$(world)" = "undo a" ]
}

@test "what it finds: the cause, the log, the environment of the stage, no secret in any file" {
	manifest <<-'END'
		[stage.a]
		run = "echo a"
		stdout = "a"
		env = { WHERE = "here" }
		pass_env = ["REGION"]
		secret_env = ["TOKEN"]
		compensate = "echo $WHERE $REGION $TOKEN $PAWL_STAGE $PAWL_CAUSE $PAWL_EXIT_STATUS $(cat $PAWL_LOG) >>../world"
		[stage.b]
		inputs = ["a"]
		run = "echo because; exit 7"
	END
	export REGION=north TOKEN=very-secret-word
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(world)" = "here north very-secret-word a exit 7 because" ]
	[ -z "$(grep -rl very-secret-word .pawl)" ]
	# Without it nothing can be undone, and that is said.
	"$PAWL" run -q || true
	world
	sed -i 's/echo because; exit 7/kill -9 $PPID; exit 7/' pawl.toml
	"$PAWL" run -q || true
	unset TOKEN
	run "$PAWL" cancel latest
	[ "$status" -eq 13 ]
	[[ "$output" == *"environment variable 'TOKEN', a secret of stage 'a', is not set"* ]]
	export TOKEN=very-secret-word
	run "$PAWL" cancel latest
	[ "$status" -eq 0 ]
}

@test "a failure that the manifest ignores is not why all is undone" {
	manifest <<-'END'
		[stage.a]
		run = "echo a"
		stdout = "a"
		compensate = "echo undo a: $PAWL_CAUSE $PAWL_EXIT_STATUS >>../world"
		[stage.b]
		inputs = ["a"]
		run = "exit 5"
		on_failure = "ignore"
		[stage.c]
		needs = ["b"]
		run = "exit 7"
	END
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(world)" = "undo a: exit 7" ]
}

@test "a secret of a stage that is gone is masked in the log of what undoes it" {
	manifest <<-'END'
		[stage.a]
		run = "echo a"
		stdout = "a"
		secret_env = ["TOKEN"]
		compensate = "echo the word is $TOKEN; exit 3"
		[stage.b]
		inputs = ["a"]
		run = "kill -9 $PPID; exit 7"
	END
	export TOKEN=very-secret-word
	"$PAWL" run -q || true
	manifest <<-'END'
		[stage.other]
		run = "echo other"
		stdout = "other"
	END
	run "$PAWL" cancel latest
	[ "$status" -eq 13 ]
	[[ "$output" == *"the word is ***"* ]]
	[ -z "$(grep -rl very-secret-word .pawl)" ]
}

@test "it knows which attempt it undoes, of whatever run" {
	manifest <<-'END'
		[stage.a]
		run = "echo $PAWL_ATTEMPT_ID >>../world; exit 1"
		retry = { max = 1, delay = "1ms" }
		compensate = "echo undo $PAWL_EFFECT_ID >>../world"
	END
	"$PAWL" run -q || true
	first=$(sed -n 1p ../world) second=$(sed -n 3p ../world)
	[ "$first" != "$second" ]
	[ "$(world)" = "$first,undo $first,$second,undo $second" ]
	# Another plan undoes what a killed run did.
	sed -i 's/exit 1"/kill -9 $PPID; exit 1"/; s/max = 1/max = 0/' pawl.toml
	"$PAWL" run -q || true
	first=$(world)
	sed -i 's/kill -9 $PPID; exit 1/exit 2/' pawl.toml
	"$PAWL" run -q || true
	second=$(sed -n 2p ../world)
	[[ "$second" != "$first"* ]]
	[ "$(world)" = "undo $first,$second,undo $second" ]
}

@test "killed between the end of an effect and the record of its result: undone before the next" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../world; while [ -e ../hold ]; do sleep 0.01; done; echo a"
		stdout = "a"
		compensate = "echo undo a >>../world"
		[stage.b]
		inputs = ["a"]
		run = "echo c >>../world; while [ ! -e ../go ]; do sleep 0.01; done"
	END
	touch ../hold
	"$PAWL" run >../said 2>&1 &
	echo $! >../pid
	wait_until grep -qx a ../world
	cp -a .pawl ../before
	rm ../hold
	wait_until grep -qx c ../world
	kill -9 "$(cat ../pid)"
	ends_with 137
	touch ../go
	cp .pawl/effects ../before/effects
	rm -rf .pawl a
	mv ../before .pawl
	world
	"$PAWL" run
	[ "$(world)" = "undo a,a,c" ]
}

@test "a damaged list of effects: nothing is started" {
	trip
	"$PAWL" run -q || true
	world
	printf 'xxxxxxxx' | dd of=.pawl/effects bs=1 seek=200 conv=notrunc status=none
	for command in "run" "plan" "cancel latest"; do
		# shellcheck disable=SC2086
		run "$PAWL" $command
		[ "$status" -eq 12 ]
		[[ "$output" == *effects* ]]
	done
	[ "$(world)" = "" ]
	run "$PAWL" verify
	[ "$status" -eq 12 ]
	[[ "$output" == *effects* ]]
}

@test "hooks are told of each that is undone" {
	trip
	cat >>pawl.toml <<-'END'
		[[on.compensated]]
		run = "sed -n 's/.*\"instance\":\"\\([a-z]*\\)\".*/\\1/p' >>../told"
	END
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(paste -sd, ../told)" = "c,b,a" ]
}
