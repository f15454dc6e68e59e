#!/usr/bin/env bats
# `"$PAWL" progress`: what the command of a stage says of how far it is. Commands of stages wait for
# files of the test, never for time.

load run.bash

teardown() {
	touch ../go
	[ -z "${pid-}" ] || end_left "$pid"
}

# Waits for ../go when it has said this.
stage() {
	manifest <<-END
		[stage.fit]
		run = '''echo fit >>../ran; $1; : >../holding; until [ -e ../go ]; do sleep 0.01; done; echo x'''
		stdout = "x"
		${2-}
	END
}

shows() {
	"$PAWL" status latest | grep -Eq "$1"
}

told() {
	events attempt.progress | grep -q "$1"
}

json_is() {
	"$PAWL" status --json latest | tr -d ' \n' | grep -q "$1"
}

@test "progress: it is shown by status and -v, and on record" {
	stage '"$PAWL" progress 42.5 fitting loss=0.31'
	"$PAWL" run -v >../said 2>&1 3>&- &
	pid=$!
	wait_until shows '^  running    fit  [0-9.ms]+, 42\.5 % fitting loss=0\.31'
	told '"instance":"fit".*"attempt":1,"permille":425,"text":"fitting loss=0.31","left_ns":'
	json_is '"progress":{"permille":425,"text":"fittingloss=0.31","left_ns":-\?[0-9]*,"at":"2'
	touch ../go
	wait "$pid"
	cat ../said
	grep -Eq '^progress  fit: 42\.5 % fitting loss=0\.31' ../said
	# What was said is gone with the attempt, and nothing of it is shown of what is done.
	[ "$(find .pawl/tmp -type f | wc -l)" -eq 0 ]
	not shows 'fitting'
}

@test "progress: without -v a pipe is told nothing of it" {
	stage '"$PAWL" progress 3/8 fold 3'
	holding_run
	wait_until shows '^  running    fit  [0-9.ms]+, 37\.5 % fold 3'
	touch ../go
	wait "$pid"
	cat ../said
	not grep -q 'fold 3' ../said
}

@test "progress: of a thousand calls the last counts, and few are recorded" {
	stage 'i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); "$PAWL" progress $i/1000 step $i || exit 9; done'
	holding_run
	wait_until shows ' 100 % step 1000$'
	touch ../go
	wait "$pid"
	started=$(events attempt.started | sed 's/.*"time":"\([^"]*\)".*/\1/')
	ended=$(events attempt.finished | sed 's/.*"time":"\([^"]*\)".*/\1/')
	took=$(($(date -d "$ended" +%s) - $(date -d "$started" +%s)))
	count=$(events attempt.progress | wc -l)
	echo "$count in $took s"
	[ "$count" -ge 1 ]
	[ "$count" -le $(((took + 2) * 10 / 9)) ]
}

@test "progress: garbage is status 2 and changes nothing" {
	for share in '' x -1 101 100.1 nan inf 0x10 1e1 5/0 0/0 9/8 1/2/3 / 3/ /3 % 5%% 5/8% 4/-8 . 1.2.3; do
		echo '"$PAWL" progress "'"$share"'" never && echo 0 >>../statuses || echo $? >>../statuses'
	done >../words
	echo '"$PAWL" progress || echo $? >>../statuses' >>../words
	for share in 0 100 100.0 99.99 42% 42.50% .5 0/5 5/5 2.5/5; do
		echo '"$PAWL" progress '"$share"'; echo $? >>../good'
	done >>../words
	stage '. ../words'
	holding_run
	wait_until told '"permille":500,"text":""'
	touch ../go
	wait "$pid"
	[ "$(sort -u ../statuses)" = 2 ]
	[ "$(wc -l <../statuses)" -eq 23 ]
	[ "$(sort -u ../good)" = 0 ]
	not told never
	grep -q "is no share: 0 to 100, as in 42.5, or N/M, as in 3/8" .pawl/runs/*/fit*.log ||
		grep -rq "is no share: 0 to 100, as in 42.5, or N/M, as in 3/8" .pawl/runs
}

@test "progress: a text is bounded, of one line and without secrets" {
	long=$(printf '%0300d' 7)
	stage '"$PAWL" progress 1 "$(printf "a\\nb\\033[2Jc\\377 %s $KEY " "$'"KEY"'")'"$long"'"' 'secret_env = ["KEY"]'
	export KEY=top-secret-word
	holding_run
	wait_until told '"permille":10,"text":"a b \[2Jc  \*\*\* \*\*\* 0000'
	not grep -rq top-secret-word .pawl/runs
	[ "$(events attempt.progress | sed 's/.*"text":"\([^"]*\)".*/\1/' | head -n 1 | wc -c)" -le 121 ]
	touch ../go
	wait "$pid"
}

@test "progress: a file that somebody else wrote is not believed" {
	stage 'f=.pawl/tmp/$PAWL_ATTEMPT_ID.progress; "$PAWL" progress 7 right; echo "$f" >../name'
	holding_run
	wait_until told '"permille":70'
	file=$(cat ../name)
	for bytes in '' x 9999 12x4; do
		printf '%-124s' "$bytes" >"$file"
		"$PAWL" status >/dev/null
	done
	rm "$file"
	ln -s /etc/passwd "$file"
	# The run goes on as before, and the command's next word counts.
	rm "$file"
	printf '%-124s' '0080right again' >"$file"
	wait_until told '"permille":80,"text":"right again'
	[ "$(events attempt.progress | wc -l)" -eq 2 ]
	touch ../go
	wait "$pid"
}

@test "progress: outside of a stage it is status 2, where the run is gone it is nothing" {
	run "$PAWL" progress 42
	[ "$status" -eq 2 ]
	[[ $output == *"'progress' is for the command of a stage"* ]]
	run env PAWL_RUN_DIR=/nowhere/.pawl/runs/x PAWL_ATTEMPT_ID=a/../b "$PAWL" progress 42
	[ "$status" -eq 2 ]
	run env PAWL_RUN_DIR=/nowhere/.pawl/runs/x PAWL_ATTEMPT_ID=a "$PAWL" progress 42 text
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	# Of an attempt that is over: the next run cleans up.
	stage :
	touch ../go
	ends 0
	env PAWL_RUN_DIR="$(echo "$PWD"/.pawl/runs/*)" PAWL_ATTEMPT_ID=gone "$PAWL" progress 42
	not told .
	rm x
	ends 0 --force
	not told .
	"$PAWL" verify
}

@test "progress: a retry begins at nothing" {
	manifest <<-'END'
		[stage.fit]
		run = '''
		if [ "$PAWL_ATTEMPT" = 1 ]; then
			"$PAWL" progress 60 first
			until [ -e ../fail ]; do sleep 0.01; done
			exit 1
		fi
		: >../holding
		until [ -e ../say ]; do sleep 0.01; done
		"$PAWL" progress 10 second
		until [ -e ../go ]; do sleep 0.01; done
		echo x'''
		stdout = "x"
		retry = 1
	END
	rm -f ../fail ../say ../go ../holding
	"$PAWL" run >../said 2>&1 3>&- &
	pid=$!
	wait_until shows ' 60 % first'
	touch ../fail
	wait_until test -e ../holding
	wait_until shows '^  running    fit  [0-9.ms]+: [^%]*\(attempt 2\)$'
	not json_is '"progress"'
	touch ../say
	wait_until told '"attempt":2,"permille":100,"text":"second","left_ns":'
	touch ../go
	wait "$pid"
}

@test "progress: killed and resumed, it begins at nothing and is told anew" {
	stage '[ ! -e ../again ] || { : >../up; until [ -e ../say ]; do sleep 0.01; done; }; "$PAWL" progress 60 half'
	holding_run
	wait_until told '"permille":600'
	kill -KILL "$pid"
	wait "$pid" || :
	# How far it was, and no more how long it takes.
	shows '^  running    fit  60 % half$'
	touch ../again
	"$PAWL" resume latest >../said 2>&1 3>&- &
	pid=$!
	wait_until test -e ../up
	wait_until shows '^  running    fit  [0-9.ms]+ \(attempt 2\)$'
	touch ../say
	wait_until shows '^  running    fit  [0-9.ms]+, 60 % half'
	touch ../go
	wait "$pid"
	[ "$(events attempt.progress | wc -l)" -eq 2 ]
	"$PAWL" verify
}

@test "progress: a pause that freezes the command keeps its word" {
	stage '"$PAWL" progress 50 half' 'on_pause = "freeze"'
	holding_run
	wait_until shows ' 50 % half'
	"$PAWL" pause latest
	shows '^  running    fit  50 % half$'
	"$PAWL" resume latest
	wait_until shows '^  running    fit  [0-9.ms]+, 50 % half'
	touch ../go
	wait "$pid"
}
