#!/usr/bin/env bats
# items and dead: what is kept of the items of streams, from logs of which frozen samples are put into
# the workspace; gc and verify of these logs.

bats_require_minimum_version 1.5.0
load run

teardown() {
	touch "$BATS_TEST_TMPDIR/w/go"
	[ -z "${pid:-}" ] || wait "$pid" 2>/dev/null || :
}

a=aa00000000000000000000000000000000000000000000000000000000000000
b=bb00000000000000000000000000000000000000000000000000000000000000
samples=$BATS_TEST_DIRNAME/../../testdata/formats/items

# A workspace with a run, and the logs of these instances, as if its stage had worked streams.
two_parts() {
	manifest <<-'END'
		[stage.embed]
		matrix = { part = ["a", "b"] }
		run = "echo {{part}} >>../ran; echo {{part}} >{{part}}.txt"
		outputs = ["{{part}}.txt"]
	END
	ends 0
	ran a b
	mkdir .pawl/items
	cp "$samples/$a" "$samples/$b" .pawl/items
}

# Runs pawl with these arguments; it must end with the status given first.
answers() {
	expected=$1
	shift
	run --separate-stderr "$PAWL" "$@"
	printf '%s\n' "--- pawl $*: status $status" "$output" "$stderr"
	[ "$status" -eq "$expected" ] || return 1
}

damage() {
	printf damage | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "items: results, each instance in the order in which they came" {
	two_parts
	answers 0 items embed
	[ "$output" = $'one\ntwo\nfour at last\nseven' ]
	answers 0 items 'embed@part=b'
	[ "$output" = seven ]
	answers 0 items --json 'embed@part=a'
	[ "${#lines[@]}" -eq 4 ]
	[ "${lines[1]}" = '{"instance":"embed@part=a","digest":"d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35","attempts":3,"fallback":true,"result":"two"}' ]
	[[ ${lines[2]} == *'"result":""}' ]]
}

@test "items: the log that was used last" {
	two_parts
	touch -d '1 hour ago' .pawl/items/$a
	head -c 138 .pawl/items/$a >".pawl/items/11${a#??}"
	answers 0 items 'embed@part=a'
	[ "$output" = one ]
	touch -d '2 hours ago' ".pawl/items/11${a#??}"
	answers 0 items 'embed@part=a'
	[ "${#lines[@]}" -eq 3 ]
}

@test "items and dead: where there is none" {
	manifest <<-'END'
		[stage.embed]
		run = "true"
	END
	for command in items dead "dead --retry"; do
		# shellcheck disable=SC2086
		answers 2 $command embed
		[ "$stderr" = "pawl: no items of 'embed' are kept: a run works those of a stage with 'each'" ]
		# shellcheck disable=SC2086
		answers 2 $command
	done
	two_parts
	answers 2 items embe
	answers 2 items 'embed@part=c'
	answers 2 dead 'embed@part=c'
}

@test "items: damage is passed by, and told at the end" {
	two_parts
	damage .pawl/items/$a 130
	answers 12 items embed
	[[ $output == *"two"*"four at last"* ]]
	[[ $stderr == *"items/$a': damaged: "* ]]
}

@test "items -f: what comes while the run goes on, and it ends with the run" {
	manifest <<-'END'
		[stage.embed]
		run = "touch ../started; until [ -e go ]; do sleep 0.01; done"
		cache = false
	END
	"$PAWL" run -q 3>&- &
	pid=$!
	until [ -e ../started ]; do :; done
	mkdir -p .pawl/items
	cp "$samples/$b" .pawl/items
	"$PAWL" items -f embed >../followed 3>&- &
	follower=$!
	until grep -q seven ../followed; do :; done
	cp "$samples/$a" .pawl/items/new
	mv .pawl/items/new .pawl/items/$a
	until grep -q 'four at last' ../followed; do :; done
	kill -0 "$follower"
	touch go
	wait "$follower"
	[ "$(cat ../followed)" = $'seven\none\ntwo\nfour at last' ]
}

@test "dead: instance, reason, attempts, and the item made harmless" {
	two_parts
	answers 0 dead embed
	[ "${#lines[@]}" -eq 3 ]
	[ "${lines[0]}" = "embed@part=a: timeout after 5s, 2 attempts: five" ]
	[ "${lines[1]}" = "embed@part=a: exit 75, 1 attempt: six" ]
	[ "${lines[2]}" = 'embed@part=b: killed by signal 11, 1 attempt: eight\x00' ]
	answers 0 dead --json embed
	[ "${#lines[@]}" -eq 3 ]
	[ "${lines[0]}" = '{"instance":"embed@part=a","item":"fi\u001b[1mve\nsecond line\n","reason":"timeout after 5s","attempts":2,"cause":"timeout"}' ]
	[ "${lines[2]}" = '{"instance":"embed@part=b","item":"eight\u0000","reason":"killed by signal 11","attempts":1,"cause":"signal"}' ]
}

@test "dead --retry: they are dead no more, and their instances run again" {
	two_parts
	ends 0
	ran ""
	answers 0 dead --retry 'embed@part=b'
	[ "$output" = "1 item of 'embed@part=b' gets another chance: 'pawl run' works it" ]
	answers 0 dead 'embed@part=b'
	[ "$output" = "no item of 'embed@part=b' is dead" ]
	ends 0
	ran b
	answers 0 dead --retry embed
	[ "$output" = "2 items of 'embed' get another chance: 'pawl run' works them" ]
	ends 0
	ran a
	answers 0 dead --retry embed
	[ "$output" = "no item of 'embed' is dead" ]
	answers 0 dead --retry --json embed
	[ "$output" = '{"retried":0}' ]
	ends 0
	ran ""
	answers 0 items embed
	[ "${#lines[@]}" -eq 4 ]
}

@test "dead --retry waits for nobody who holds the workspace" {
	manifest <<-'END'
		[stage.embed]
		run = "touch ../started; until [ -e go ]; do sleep 0.01; done"
		cache = false
	END
	"$PAWL" run -q 3>&- &
	pid=$!
	until [ -e ../started ]; do :; done
	mkdir -p .pawl/items
	cp "$samples/$b" .pawl/items
	answers 9 dead --retry embed
	answers 0 dead embed
}

@test "items and dead: of variants, by the instance whose items they work" {
	manifest <<-'END'
		[flags]
		new = true
		[stage.embed]
		each = { lines = "in" }
		run = ["cat"]
		stdout = "out"
		max_dead = 9
		variant.fresh = { flag = "new", run = ["sh", "-c", "read -r item; echo $item >>../ran; [ $item != b ] && echo new $item"] }
	END
	printf '%s\n' a b c >in
	ends 0 -q
	ran a b c
	has out $'new a\nnew c'
	answers 0 items embed
	[ "$(sort <<<"$output")" = $'new a\nnew c' ]
	answers 0 items --json embed
	[[ ${lines[0]} == '{"instance":"embed","variant":"fresh","digest":'* ]]
	answers 0 dead embed
	[ "$output" = "embed variant fresh: exit 1, 1 attempt: b" ]
	answers 0 dead --retry embed
	[[ $output == "1 item of 'embed' gets another chance:"* ]]
	ends 0 -q
	ran b
}

@test "gc: of several logs of an instance the newest stays, and none that was not used so long" {
	two_parts
	cp .pawl/items/$a ".pawl/items/11${a#??}"
	touch -d '3 days ago' .pawl/items/$a
	touch -d '2 days ago' .pawl/items/$b
	answers 0 gc -n
	[[ $output == "would free 643 B: "*", 1 log of items;"* ]]
	[ -e .pawl/items/$a ]
	answers 0 gc --json
	[[ $output == *'"item_logs": 1,'* ]]
	[ "$(ls .pawl/items)" = "11${a#??}"$'\n'"$b" ]
	answers 0 gc
	[[ $output == "nothing to remove"* ]]
	answers 0 gc --max-age 1d
	[ "$(ls .pawl/items)" = "11${a#??}" ]
}

@test "verify: a damaged log is named, and written anew with what is whole" {
	two_parts
	answers 0 verify
	damage .pawl/items/$a 130
	printf torn >>.pawl/items/$b
	answers 12 verify
	[[ ${lines[0]} == "damaged: .pawl/items/$a: "*" bytes from offset "*"; items whose results were there are worked again" ]]
	[ "${#lines[@]}" -eq 2 ]
	answers 0 verify --repair
	[[ ${lines[0]} == *"; written anew with its whole records" ]]
	answers 0 verify
	answers 0 items embed
	[[ $output == *"two"*"four at last"*"seven" ]]
}

@test "verify: a log of which nothing can be read is set aside; what a killed repair left goes" {
	two_parts
	damage .pawl/items/$a 4
	cp .pawl/items/$b .pawl/items/$b.new
	answers 12 verify
	[[ $output == *"damaged: .pawl/items/$a: its head is no head of records; "* ]]
	[[ $output == *"left over: .pawl/items/$b.new: "* ]]
	answers 0 verify --repair
	[ -e .pawl/items/$a.damaged ]
	[ ! -e .pawl/items/$b.new ]
	answers 0 verify
	answers 0 items embed
	[ "$output" = seven ]
}
