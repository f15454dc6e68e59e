#!/usr/bin/env bats
# Flags and variants of stages, by what a user sees.

load run

# Twelve parts; for parts 2, 6 and 10 `new_model` is on at 25 %.
parts() {
	manifest <<-END
		[flags]
		new_model = { percent = ${1:-25} }
		[stage.embed]
		matrix = { part = { from = 1, to = 12 } }
		outputs = { file = "out/{{part}}" }
		run = 'echo old{{part}} >>../ran; echo old{{part}} >{{outputs.file}}'
		variant.new = { flag = "new_model", run = 'echo new{{part}} >>../ran; echo new{{part}} >{{outputs.file}}' }
	END
}

# One stage with a variant that does as the file ../mood says; $1: more keys of it.
moody() {
	manifest <<-END
		[flags]
		new_model = true
		[breaker.new]
		min_calls = 1
		open_for = "1h"
		[stage.s]
		outputs = { file = "s.txt" }
		run = 'echo own >>../ran; echo own >{{outputs.file}}'
		[stage.s.variant.new]
		flag = "new_model"
		run = 'echo new >>../ran; echo new >{{outputs.file}}; exit \$(cat ../mood)'
		$1
		[stage.after]
		inputs = ["s.txt"]
		outputs = ["after.txt"]
		run = "cp s.txt after.txt"
	END
}

all_old() {
	for part in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "old$part"; done
}

@test "a share of the instances runs the variant, the same ones whenever it is asked" {
	parts
	ends 0
	ran old1 new2 old3 old4 old5 new6 old7 old8 old9 new10 old11 old12
	has out/2 new2
	has out/3 old3
	stands 12
	rm -rf .pawl out
	ends 0
	ran old1 new2 old3 old4 old5 new6 old7 old8 old9 new10 old11 old12
}

@test "another share runs exactly those again that choose otherwise" {
	parts
	ends 0
	# Nobody's choice is another.
	ends 0 --flag new_model=26
	ran ""
	says "everything is up to date (12"
	ends 0 --flag new_model=0.5
	ran old2 old6 old10
	# What was on at 25 % is on at 60 %, and those have their results.
	ends 0 --flag new_model=60
	[ "$(grep -c new ../ran)" -gt 0 ] && not grep -Eq 'new(2|6|10)$|old' ../ran
	has out/2 new2
	ends 0
	ran ""
	ends 0 --flag new_model=on
	not grep -q old ../ran
	ends 0 --flag new_model=off
	not grep -q new ../ran
}

@test "the share of the manifest counts as that of the command line does" {
	parts 0
	ends 0
	# shellcheck disable=SC2046
	ran $(all_old)
	parts 25
	ends 0
	ran new2 new6 new10
	parts 26
	ends 0
	ran ""
	says "everything is up to date"
	parts true
	sed -i 's/{ percent = true }/true/' pawl.toml
	ends 0
	not grep -q old ../ran
}

@test "the quick answer is for the flags that it was asked with" {
	parts
	ends 0
	stands 12
	ends 0 --flag new_model=off
	ran old2 old6 old10
	ends 0 --flag new_model=off
	ran ""
	ends 0
	ran ""
	has out/2 new2
	run "$PAWL" plan --check --flag new_model=off
	[ "$status" -eq 6 ]
	run "$PAWL" plan --check
	[ "$status" -eq 0 ]
}

@test "by says what decides alike" {
	manifest <<-'END'
		[flags]
		half = { percent = 50, by = "region" }
		one = { percent = 50, by = "instance" }
		[stage.s]
		matrix = { region = ["north", "south", "east", "west"], n = [1, 2, 3] }
		outputs = { file = "{{region}}-{{n}}" }
		run = "echo {{flag.half}} >{{outputs.file}}"
	END
	ends 0
	for region in north south east west; do
		[ "$(cat "$region"-? | sort -u | wc -l)" = 1 ]
	done
	[ "$(cat ./*-1 | sort -u | wc -l)" = 2 ]
}

@test "flag.NAME stands in when, paths, env and checks; a flag that nothing speaks of is in no key" {
	manifest <<-'END'
		[flags]
		extra = false
		spare = false
		[stage.base]
		outputs = ["base-{{flag.extra}}"]
		env = { EXTRA = "{{flag.extra}}" }
		run = 'echo base >>../ran; echo $EXTRA >base-{{flag.extra}}'
		validate = "flag.extra or not flag.extra"
		[stage.more]
		when = "flag.extra"
		outputs = ["more"]
		run = 'echo more >>../ran; echo more >more'
	END
	ends 0
	ran base
	has base-false false
	ends 0 --flag spare=on
	ran ""
	ends 0 --flag extra=on
	ran base more
	has base-true true
	ends 0 --flag extra=on
	ran ""
}

@test "what --flag cannot mean" {
	parts
	for wrong in new_modle=on new_model=maybe new_model=101 new_model= new_model; do
		run "$PAWL" run --flag "$wrong"
		[ "$status" -eq 2 ] || [ "$status" -eq 3 ]
		says "$wrong"
	done
	run "$PAWL" run --flag new_modle=on
	says "there is no flag 'new_modle'; did you mean 'new_model'?"
	# The last one counts.
	ends 0 --flag new_model=off --flag new_model=25
	says "3 ran" || [ "$(grep -c new ../ran)" = 3 ]
}

@test "plan, why, status and check know flags and name variants" {
	parts
	run "$PAWL" plan --flag new_model=25
	says "run      embed@part=2 (variant new): never finished here"
	says "run      embed@part=3: never finished here"
	run "$PAWL" plan --json
	[ "$(grep -c '"variant": "new"' <<<"$output")" = 3 ]
	ends 0
	run "$PAWL" why embed@part=2 embed@part=3
	says "variant new: flag 'new_model' (25 %) is on for it"
	says "variant new: flag 'new_model' (25 %) is off for it"
	run "$PAWL" why --json --flag new_model=off embed@part=2
	not grep -q '"variant"' <<<"$output"
	run "$PAWL" status
	says "variants   of 3 instances"
	run "$PAWL" status --json
	[ "$(grep -c '"variant": "new"' <<<"$output")" = 3 ]
	run "$PAWL" check --flag new_model=0
	[ "$status" -eq 0 ]
}

@test "the record says the flags, the choice and the variant of each attempt" {
	parts
	ends 0 --flag new_model=60
	events run.started | grep -q '"flags":{"flag":"new_model=60"}'
	events variants.chosen | grep -q '"stage":"embed",.*"variant":"new","flag":"new_model"'
	count=$(grep -c new ../ran)
	[ "$(events attempt.started | grep -c '"variant":"new"')" = "$count" ]
	[ "$(events attempt.finished | grep -c '"variant":"new"')" = "$count" ]
	[ "$("$PAWL" report --format json | grep -c '^ *"variant": "new",\?$')" -gt "$count" ]
	run "$PAWL" report
	says "embed  (own)"
	says "embed  new"
	"$PAWL" report --format csv | grep -q '^embed@part=2,.*,new,$'
	# A run that goes on is asked for with the flags it had.
	run "$PAWL" run --result r.json --flag new_model=off --flag new_model=60
	grep -q '"value": "new_model=60"' r.json
}

@test "a variant that fails, after its retries, is followed by the own command; each run says so" {
	moody 'fallback = true
retry = { max = 1, delay = "0s" }'
	echo 3 >../mood
	ends 0
	ran new new own
	says "retry     1 of 1 of s"
	says "fallback  s: variant 'new' failed: exit 3; the stage's own command runs instead"
	says "fallback  1 instance of 's' has the result of the stage's own command: variant 'new' had failed"
	has after.txt own
	events variant.left | grep -q '"variant":"new","cause":"exit"\|"cause":"exit".*"variant":"new"'
	events fallbacks.used | grep -q '"variant":"new"'
	# A kept one is told, too, and nothing runs.
	ends 0
	ran ""
	says "fallback  1 instance of 's'"
	says "everything is up to date"
	run "$PAWL" why s
	says "by the stage's own command: its variant had failed"
	# In a run that does something else.
	rm after.txt
	sed -i 's/cp s.txt after.txt/cat s.txt >after.txt/' pawl.toml
	ends 0
	says "fallback  1 instance of 's'"
	"$PAWL" report --format json --all | grep -q '"fallback": "failed"'
}

@test "--force tries the variant again: its result is its own from then on" {
	moody 'fallback = true'
	echo 3 >../mood
	ends 0
	ran new own
	# It fails again.
	ends 0 --force=s
	ran new own
	says "fallback  s: variant 'new' failed"
	ends 0
	ran ""
	echo 0 >../mood
	ends 0 --force=s
	ran new
	not grep -q fallback <<<"$output"
	has after.txt new
	# Other bytes than those of the own command are no surprise.
	not grep -q differs <<<"$output"
	ends 0
	ran ""
	not grep -q fallback <<<"$output"
	stands 2
}

@test "what stands in for a variant counts as long as the own command would make it again" {
	moody 'fallback = true'
	echo 3 >../mood
	ends 0
	has after.txt own
	sed -i 's/echo own >{{/echo other >{{/' pawl.toml
	run "$PAWL" why s
	says "its result was made in place of its variant, by a command that changed"
	ends 0
	ran new own
	has after.txt other
	# Without fallback it is the variant's turn alone.
	sed -i 's/^fallback = true/fallback = false/' pawl.toml
	ends 1
	ran new
	# Off, the own command's own result is needed.
	ends 0 --flag new_model=off
	ran own
	has after.txt other
}

@test "what a variant passes from outside is asked for before anything runs, and counts for it" {
	manifest <<-'END'
		[flags]
		new = { percent = 0 }
		[stage.s]
		outputs = ["s.txt"]
		run = 'echo own >>../ran; echo own >s.txt'
		[stage.s.variant.v]
		flag = "new"
		pass_env = ["SECRET_LEVEL"]
		run = 'echo new >>../ran; echo $SECRET_LEVEL >s.txt'
	END
	unset SECRET_LEVEL
	ends 0
	ran own
	ends 11 --flag new=on
	ran ""
	says "SECRET_LEVEL"
	export SECRET_LEVEL=1
	ends 0 --flag new=on
	has s.txt 1
	ends 0 --flag new=on
	ran ""
	SECRET_LEVEL=2
	ends 0 --flag new=on
	has s.txt 2
	ends 0
	ran ""
	has s.txt own
}

@test "a run without work says in its result which results stand in" {
	moody 'fallback = true'
	echo 3 >../mood
	ends 0
	ends 0 --result r.json
	ran ""
	grep -q '"total": 2' r.json
	[ "$(grep -c '"fallback": "failed"' r.json)" = 1 ]
}

@test "without fallback a variant that fails, fails" {
	moody ''
	echo 3 >../mood
	ends 1
	ran new
	says "failed    s: exit 3"
	ends 0 --flag new_model=off
	ran own
}

@test "when both fail, the own command's failure is the reason" {
	moody 'fallback = true'
	echo 3 >../mood
	sed -i "s/echo own >{{outputs.file}}/exit 4/" pawl.toml
	ends 1
	ran new own
	says "failed    s: exit 4"
	[ ! -e s.txt ]
	# The next run begins with the variant.
	echo 0 >../mood
	ends 0
	ran new
}

@test "a variant whose output is missing, that takes too long or is not there falls back, too" {
	moody 'fallback = true
timeout = "500ms"'
	sed -i "s/exit .(cat ..\/mood)/exec sleep 600/" pawl.toml
	ends 0
	ran new own
	says "variant 'new' failed: it took longer than its timeout"
	moody 'fallback = true'
	sed -i "s/echo new >{{outputs.file}}; exit .(cat ..\/mood)/true/" pawl.toml
	ends 0
	ran new own
	moody 'fallback = true'
	printf '#!/no/such/interpreter\n' >program
	chmod +x program
	sed -i "s/^run = 'echo new.*/run = [\".\/program\"]/" pawl.toml
	ends 0
	ran own
	# Without the program there is no key that a result could be kept under.
	rm program
	ends 11
	says "no such program"
}

@test "the program that a variant is counts for it alone" {
	mkdir bin
	printf '#!/bin/sh\necho old >>../ran; echo old >"$1"\n' >bin/old
	printf '#!/bin/sh\necho new >>../ran; echo new >"$1"\n' >bin/new
	chmod +x bin/old bin/new
	manifest <<-'END'
		[flags]
		new = true
		[stage.s]
		outputs = { file = "s.txt" }
		run = ["bin/old", "{{outputs.file}}"]
		variant.v = { flag = "new", run = ["bin/new", "{{outputs.file}}"], fallback = true }
	END
	ends 0
	ran new
	echo '# another comment' >>bin/old
	ends 0
	ran ""
	echo '# another comment' >>bin/new
	ends 0
	ran new
	ends 0 --flag new=off
	ran old
	printf '#!/bin/sh\nexit 5\n' >bin/new
	ends 0
	ran old
	# What stands in is made anew when its program is another.
	echo '# and another' >>bin/old
	ends 0
	ran old
	ends 0
	ran ""
}

@test "a variant that keeps failing is out, and no unit is lost" {
	manifest <<-'END'
		[flags]
		new_model = true
		[breaker.new]
		min_calls = 3
		open_for = "1h"
		[stage.embed]
		matrix = { part = { from = 1, to = 12 } }
		outputs = { file = "out/{{part}}" }
		run = 'echo own >>../ran; echo own >{{outputs.file}}'
		variant.new = { flag = "new_model", breaker = "new", run = 'echo new >>../ran; exit $(cat ../mood)' }
	END
	echo 3 >../mood
	ends 0 -j1
	[ "$(grep -c own ../ran)" = 12 ]
	# The next may have begun when the end of the third is looked at.
	new=$(grep -c new ../ran)
	[ "$new" -ge 3 ] && [ "$new" -le 4 ]
	says "breaker   new is open"
	says "variant 'new' is out: breaker 'new' is open; the stage's own command runs instead"
	[ "$(events variant.left | grep -c '"cause":"breaker"')" = $((12 - new)) ]
	run "$PAWL" status
	says "variants   of 12 instances, 12 with the own command instead"
	# It is still open: what the own command made is taken.
	ends 0 -j1
	ran ""
	# Nobody remembers: those that fell back stay so, the others ask the variant again.
	rm .pawl/breakers
	echo 0 >../mood
	sed -i 's/exit .(cat ..\/mood)/echo new >{{outputs.file}}/' pawl.toml
	ends 0
	[ "$(sort -u ../ran)" = new ]
	[ "$(cat out/* | sort -u)" = new ]
}

@test "a variant that gets slow is out" {
	manifest <<-'END'
		[flags]
		new_model = true
		[breaker.new]
		min_calls = 2
		slow_call = "1ms"
		open_for = "1h"
		[stage.embed]
		matrix = { part = { from = 1, to = 8 } }
		outputs = { file = "out/{{part}}" }
		run = 'echo own >>../ran; echo own >{{outputs.file}}'
		[stage.embed.variant.new]
		flag = "new_model"
		breaker = "new"
		run = 'echo new >>../ran; echo new >{{outputs.file}}; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'
	END
	ends 0 -j1
	# The next may have begun when the end of the second is looked at.
	new=$(grep -c new ../ran)
	[ "$new" -ge 2 ] && [ "$new" -le 3 ]
	[ "$(grep -c own ../ran)" = $((8 - new)) ]
	says "breaker   new is open"
}

@test "a kill behind the failure of a variant: the run goes on with the own command" {
	moody 'fallback = true'
	echo 3 >../mood
	sed -i "s/^run = 'echo own >>..\/ran;/run = 'echo own >>..\/ran; test -e ..\/go || { touch ..\/holding; exec sleep 600; };/" pawl.toml
	: >../ran
	killed_run
	has ../ran "new
own"
	events variant.left | grep -q '"cause":"exit"'
	touch ../go
	ends 0
	ran own
	says "going on"
	has after.txt own
	says "fallback  1 instance of 's'"
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" = 1 ]
	ends 0
	ran ""
	says "fallback  1 instance of 's'"
}

@test "another flag after a kill is another run" {
	moody 'fallback = true'
	echo 3 >../mood
	sed -i "s/^run = 'echo own >>..\/ran;/run = 'echo own >>..\/ran; test -e ..\/go || { touch ..\/holding; exec sleep 600; };/" pawl.toml
	: >../ran
	killed_run
	touch ../go
	ends 0 --flag new_model=off
	ran own
	says "a new run takes its place"
	not grep -q fallback <<<"$output"
	# `resume` asks with the flags that a run had.
	echo 0 >../mood
	rm -rf .pawl s.txt after.txt ../go
	sed -i 's/cp s.txt/touch ..\/holding; test -e ..\/go || exec sleep 600; cp s.txt/' pawl.toml
	rm -f ../holding
	: >../ran
	"$PAWL" run --flag new_model=50 >../said 2>&1 3>&- &
	pid=$!
	wait_until test -e ../holding
	kill -KILL "$pid"
	wait "$pid" || :
	touch ../go
	run "$PAWL" resume latest
	[ "$status" -eq 0 ]
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" = 1 ]
}

@test "in a stream each item chooses, and another share works those again that choose otherwise" {
	seq 1 200 >list
	mkdir bin
	printf '#!/bin/sh\necho new >>../ran; sed s/^/new/\n' >bin/new
	chmod +x bin/new
	manifest <<-'END'
		[flags]
		new = { percent = 20 }
		[stage.s]
		each = { lines = "list" }
		stdout = "s.txt"
		run = 'echo own >>../ran; sed s/^/own/'
		variant.v = { flag = "new", run = ["bin/new"] }
	END
	ends 0
	new=$(grep -c new s.txt)
	[ "$new" -gt 15 ] && [ "$new" -lt 70 ]
	[ "$(grep -c new ../ran)" = "$new" ]
	[ "$(grep -c own ../ran)" = $((200 - new)) ]
	[ "$(tr -cd '0-9\n' <s.txt)" = "$(cat list)" ]
	grep new s.txt >before
	ends 0
	ran ""
	ends 0 --flag new=40
	more=$(grep -c new s.txt)
	[ "$more" -gt "$new" ]
	# Who was in stays in, and only who came in is worked.
	[ "$(grep -Fxc -f before s.txt)" = "$new" ]
	[ "$(grep -c new ../ran)" = $((more - new)) ]
	not grep -q own ../ran
	ends 0 --flag new=20
	ran ""
	[ "$(grep -c new s.txt)" = "$new" ]
	# The program of a variant counts for its items alone.
	printf '#!/bin/sh\necho new >>../ran; sed s/^/newer/\n' >bin/new
	ends 0
	[ "$(grep -c new ../ran)" = "$new" ]
	not grep -q own ../ran
	[ "$(grep -c newer s.txt)" = "$new" ]
}

@test "in a stream an item whose variant fails falls back, and a bad variant is out" {
	seq 1 100 >list
	manifest <<-'END'
		[flags]
		new = { percent = 50 }
		[breaker.b]
		min_calls = 5
		open_for = "1h"
		[stage.s]
		each = { lines = "list" }
		stdout = "s.txt"
		workers = 1
		run = 'echo own >>../ran; sed s/^/own/'
		[stage.s.variant.v]
		flag = "new"
		fallback = true
		run = 'echo new >>../ran; exit 3'
	END
	ends 0
	[ "$(grep -c own s.txt)" = 100 ]
	[ "$(grep -c own ../ran)" = 100 ]
	[ "$(grep -c new ../ran)" -gt 25 ]
	ends 0
	ran ""
	sed -i 's/^fallback = true/breaker = "b"/' pawl.toml
	rm -rf .pawl s.txt
	ends 0
	[ "$(grep -c own s.txt)" = 100 ]
	[ "$(grep -c new ../ran)" -lt 10 ]
	says "breaker   b is open"
}

@test "a stream as a whole runs a variant, and falls back as a whole" {
	printf '%s\n' a b c >list
	manifest <<-'END'
		[flags]
		new = { percent = 100, by = "instance" }
		[stage.s]
		each = { lines = "list" }
		stdout = "s.txt"
		run = 'echo own >>../ran; sed s/^/own/'
		[stage.s.variant.v]
		flag = "new"
		fallback = true
		run = 'echo new >>../ran; sed s/^/new/; exit $(cat ../mood)'
	END
	echo 0 >../mood
	ends 0
	ran new new new
	has s.txt "newa
newb
newc"
	echo 3 >../mood
	rm -rf .pawl s.txt
	ends 0 -j1
	has s.txt "owna
ownb
ownc"
	says "fallback  s: variant 'v' failed"
	ends 0 --flag new=off
	has s.txt "owna
ownb
ownc"
}

@test "limits of a variant are its own: timeout, retry, memory, cpu, variables" {
	manifest <<-'END'
		[flags]
		new = true
		[stage.s]
		outputs = ["s.txt"]
		timeout = "1h"
		env = { WHO = "own", OTHER = "set" }
		run = 'echo $WHO ${OTHER-} $PAWL_CPUS $PAWL_MAX_ATTEMPTS >s.txt'
		[stage.s.variant.v]
		flag = "new"
		env = { WHO = "variant" }
		cpu = 2
		retry = 2
	END
	ends 0 -j2
	has s.txt "variant 2 3"
	ends 0 -j2 --flag new=off
	has s.txt "own set 1 1"
}

@test "of several variants the first whose flag is on is chosen" {
	manifest <<-'END'
		[flags]
		one = false
		two = false
		[stage.s]
		outputs = ["s.txt"]
		run = "echo own >s.txt"
		variant.a = { flag = "one", run = "echo a >s.txt" }
		variant.b = { flag = "two", run = "echo b >s.txt" }
	END
	ends 0
	has s.txt own
	ends 0 --flag two=on
	has s.txt b
	ends 0 --flag two=on --flag one=on
	has s.txt a
}
