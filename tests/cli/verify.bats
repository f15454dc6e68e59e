#!/usr/bin/env bats
# verify: every kind of damage is found, named with its cost, and repaired so that the next run is
# right; what is no damage is not called so.

bats_require_minimum_version 1.5.0
load run

teardown() {
	touch "$BATS_TEST_TMPDIR/w/go"
	[ -z "${pid:-}" ] || end_left "$pid"
}

three_stages() {
	manifest <<-'END'
		[stage.say]
		matrix = { n = [1, 2] }
		run = "echo say{{n}} >>../ran; echo said {{n}} >{{n}}.txt"
		outputs = ["{{n}}.txt"]
		[stage.folder]
		run = "echo folder >>../ran; mkdir d; echo two >d/two; ln -s two d/link; echo three >d/three; cat 1.txt >d/one"
		inputs = ["1.txt"]
		outputs = ["d/"]
	END
	: >../ran
	"$PAWL" run -q
}

# The object with this content, a line.
object_of() {
	local digest
	digest=$(printf '%s\n' "$1" | sha256sum)
	digest=${digest%% *}
	ls "$store/objects/${digest%"${digest#??}"}/${digest#??}"
}
store=.pawl

garbage() {
	chmod u+w "$1"
	echo garbage >"$1"
}

# Changes one byte in the middle of a file.
flip() {
	perl -0777 -pi -e 'substr($_, length($_) / 2, 1) ^= "\x10"' "$1"
}

# Runs `pawl verify` with these arguments; it must end with the status given first.
verifies() {
	expected=$1
	shift
	run --separate-stderr "$PAWL" verify "$@"
	printf '%s\n' "--- pawl verify $*: status $status" "$output" "$stderr"
	[ "$status" -eq "$expected" ] || return 1
}

clean() {
	verifies 0
	[[ $output == *" run"*": no damage" ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "nothing recorded, then all as it was written" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >a"
		outputs = ["a"]
	END
	verifies 0
	[ "$output" = "0 objects (0 B), 0 results, 0 runs: no damage" ]
	verifies 0 --repair
	[ ! -e .pawl ]
	three_stages
	before=$(find .pawl -printf '%p %i %s %T@ %C@\n' | sort)
	clean
	says "3 results, 1 run:"
	verifies 0 --json
	says '"good": true'
	says '"problems": []'
	[ "$before" = "$(find .pawl -printf '%p %i %s %T@ %C@\n' | sort)" ]
	verifies 0 --repair
	clean
	ends 0
	ran ''
}

@test "what takes no operand and no odd head" {
	three_stages
	verifies 2 x
	verifies 2 --head 123
	[ "$stderr" = "pawl: '123' of '--head' is no digest: it has 64 hexadecimal digits" ]
}

@test "a damaged object whose output is in the workspace is stored again" {
	three_stages
	object=$(object_of 'said 2')
	garbage "$object"
	verifies 12
	[ "${lines[0]}" = "damaged: $object: its bytes have another digest; results that need it are named below" ]
	[ "${lines[1]}" = "damaged: result of 'say@n=2': missing from the store, or damaged there: '2.txt'; nothing is lost: the workspace has it, a repair stores it again" ]
	[[ ${lines[2]} == *", 3 results, 1 run: 2 damaged" ]]
	verifies 0 --repair
	[[ ${lines[0]} == *"; removed" ]]
	[[ ${lines[1]} == *"; stored again" ]]
	[[ ${lines[2]} == *": 2 damaged, 2 repaired" ]]
	clean
	[ "$(cat "$(object_of 'said 2')")" = "said 2" ]
	rm 2.txt
	ends 0
	ran ''
	says "1 restored"
	has 2.txt "said 2"
}

@test "a damaged object whose output is nowhere: its stage runs again" {
	three_stages
	garbage "$(object_of 'said 2')"
	echo other >2.txt
	verifies 12 --json
	says "\"place\": \"result of 'say@n=2'\""
	says '"cost": "restored from nowhere: the stage runs again when it is needed"'
	says '"good": false'
	says '"damaged": 2'
	verifies 0 --repair --json
	says '"repair": "forgotten"'
	says '"repaired": 2'
	clean
	rm 2.txt
	ends 0
	ran say2
	has 2.txt "said 2"
	clean
}

@test "folders: a damaged member, a missing one, a damaged list of members" {
	three_stages
	for how in member missing list; do
		object=$(object_of three)
		[ "$how" != list ] || object=$(grep -l 'three' -r .pawl/objects | while read -r o; do head -c 4 "$o" | grep -q pawl && echo "$o"; done | head -n 1)
		[ -n "$object" ]
		case $how in
		missing) rm -f "$object" ;;
		*) garbage "$object" ;;
		esac
		verifies 12
		says "damaged: result of 'folder': missing from the store, or damaged there: 'd'; nothing is lost"
		verifies 0 --repair
		says "'d'; nothing is lost: the workspace has it, a repair stores it again; stored again"
		clean
		rm -r d
		ends 0
		ran ''
		[ "$(cat d/link d/three d/one)" = "$(printf 'two\nthree\nsaid 1')" ]
	done
	garbage "$(object_of three)"
	echo more >d/more
	verifies 12
	says "the stage runs again"
	verifies 0 --repair
	says "; forgotten"
	clean
	rm -r d
	ends 0
	ran folder
	clean
}

@test "an earlier result that cannot come back says so" {
	three_stages
	sed -i 's/said {{n}}/now {{n}}/' pawl.toml
	ends 0
	garbage "$(object_of 'said 2')"
	verifies 12
	says "result of 'say@n=2': missing from the store, or damaged there: '2.txt'; an earlier result: going back to it runs the stage again"
	verifies 0 --repair
	clean
	ends 0
	ran ''
	sed -i 's/now {{n}}/said {{n}}/' pawl.toml
	ends 0
	ran say2
	clean
}

@test "an object that is no file cannot be read" {
	three_stages
	object=$(object_of 'said 2')
	rm -f "$object"
	mkdir "$object"
	verifies 11
	says "unreadable: $object:"
	says ", 1 unreadable"
}

@test "damaged results: whole ones stay, others run again" {
	three_stages
	flip .pawl/results
	rm -f .pawl/results.table
	verifies 12
	[[ ${lines[0]} == "damaged: .pawl/results: "*" are no record; results that were there are not known: their stages run again" ]]
	verifies 0 --repair
	[[ ${lines[0]} == *"; written anew with its whole records" ]]
	clean
	rm -r 1.txt 2.txt d
	ends 0
	[ "$(wc -l <../ran)" -eq 1 ]
	clean
}

@test "results that cannot be read at all are set aside" {
	three_stages
	printf garbage | dd of=.pawl/results conv=notrunc status=none
	verifies 12
	says "damaged: .pawl/results: its head is no head of records;"
	verifies 0 --repair
	says "; set aside as 'results.damaged'"
	clean
	ends 0
	ran say1 say2 folder
	clean
}

@test "a damaged record of what was made, with and without its head" {
	three_stages
	flip .pawl/made
	rm -f .pawl/made.table
	verifies 12
	says "damaged: .pawl/made: "
	says "they are kept, not replaced"
	verifies 0 --repair
	says "; written anew with its whole records"
	clean
	printf garbage | dd of=.pawl/made conv=notrunc status=none
	verifies 12
	verifies 0 --repair
	says "; set aside as 'made.damaged'"
	clean
	ends 0
	ran ''
}

@test "a damaged index costs planning" {
	three_stages
	flip .pawl/index
	verifies 12
	[[ ${lines[0]} == "damaged: .pawl/index: "*"; costs planning and hashing anew" ]]
	verifies 0 --repair
	[[ ${lines[0]} == *"; removed" ]]
	[ ! -e .pawl/index ]
	clean
	ends 0
	ran ''
	clean
	echo garbage >.pawl/index.log
	head -c 100 /dev/zero | tr '\0' x >>.pawl/index.log
	verifies 12
	says "damaged: .pawl/index.log: "
	verifies 0 --repair
	clean
	ends 0
	ran ''
}

@test "the record of a run is checked and never touched" {
	three_stages
	log=$(echo .pawl/runs/*/events.jsonl)
	sed -i '2s/"count":[0-9]*/"count":77/; 2s/"stage":"[a-z]*"/"stage":"zzz"/' "$log"
	cp "$log" ../log
	verifies 12
	[ "${lines[0]}" = "damaged: $log: line 2 is not what was written; what this run did behind it is not known; it stays as it is" ]
	verifies 12 --repair
	says "1 damaged"
	not says repaired
	cmp "$log" ../log
}

@test "a run that has logs and no record is told; one that has neither is none" {
	three_stages
	"$PAWL" evict folder
	sed -i 's/echo three/echo said; echo three/' pawl.toml
	ends 0
	run=$(basename "$(ls -d .pawl/runs/* | tail -n 1)")
	[ -n "$(ls ".pawl/runs/$run/logs")" ]
	mv ".pawl/runs/$run/events.jsonl" ../events.jsonl
	verifies 0
	[ "${lines[0]}" = "left over: .pawl/runs/$run/events.jsonl: is missing, and the run has logs; what this run did is not known, its results count; the next run removes the folder" ]
	# Of an older one nobody removes it.
	sed -i 's/echo said/echo says/' pawl.toml
	mv ../events.jsonl ".pawl/runs/$run"
	ends 0
	mv ".pawl/runs/$run/events.jsonl" ../events.jsonl
	verifies 12
	[ "${lines[0]}" = "damaged: .pawl/runs/$run/events.jsonl: is missing, and the run has logs; what this run did is not known; its results count; the folder stays as it is" ]
	[[ ${lines[1]} == *"2 runs: 1 damaged" ]]
	rm ".pawl/runs/$run/logs/"*
	clean
}

@test "an index of another version is no damage" {
	three_stages
	for version in 3 5; do
		cp .pawl/index ../index
		printf "pawlidx$version" | dd of=.pawl/index conv=notrunc status=none
		verifies 0
		[ "${lines[0]}" = "left over: .pawl/index: is of another version, and is made anew; the next run sets it right" ]
		[[ ${lines[1]} == *": no damage, 1 left over" ]]
		[ "$version" -eq 3 ] || verifies 0 --repair
		ends 0
		ran ''
		clean
	done
	printf "pawlidxX" | dd of=.pawl/index conv=notrunc status=none
	verifies 12
}

@test "a workspace of a later version is refused, by verify and gc too" {
	three_stages
	sed -i '1s/.*/pawl 2/' .pawl/format
	before=$(find .pawl -printf '%p %i %s %T@ %C@\n' | sort)
	for command in verify "verify --repair" gc "gc -n" "evict say"; do
		# shellcheck disable=SC2086
		run "$PAWL" $command
		[ "$status" -eq 11 ]
		says "format 2 is not known to this version"
	done
	[ "$before" = "$(find .pawl -printf '%p %i %s %T@ %C@\n' | sort)" ]
}

@test "a manifest with mistakes hides no store that is named" {
	three_stages
	echo oops >>pawl.toml
	verifies 3
	verifies 0 --store .pawl
	[ "$stderr" = "pawl: 'pawl.toml' has mistakes, and is not asked: the command line counts alone" ]
	says ": no damage"
	verifies 0 --store .pawl --repair
}

@test "a torn tail is no damage" {
	three_stages
	log=$(echo .pawl/runs/*/events.jsonl)
	truncate -s -5 "$log"
	clean
}

@test "the head that a run printed" {
	three_stages
	first=$("$PAWL" verify --json >/dev/null && tail -n 1 .pawl/runs/*/events.jsonl | grep -o '[0-9a-f]\{64\}"}$' | head -c 64)
	run "$PAWL" run --force
	head=$(sed -n 's/^run .*, head //p' <<<"$output")
	[ "${#head}" -eq 64 ]
	verifies 0 --head "$head"
	[[ ${lines[0]} == "run "*" ends in this head" ]]
	verifies 0 --head "$first"
	verifies 12 --head "${first//[0-9]/0}"
	[[ ${lines[0]} == "damaged: .pawl/runs/"*"/events.jsonl: does not end in head "*", nor does that of any run; it is not the record that gave this head" ]]
	log=$(grep -l "$head" .pawl/runs/*/events.jsonl)
	sed -i '$d' "$log"
	verifies 12 --head "$head"
	inside=$(tail -n 2 "$log" | head -n 1 | grep -o '[0-9a-f]\{64\}"}$' | head -c 64)
	verifies 12 --head "$inside"
	says "goes on behind head $inside by 1 event;"
}

# A stage that says that it began, and goes on until `go` is there.
start_slow() {
	cat >>pawl.toml <<-'END'
		[stage.slow]
		run = "echo slow >>../ran; echo half >slow.txt; : >../begun; until test -e go; do sleep 0.05; done; echo whole >slow.txt"
		outputs = ["slow.txt"]
	END
	echo old >slow.txt
	"$PAWL" run slow -q 3>&- &
	pid=$!
	wait_until test -e ../begun
}

@test "beside a run: no false alarm, and no repair" {
	three_stages
	start_slow
	clean
	verifies 9 --repair
	[[ $stderr == *"held by"* ]]
	touch go
	wait "$pid"
	clean
}

@test "beside a run of many stages" {
	manifest <<-'END'
		[stage.many]
		matrix = { n = { from = 1, to = 300 } }
		run = "echo {{n}} >m{{n}}"
		outputs = ["m{{n}}"]
	END
	"$PAWL" run -q 3>&- &
	pid=$!
	wait_until test -e .pawl/format
	while kill -0 "$pid" 2>/dev/null; do clean; done
	wait "$pid"
	clean
	says "300 results"
}

@test "after kill -9: no damage, and what was left is named and set right" {
	three_stages
	start_slow
	kill -9 "$pid"
	wait "$pid" || :
	: >.pawl/tmp/o.0123456789abcdef.00000000.1
	: >.pawl/results.new
	wait_until sh -c '"$PAWL" status | grep -q ": interrupted"'
	verifies 0
	says "left over: .pawl/parked/"
	says "what lay at the outputs of an attempt that was killed; the next run sets it right"
	says "left over: .pawl/tmp/o.0123456789abcdef.00000000.1: an object that was being written"
	says "left over: .pawl/results.new: a file that was about to replace another"
	says ": no damage, "
	verifies 0 --repair
	says "killed; the next run sets it right; set right"
	clean
	has slow.txt old
	[ ! -e .pawl/tmp/o.0123456789abcdef.00000000.1 ]
	[ ! -e .pawl/results.new ]
	touch go
	ends 0 slow
	ran slow
	has slow.txt whole
	clean
}

@test "objects of an epoch that has ended are there" {
	three_stages
	mkdir .pawl/fresh/0123456789abcdef
	: >.pawl/fresh/0123456789abcdef/lock
	object=$(object_of 'said 2')
	digest=$(sha256sum "$object")
	mv "$object" ".pawl/fresh/0123456789abcdef/${digest%% *}"
	verifies 0
	says "left over: .pawl/fresh/0123456789abcdef: holds what no sync is known to have covered, of processes that are gone; the next run sets it right"
	says ": no damage, 1 left over"
	verifies 0 --repair
	says "; set right"
	clean
}

@test "objects that the machine lost when it stopped" {
	three_stages
	mkdir .pawl/fresh/0123456789abcdef
	: >.pawl/fresh/0123456789abcdef/lock
	object=$(object_of 'said 2')
	digest=$(sha256sum "$object")
	lost=.pawl/fresh/0123456789abcdef/${digest%% *}
	mv "$object" "$lost"
	garbage "$lost"
	verifies 12
	says "left over: $lost: did not reach the disk whole before the machine stopped"
	says "damaged: result of 'say@n=2': missing from the store, or damaged there: '2.txt'; nothing is lost"
	rm 2.txt
	verifies 0 --repair
	says "; forgotten"
	clean
	ends 0
	ran say2
	clean
}

@test "a shared store: its own place, results of another workspace" {
	store=$BATS_TEST_TMPDIR/store
	for w in one two; do
		mkdir "../$w"
		cd "../$w"
		manifest <<-END
			store = "$store"
			portable = true
			[stage.$w]
			run = "echo $w >>../ran; echo $w >out"
			outputs = ["out"]
		END
		"$PAWL" run -q
	done
	clean
	says "2 results, 1 run"
	object=$(object_of one)
	garbage "$object"
	verifies 12
	says "damaged: $object: its bytes have another digest"
	says "result of 'one': missing from the store, or damaged there: 'out'; another workspace made it, where the stage runs again"
	cd ../one
	verifies 12
	says "the workspace has it"
	verifies 0 --repair
	says "stored again"
	clean
	cd ../two
	clean
}
