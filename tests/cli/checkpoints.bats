#!/usr/bin/env bats
# `checkpoint`: what a command saved is found by the next attempt, and by nobody else. Commands of
# stages wait for files of the test, never for time.

load run.bash

teardown() {
	touch ../go
	[ -z "${pid-}" ] || kill -KILL "$pid" 2>/dev/null || :
}

# A stage that counts to 9 and takes a snapshot at each step. It says in ../ran from where it began.
# At step N: fails if ../fail-N is there, waits for ../go and TERM if ../hold-N is; after TERM it
# saves its last step and ends.
counter() {
	cat >count.sh <<-'END'
		d=$PAWL_CHECKPOINT_DIR
		n=0
		[ ! -e "$d/n" ] || n=$(cat "$d/n")
		echo "$1 from $n" >>../ran
		stop=
		trap 'stop=1' TERM
		step() {
			echo $n >"$d/n.new"
			mv "$d/n.new" "$d/n"
			"$PAWL" checkpoint
		}
		while [ $n -lt 9 ]; do
			n=$((n + 1))
			step
			if [ -e "../fail-$n" ]; then rm "../fail-$n"; exit 3; fi
			if [ -e "../hold-$n" ]; then
				: >../holding
				until [ -e ../go ] || [ -n "$stop" ]; do sleep 0.01; done
			fi
			if [ -n "$stop" ]; then echo stopped >"$d/stopped"; step; exit 1; fi
		done
		echo "counted to $n"
	END
	echo 1 >in
	manifest <<-END
		[stage.count]
		run = ["sh", "count.sh", "count"]
		inputs = ["in", "count.sh"]
		stdout = "out"
		checkpoint = ${1-"{ every = \"0s\" }"}
		${2-}
	END
}

holds_at() {
	rm -f ../hold-* ../holding ../go
	: >"../hold-$1"
}

# The objects of the snapshots of the latest runs, the newest last: their files `n`.
saved_trees() {
	"$PAWL" events "${1-latest}" | sed -n 's/.*"type":"checkpoint.saved".*"snapshot":"\([0-9a-f]*\)".*/\1/p'
}

# Where an object lies.
object() {
	find .pawl/objects .pawl/fresh -type f | grep -E "/${1%"${1#??}"}/?${1#??}\$"
}

damage() {
	chmod u+w "$(object "$1")"
	printf 'x' | dd of="$(object "$1")" conv=notrunc bs=1 seek=2 2>/dev/null
}

@test "checkpoints: a failed attempt's snapshot is found by the next run, and dropped with success" {
	counter
	: >../fail-4
	ends 1
	ran "count from 0"
	ends 0
	ran "count from 4"
	says "goes on   count from its checkpoint of 2"
	has out "counted to 9"
	events checkpoint.restored | grep -q '"instance":"count".*"attempt":1,.*"snapshot":"[0-9a-f]\{64\}","taken_at":"2'
	# Done: nothing is left of it, and what is forced begins anew.
	ends 0 --force
	ran "count from 0"
	[ -z "$(ls .pawl/tmp)" ]
	stands "1 instance"
}

@test "checkpoints: a retry and a recover find it" {
	counter '{ every = "0s" }' 'retry = { max = 2, delay = "0s", jitter = false }'
	: >../fail-2
	: >../fail-6
	ends 0
	ran "count from 0" "count from 2" "count from 6"
	has out "counted to 9"
	counter '{ every = "0s" }' 'recover = "echo recover >>../ran"'
	: >../fail-3
	ends 0 --force
	ran "count from 0" "recover" "count from 3"
}

@test "checkpoints: kill -9 of pawl, and of everything, costs what came behind the last one" {
	counter
	holds_at 4
	killed_run
	holds_at 7
	setsid "$PAWL" run >../said 2>&1 3>&- &
	pid=$!
	wait_until test -e ../holding
	pkill -KILL -s "$pid"
	wait "$pid" || :
	rm ../hold-7
	ends 0
	ran "count from 7"
	has out "counted to 9"
	run "$PAWL" verify
	[ "$status" -eq 0 ]
}

@test "checkpoints: on cancel the command saves its last step within its grace" {
	counter
	holds_at 4
	holding_run
	"$PAWL" cancel latest
	wait "$pid" || [ $? -eq 8 ]
	rm ../hold-4
	ends 0
	ran "count from 4"
	# Behind the step the trap saved once more.
	[ "$(saved_trees previous | wc -l)" -eq 5 ]
}

@test "checkpoints: after TERM the distance does not count, before it does" {
	counter '{ every = "1h" }'
	holds_at 4
	holding_run
	"$PAWL" cancel latest
	wait "$pid" || [ $? -eq 8 ]
	rm ../hold-4
	# The first call, and the last one.
	[ "$(saved_trees | wc -l)" -eq 2 ]
	ends 0
	ran "count from 4"
}

@test "checkpoints: a timeout sends TERM, too" {
	counter '{ every = "0s" }' 'timeout = "1s"'
	holds_at 4
	ends 7
	rm ../hold-4
	ends 0
	ran "count from 4"
}

@test "checkpoints: on pause the command is told to end, and goes on from its snapshot" {
	counter
	holds_at 4
	holding_run
	"$PAWL" pause latest
	rm ../hold-4
	"$PAWL" resume latest
	wait "$pid"
	has out "counted to 9"
	[ "$(cat ../ran | tr '\n' ' ')" = "count from 0 count from 4 " ]
	# It can be let end all the same.
	counter '{ every = "0s" }' 'on_pause = "finish"'
	holds_at 4
	"$PAWL" run --force >../said 2>&1 3>&- &
	pid=$!
	wait_until test -e ../holding
	"$PAWL" pause --no-wait latest
	touch ../go
	wait "$pid"
	[ "$(tail -n 1 ../ran)" = "count from 0" ]
}

@test "checkpoints: paused, killed, and gone on with by another process" {
	counter
	holds_at 4
	holding_run
	"$PAWL" pause latest
	kill -KILL "$pid"
	wait "$pid" || :
	rm ../hold-4
	: >../ran
	"$PAWL" resume latest
	ran "count from 4"
	has out "counted to 9"
}

@test "checkpoints: changed inputs never go on from an old one; going back does" {
	counter
	: >../fail-4
	ends 1
	echo 2 >in
	: >../fail-2
	ends 1
	ran "count from 0"
	echo 1 >in
	ends 0
	ran "count from 4"
	echo 2 >in
	ends 0
	ran "count from 2"
}

@test "checkpoints: instances have their own" {
	counter
	manifest <<-'END'
		[stage.count]
		matrix = { x = ["a", "b"] }
		run = ["sh", "count.sh", "{{x}}"]
		inputs = ["in", "count.sh"]
		stdout = "out-{{x}}"
		checkpoint = { every = "0s" }
	END
	: >../fail-3
	ends 1 'count@x=a'
	: >../fail-5
	ends 1 'count@x=b'
	ends 0
	ran "a from 3" "b from 5"
}

@test "checkpoints: a stage that runs in each run goes on, too" {
	counter '{ every = "0s" }' 'cache = false'
	: >../fail-4
	ends 1
	ends 0
	ran "count from 4"
	ends 0
	ran "count from 0"
}

@test "checkpoints: --force begins anew, and goes on with its own run" {
	counter
	: >../fail-6
	ends 1
	holds_at 3
	rm -f ../holding
	: >../ran
	"$PAWL" run --force >../said 2>&1 3>&- &
	pid=$!
	wait_until test -e ../holding
	kill -KILL "$pid"
	wait "$pid" || :
	ran "count from 0"
	rm ../hold-3
	ends 0 --force
	ran "count from 3"
}

@test "checkpoints: so many are kept, and a damaged one gives way to the one before" {
	counter '{ every = "0s", keep = 3 }'
	: >../fail-6
	ends 1
	damage "$(saved_trees | tail -n 1)"
	damage "$(printf '5\n' | sha256sum | cut -d' ' -f1)"
	run "$PAWL" verify
	[ "$status" -eq 12 ]
	[[ "$output" == *"damaged: checkpoint of 'count': missing from the store, or damaged there; its stage goes on from the one before it, or begins anew"* ]]
	ends 0
	ran "count from 4"
	says "warning   count: damaged checkpoint of 2"
	[ "$(events checkpoint.damaged | wc -l)" -eq 2 ]
	events checkpoint.damaged | grep -q '"severity":"warning".*"reason":"object'
	has out "counted to 9"
	run "$PAWL" verify
	[ "$status" -eq 0 ]
}

@test "checkpoints: where none is good it begins anew, or not at all" {
	counter
	: >../fail-6
	ends 1
	for tree in $(saved_trees | tail -n 2); do rm "$(object "$tree")"; done
	: >../fail-6
	ends 1
	ran "count from 0"
	[ "$(events checkpoint.damaged | wc -l)" -eq 2 ]
	sed -i 's/every = "0s"/every = "0s", required = true/' pawl.toml
	for tree in $(saved_trees | tail -n 2); do damage "$tree"; done
	ends 12
	ran ""
	says "no checkpoint of it is good and 'required' is set; 'pawl verify --repair' forgets them, and it begins anew"
	ends 12
	ran ""
	run "$PAWL" verify --repair
	[ "$status" -eq 0 ]
	[[ "$output" == *"damaged: checkpoint of 'count'"*"; forgotten"* ]]
	ends 0
	ran "count from 0"
}

@test "checkpoints: gc keeps what is gone on from, and takes what nobody needs" {
	counter
	: >../fail-4
	ends 1
	echo 2 >in
	: >../fail-2
	ends 1
	run "$PAWL" gc -n
	[[ "$output" == *", 2 checkpoints;"* ]]
	run "$PAWL" gc
	[ "$status" -eq 0 ]
	[[ "$output" == *", 2 checkpoints;"* ]]
	run "$PAWL" gc
	[[ "$output" == "nothing to remove"* ]]
	run "$PAWL" verify
	[ "$status" -eq 0 ]
	: >../fail-7
	ends 1
	ran "count from 2"
	# Of a run that is not kept it is dead.
	for i in 1 2; do
		sed -i "s/^name = .*/name = \"test$i\"/" pawl.toml
		: >"../fail-$i"
		printf '[stage.other]\nrun = "echo %s"\nstdout = "other"\n' "$i" >>pawl.toml
		ends 0 other
		sed -i '/stage.other/,$d' pawl.toml
	done
	run "$PAWL" gc --keep-runs 1
	[ "$status" -eq 0 ]
	[[ "$output" == *", 2 checkpoints;"* ]]
	rm ../fail-*
	ends 0
	ran "count from 0"
}

@test "checkpoints: a store that is shared keeps those of all its workspaces" {
	mkdir ../b
	counter
	sed -i 's|^name = .*|name = "test"\nstore = "../store"|' pawl.toml
	cp pawl.toml in count.sh ../b
	: >../fail-4
	ends 1
	(
		cd ../b || exit 1
		ends 0
		ran "count from 0"
		echo 2 >in
		: >../fail-2
		ends 1
		run "$PAWL" gc
		[ "$status" -eq 0 ]
	)
	ends 0
	ran "count from 4"
	cd ../b
	ends 0
	ran "count from 2"
}

@test "checkpoints: of a big folder only what changed is read again" {
	manifest <<-'END'
		[stage.big]
		run = '''
		d=$PAWL_CHECKPOINT_DIR
		if [ ! -e "$d/f-1" ]; then
			i=0
			while [ $i -lt 64 ]; do i=$((i + 1)); head -c 1048576 /dev/zero | tr '\0' "\\$((i % 8))" >"$d/f-$i"; done
		fi
		"$PAWL" checkpoint
		echo changed >"$d/f-7"
		"$PAWL" checkpoint
		"$PAWL" checkpoint
		[ ! -e ../fail ] || exit 3
		'''
		stdout = "out"
		checkpoint = { every = "0s" }
	END
	: >../fail
	ends 1
	run events checkpoint.saved
	printf '%s\n' "$output"
	[[ "${lines[0]}" == *'"count":64,"bytes":67108864}'* || "${lines[0]}" == *'"count":64,"bytes":67108864,'* ]]
	[[ "${lines[1]}" == *'"count":64,"bytes":8'[,}]* ]]
	[[ "${lines[2]}" == *'"count":64,"bytes":0'[,}]* ]]
	# What came from the store need not be read either; all but one are of another ctime at most.
	rm ../fail
	ends 0
	run events checkpoint.saved
	printf '%s\n' "$output"
	[ "${#lines[@]}" -eq 3 ]
	[[ "${lines[1]}" == *'"count":64,"bytes":8'[,}]* ]]
}

@test "checkpoints: links stay links, and nothing behind them is taken" {
	mkdir ../outside
	echo secret >../outside/file
	manifest <<-'END'
		[stage.link]
		run = '''
		cd "$PAWL_CHECKPOINT_DIR"
		if [ -h out ]; then ls -l out dir | sed 's/.*-> //'; exit; fi
		ln -s /etc/passwd out
		ln -s ../../../../outside dir
		"$PAWL" checkpoint
		exit 3
		'''
		stdout = "out"
		checkpoint = true
	END
	ends 1
	not grep -rq secret .pawl/objects .pawl/fresh
	ends 0
	has out "$(printf '../../../../outside\n/etc/passwd')"
}

# $1: what the command does before it asks; $2: how the run ends.
asks() {
	manifest <<-END
		[stage.ask]
		run = '''
		cd "\$PAWL_CHECKPOINT_DIR"
		"\$PAWL" checkpoint
		$1
		"\$PAWL" checkpoint 2>"../../../../answer" || echo \$? >"../../../../status"
		'''
		inputs = ["in"]
		stdout = "out"
		checkpoint = { every = "0s" }
	END
	echo 1 >in
	ends "${2-0}"
	cat ../answer ../status
}

@test "checkpoints: what cannot be kept is refused in clear words" {
	asks 'mkfifo pipe'
	has ../answer "pawl: no checkpoint: 'pipe': is neither file, folder nor link, and cannot be kept"
	has ../status 11
	says "warning   ask: its checkpoint was not taken: 'pipe': is neither file"
	events warning | grep -q '"about":"checkpoint"'
	asks 'cd ..; rm -r "$PAWL_CHECKPOINT_DIR"; ln -s . "$PAWL_CHECKPOINT_DIR"; cd "$PAWL_CHECKPOINT_DIR"; cd .; true' || :
	has ../status 11
	asks 'seq 100001 | xargs touch'
	has ../answer "pawl: no checkpoint: '': more than 100000 files"
}

@test "checkpoints: none counts that was made from an input that changed meanwhile" {
	asks 'echo 2 >../../../in' 10
	has ../answer "pawl: no checkpoint: input 'in' changed while the command ran: nobody could tell what the snapshot was made from"
}

@test "checkpoints: only a stage that has one can ask" {
	run "$PAWL" checkpoint
	[ "$status" -eq 2 ]
	[[ "$output" == *"'checkpoint' is for the command of a stage"* ]]
	manifest <<-'END'
		[stage.none]
		run = '''
		env | grep CHECKPOINT && exit 1
		"$PAWL" checkpoint 2>../said || echo $? >../status
		printf '%s\n' "$PAWL_RUN_DIR" "$PAWL_ATTEMPT_ID" >../who
		'''
		stdout = "out"
	END
	ends 0
	has ../status 2
	has ../said "pawl: no PAWL_CHECKPOINT_DIR here: the stage says no 'checkpoint = true'"
	# An attempt that has ended.
	run env PAWL_RUN_DIR="$(sed -n 1p ../who)" PAWL_ATTEMPT_ID="$(sed -n 2p ../who)" PAWL_CHECKPOINT_DIR=/ "$PAWL" checkpoint
	[ "$status" -eq 11 ]
	[[ "$output" == "pawl: no checkpoint: the run does not answer" ]]
}

@test "checkpoints: what an attempt says after its end is ignored" {
	counter
	manifest <<-'END'
		[stage.first]
		run = '''printf '%s\n' "$PAWL_RUN_DIR" "$PAWL_ATTEMPT_ID" >../who'''
		stdout = "first"
		checkpoint = true
		[stage.second]
		run = '''echo second >>../ran; : >../holding; until [ -e ../go ]; do sleep 0.01; done'''
		inputs = ["first"]
		stdout = "second"
	END
	holding_run
	run env PAWL_RUN_DIR="$(sed -n 1p ../who)" PAWL_ATTEMPT_ID="$(sed -n 2p ../who)" PAWL_CHECKPOINT_DIR=/ "$PAWL" checkpoint
	[ "$status" -eq 11 ]
	[[ "$output" == "pawl: no checkpoint: no such attempt runs" ]]
	touch ../go
	wait "$pid"
}

@test "checkpoints: many ask at once, and each is answered" {
	manifest <<-'END'
		[stage.many]
		matrix = { i = { from = 1, to = 20 } }
		run = '''
		for j in 1 2 3 4 5; do
			echo $j >"$PAWL_CHECKPOINT_DIR/j"
			"$PAWL" checkpoint & "$PAWL" checkpoint & "$PAWL" checkpoint
			wait
		done
		echo {{i}}
		'''
		stdout = "out-{{i}}"
		checkpoint = { every = "0s" }
	END
	ends 0 -j 20
	[ "$(ls out-* | wc -l)" -eq 20 ]
	run "$PAWL" verify
	[ "$status" -eq 0 ]
}

@test "checkpoints: random kills, and the bytes of an undisturbed run" {
	counter
	ends 0
	cp out ../whole
	rm -r .pawl out
	for i in 1 2 3 4 5 6 7 8; do
		holds_at "$i"
		"$PAWL" run >../said 2>&1 3>&- &
		pid=$!
		wait_until test -e ../holding
		kill -KILL "$pid"
		wait "$pid" || :
	done
	rm ../hold-*
	ends 0
	ran "count from 8"
	cmp out ../whole
}
