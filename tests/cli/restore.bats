#!/usr/bin/env bats
# restore: outputs as they were, by stage and by run.

bats_require_minimum_version 1.5.0

load run

# Two stages, a file and a folder with a link and an executable. `v` tells versions apart.
two_stages() {
	manifest <<-'TOML'
		[params]
		v = "1"

		[stage.one]
		run = "echo one >>../ran; echo one {{v}} >out/one.txt"
		outputs = ["out/one.txt"]

		[stage.tree]
		run = """
		echo tree >>../ran; mkdir -p dir/sub; cp out/one.txt dir/sub/a; cp out/one.txt dir/sub/b
		echo x{{v}} >dir/x; chmod +x dir/x; ln -s sub/a dir/link; touch dir/only{{v}}
		"""
		inputs = ["out/one.txt"]
		outputs = ["dir/"]
	TOML
}

# What lies in the workspace, with types, x-bits, link texts and bytes.
look() {
	find "$@" ! -path '*/.pawl*' -printf '%p %y %l %m\n' | sort
	find "$@" ! -path '*/.pawl*' -type f -exec sha256sum {} + | sort
}

last_run() {
	find .pawl/runs -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tail -n 1
}

# Runs `pawl restore` with these arguments; it must end with the status given first.
restores() {
	expected=$1
	shift
	run "$PAWL" restore "$@"
	printf '%s\n' "--- pawl restore $*: status $status" "$output"
	[ "$status" -eq "$expected" ]
}

plans_nothing() {
	run "$PAWL" plan --check "$@"
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
}

object_of() {
	local hex
	hex=$(sha256sum <"$1")
	echo ".pawl/objects/${hex:0:2}/$(echo "${hex:2}" | cut -d' ' -f1)"
}

# Two runs, v=1 then v=2; `first` and `second` are their ids, `was` and `is` what lay there.
two_runs() {
	two_stages
	ends 0
	first=$(last_run)
	was=$(look out dir)
	ends 0 -p v=2
	second=$(last_run)
	is=$(look out dir)
	[ "$was" != "$is" ]
}

# One stage for what stands still and one for what moves, each with an input of its own.
still_and_moves() {
	manifest <<-'TOML'
		[stage.still]
		run = "cat in.txt >still.txt"
		inputs = ["in.txt"]
		outputs = ["still.txt"]

		[stage.moves]
		run = "cat other.txt >moves.txt"
		inputs = ["other.txt"]
		outputs = ["moves.txt"]
	TOML
}

@test "a run's outputs come back exactly, and the next run brings the present ones back" {
	two_runs
	restores 0 "$first"
	says "restored 'out/one.txt'"
	says "restored 'dir'"
	[ "$(look out dir)" = "$was" ]
	plans_nothing
	run "$PAWL" plan --check -p v=2
	[ "$status" -eq 6 ]
	ends 0 -p v=2
	ran
	[ "$(look out dir)" = "$is" ]
	# Nothing of it was somebody's.
	[ ! -e .pawl/kept ]
}

@test "latest and previous, a prefix, and what is none" {
	two_runs
	restores 0 previous
	[ "$(look out dir)" = "$was" ]
	restores 0 latest
	[ "$(look out dir)" = "$is" ]
	restores 0 "$first"
	[ "$(look out dir)" = "$was" ]
	restores 2 1999
	says "there is no such run"
	restores 2 tre
	says "did you mean 'tree'"
	restores 2
	says "'restore' needs RUN|STAGE"
	restores 2 --run latest nothing
	says "'nothing' is nothing that is known of run $second"
	[ "$(look out dir)" = "$was" ]
}

@test "a stage's last result, restored without a run finding work" {
	two_runs
	rm -r dir out/one.txt
	restores 0 tree
	[ ! -e out/one.txt ]
	restores 0 one
	[ "$(look out dir)" = "$is" ]
	# By signatures alone: unreadable files are up to date.
	plans_nothing -p v=2
	if [ "$(id -u)" -ne 0 ]; then
		chmod a-r out/one.txt
		plans_nothing -p v=2
		chmod u+r out/one.txt
	fi
	ends 0 -p v=2
	ran
}

@test "what is restored is not read again by the next plan" {
	two_runs
	restores 0 "$first"
	command -v strace >/dev/null || skip "no strace"
	strace -o /dev/null true 2>/dev/null || skip "strace may not trace"
	opened() {
		ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=open,openat -o ../trace "$PAWL" plan --check
		grep -E '"(\./)?(out/one.txt|dir/x)"' ../trace
	}
	run ! opened
	# What another time makes pawl read is seen so.
	touch out/one.txt
	opened
}

@test "a stage that was never run has nothing" {
	two_stages
	restores 2 one
	says "'one' has no result on record"
	[ ! -e out ]
}

@test "only the paths that are named" {
	two_runs
	restores 0 "$first" out/one.txt
	[ "$(cat out/one.txt)" = "one 1" ]
	[ -e dir/only2 ]
	restores 0 --run "$second" one
	[ "$(look out dir)" = "$is" ]
	restores 0 --run "$first" one out/one.txt
	[ "$(cat out/one.txt)" = "one 1" ]
	restores 0 --run "$second" out/one.txt
	[ "$(look out dir)" = "$is" ]
	restores 2 "$first" out/other.txt
	says "'out/other.txt' is nothing that is known of run $first"
	restores 2 tree out/one.txt
	says "'out/one.txt' is no output of the last result of 'tree'"
	cd out
	restores 0 "$first" one.txt
	[ "$(cat one.txt)" = "one 1" ]
}

@test "an entry of a folder, alone" {
	two_runs
	rm dir/sub/a dir/link
	restores 0 tree dir/sub/a
	says "restored 'dir/sub/a'"
	[ "$(cat dir/sub/a)" = "one 2" ]
	[ ! -L dir/link ]
	restores 0 tree dir/link
	[ "$(look out dir)" = "$is" ]
	plans_nothing -p v=2
	# A folder in it, as a whole; x-bits.
	rm dir/sub/b dir/x
	restores 0 tree dir/x dir/sub
	[ "$(look out dir)" = "$is" ] || {
		look out dir
		return 1
	}
	plans_nothing -p v=2
	restores 2 tree dir/none
	says "'dir/none' was not in the folder 'dir' of 'tree'"
}

@test "a folder that lost some of its files is made whole; one with another file in it is not" {
	two_runs
	rm dir/x dir/sub/b
	restores 0 tree
	[ "$(look out dir)" = "$is" ]
	rm dir/x
	restores 0 "$first" dir
	[ "$(look dir)" = "$(echo "$was" | grep ' dir\b\|^dir\b\|dir/')" ]
	touch dir/mine
	restores 2 "$first" dir
	says "'dir' is not what pawl put there"
	[ -e dir/mine ]
}

@test "an entry of an earlier run: the next run has the present folder back" {
	two_runs
	restores 0 "$first" dir/x dir/only1
	[ "$(cat dir/x)" = x1 ]
	[ -e dir/only1 ]
	[ -e dir/only2 ]
	run "$PAWL" plan --check -p v=2
	[ "$status" -eq 6 ]
	ends 0 -p v=2
	ran
	[ "$(look out dir)" = "$is" ]
}

@test "a folder in a folder is replaced, never merged, and foreign files in it are not lost" {
	two_runs
	echo mine >dir/sub/mine
	restores 2 tree dir/sub
	says "'dir/sub' is not what pawl put there"
	[ "$(cat dir/sub/mine)" = mine ]
	restores 0 --force tree dir/sub
	[ "$(look out dir)" = "$is" ]
	[ "$(cat .pawl/kept/*/dir/sub/mine)" = mine ]
}

@test "what pawl does not know is not overwritten, and named; nothing else is touched" {
	two_runs
	echo mine >out/one.txt
	mine=$(look out dir)
	for options in "" -n; do
		# shellcheck disable=SC2086
		restores 2 $options "$first"
		says "'out/one.txt' is not what pawl put there"
		[ "$(look out dir)" = "$mine" ]
	done
	restores 0 --force "$first"
	says "kept 'out/one.txt' in '.pawl/kept/$first/out/one.txt'"
	[ "$(look out dir)" = "$was" ]
	[ "$(cat ".pawl/kept/$first/out/one.txt")" = mine ]
	# A second one beside the first.
	echo yours >out/one.txt
	restores 0 --force "$first"
	[ "$(cat ".pawl/kept/$first/out/one.txt.2")" = yours ]
	[ "$(cat ".pawl/kept/$first/out/one.txt")" = mine ]
}

@test "a file where a folder was, a folder where a file was, a dangling link" {
	two_runs
	rm -r dir out/one.txt
	echo mine >dir
	mkdir out/one.txt
	restores 2 latest
	says "'dir' is not what pawl put there"
	says "'out/one.txt' is not what pawl put there"
	restores 0 --force latest
	[ "$(look out dir)" = "$is" ]
	rm out/one.txt
	ln -s /nowhere out/one.txt
	restores 2 latest
	restores 0 --force latest
	[ "$(look out dir)" = "$is" ]
}

@test "what lies there with the right bytes is left alone" {
	two_runs
	before=$(stat -c '%i %Y %Z' out/one.txt dir dir/x)
	restores 0 latest
	says "2 as they were already"
	[ "$(stat -c '%i %Y %Z' out/one.txt dir dir/x)" = "$before" ]
	# By bytes, also where they are somebody's.
	restores 0 previous
	rm out/one.txt
	echo one 2 >out/one.txt
	before=$(stat -c '%i' out/one.txt)
	restores 0 latest
	[ "$(stat -c '%i' out/one.txt)" = "$before" ]
	[ "$(look out dir)" = "$is" ]
	chmod -x dir/x
	restores 2 latest
	says "'dir' is not what pawl put there"
}

@test "a link that was planted as a parent is not followed" {
	two_runs
	rm -r out
	mkdir ../elsewhere
	ln -s ../elsewhere out
	restores 11 one
	[ -z "$(ls ../elsewhere)" ]
	# Nor looked through, and nothing else is done before that is seen.
	echo theirs >../elsewhere/one.txt
	rm -r dir
	for options in "" --force; do
		# shellcheck disable=SC2086
		restores 11 $options latest
		says "'out': a link or a file is where a folder should be"
		[ ! -e dir ]
		[ "$(cat ../elsewhere/one.txt)" = theirs ]
	done
	mkdir ../to
	ln -s ../elsewhere ../to/out
	restores 11 --to ../to one
	[ "$(ls ../elsewhere ../to | xargs)" = "../elsewhere: one.txt ../to: out" ]
	# A file there is no better.
	rm out
	echo mine >out
	restores 11 --force latest
	[ "$(cat out)" = mine ]
	[ ! -e dir ]
}

@test "what somebody writes meanwhile stays" {
	two_runs
	command -v strace >/dev/null || skip "no strace"
	strace -o /dev/null true 2>/dev/null || skip "strace may not trace"
	for to in . ../old; do
		rm -rf out dir
		ASAN_OPTIONS=detect_leaks=0 strace -f -o ../trace -e trace=renameat2 \
			-e inject=renameat2:signal=STOP:when=1 "$PAWL" restore --to "$to" "$first" >../said 2>&1 &
		until grep -q 'stopped by' ../trace 2>/dev/null; do kill -0 $!; done
		# One is there by now, the other one comes from elsewhere.
		mkdir "$to/dir"
		echo mine >"$to/dir/x"
		kill -CONT "$(awk '/stopped by/ { print $1; exit }' ../trace)"
		status=0
		wait $! || status=$?
		cat ../said
		[ "$status" -eq 2 ]
		grep -q "dir' changed while others were restored: it is left alone" ../said
		[ "$(cat "$to/out/one.txt" "$to"/dir/* | xargs)" = "one 1 mine" ]
		rm ../trace
	done
}

@test "paths that are parts of others, or come twice; a folder of pawl's own" {
	two_runs
	restores 0 --to ../old "$first" dir/x dir dir/sub dir dir/x
	[ "$output" = "restored '../old/dir'" ]
	restores 2 --to ../old "$first" dir dir/none
	restores 2 --to .pawl/objects "$first"
	says "leads into '.pawl'"
	cd dir
	restores 2 --to ../.pawl "$first"
}

@test "-n says what would be, and writes nothing" {
	two_runs
	before=$(find . -printf '%p %C@\n' | sort)
	restores 0 -n "$first"
	says "would restore 'out/one.txt'"
	says "would restore 'dir'"
	[ "$(find . -printf '%p %C@\n' | sort)" = "$before" ]
	restores 0 -n latest
	says "2 as they were already"
}

@test "quiet, and JSON" {
	two_runs
	restores 0 -q "$first"
	[ "$output" = "" ]
	restores 0 --json "$second"
	echo "$output" >../json
	[ "$(jq -r '.schema, .run, .dry_run, (.outputs | length)' ../json | xargs)" = "1 $second false 2" ]
	[ "$(jq -r '.outputs[] | select(.path == "out/one.txt") | .state, .made_by, .instance, .digest' \
		../json | xargs)" = "restored $second one $(sha256sum <out/one.txt | cut -d' ' -f1)" ]
	restores 0 --json -n "$first"
	[ "$(echo "$output" | jq -r '.outputs[].state' | sort -u)" = would_restore ]
	restores 0 --json latest
	[ "$(echo "$output" | jq -r '.outputs[].state' | sort -u)" = unchanged ]
	echo mine >out/one.txt
	run --separate-stderr "$PAWL" restore --json latest
	[ "$status" -eq 2 ]
	[ "$(echo "$output" | jq -r '.outputs[] | select(.path == "out/one.txt").state')" = not_restored ]
}

@test "into another folder, from where one stands; the workspace is as it was" {
	two_runs
	mkdir sub
	before=$(find . ! -path './sub*' -printf '%p %C@\n' | sort)
	cd sub
	restores 0 --to old "$first"
	cd ..
	[ "$(cd sub/old && look out dir)" = "$was" ]
	[ "$(find . ! -path './sub*' -printf '%p %C@\n' | sort)" = "$before" ]
	# The same again is there already; other bytes are not overwritten.
	restores 0 --to sub/old "$first"
	says "2 as they were already"
	restores 2 --to sub/old "$second"
	says "'sub/old/dir' is there already, with other bytes"
	[ "$(cd sub/old && look out dir)" = "$was" ]
	restores 0 --to "$BATS_TEST_TMPDIR/abs" "$second" dir/x
	[ "$(cat "$BATS_TEST_TMPDIR/abs/dir/x")" = x2 ]
	[ -x "$BATS_TEST_TMPDIR/abs/dir/x" ]
	restores 2 --to sub/old --force "$second"
	says "exclude each other"
	restores 11 --to no/such "$second"
	says "'no/such': the folder cannot be made"
}

@test "--to needs no lock, the workspace does" {
	two_runs
	exec 9<>.pawl/lock
	perl -e 'use Fcntl; my $l = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0);
		open(my $f, "+<&=9") or die; fcntl($f, 37, $l) or die "$!"' || skip "no such lock here"
	restores 9 "$first"
	restores 0 --to ../old "$first"
	[ "$(cat ../old/out/one.txt)" = "one 1" ]
	exec 9>&-
}

@test "a missing object: status 12, named, the rest is restored, its place is untouched" {
	two_runs
	restores 0 "$first"
	object=$(object_of out/one.txt)
	restores 0 "$second"
	chmod u+w "$(dirname "$object")"
	mv "$object" ../object
	restores 12 "$first"
	says "'out/one.txt' of 'one' cannot be restored: its bytes are not in the store"
	says "'dir' of 'tree' cannot be restored: its bytes are not in the store"
	[ "$(look out dir)" = "$is" ]
	mv ../object "$object"
	restores 0 "$first" dir
	object=$(object_of dir/x)
	restores 0 "$second"
	mv "$object" ../object
	restores 12 "$first"
	says "restored 'out/one.txt'"
	says "'dir' of 'tree' cannot be restored"
	[ "$(cat out/one.txt)" = "one 1" ]
	[ "$(cat dir/x)" = x2 ]
	plans_nothing -p v=1 one
}

@test "a damaged object: status 12, and nothing at its place is changed, not even by force" {
	two_runs
	restores 0 "$first"
	object=$(object_of out/one.txt)
	restores 0 "$second"
	chmod u+w "$object"
	echo bad 1 >"$object"
	restores 12 "$first" out/one.txt
	says "'out/one.txt' of 'one' cannot be restored: object"
	says "is damaged"
	[ "$(look out dir)" = "$is" ]
	echo mine >out/one.txt
	restores 12 --force "$first" out/one.txt
	[ "$(cat out/one.txt)" = mine ]
	restores 12 --to ../old "$first" out/one.txt
	[ ! -e ../old/out/one.txt ]
}

@test "a run that ran again on the same inputs and gave other bytes" {
	manifest <<-'TOML'
		[stage.now]
		run = "echo now >>../ran; cat ../when >now.txt"
		outputs = ["now.txt"]
	TOML
	echo 1 >../when
	ends 0
	first=$(last_run)
	echo 2 >../when
	ends 0 --force
	[ "$(cat now.txt)" = 2 ]
	restores 0 "$first"
	[ "$(cat now.txt)" = 1 ]
	# The present result is the newer one.
	ends 0
	ran
	[ "$(cat now.txt)" = 2 ]
}

@test "what a run found up to date: as the run before made it, and who says so" {
	manifest <<-'TOML'
		[stage.still]
		run = "echo still >>../ran; cat in.txt >still.txt"
		inputs = ["in.txt"]
		outputs = ["still.txt"]

		[stage.moves]
		run = "echo moves >>../ran; cat other.txt >moves.txt"
		inputs = ["other.txt"]
		outputs = ["moves.txt"]
	TOML
	echo 1 >in.txt
	echo 1 >other.txt
	ends 0
	first=$(last_run)
	echo 2 >other.txt
	ends 0
	ran moves
	second=$(last_run)
	echo 3 >in.txt
	echo 3 >other.txt
	ends 0
	third=$(last_run)
	restores 0 "$second"
	says "restored 'still.txt' (up to date then; as of run $first)"
	says "restored 'moves.txt'"
	[ "$(cat still.txt moves.txt | xargs)" = "1 2" ]
	# Brought back by a run: that run says it.
	echo 3 >in.txt
	ends 0
	echo 1 >in.txt
	ends 0
	ran
	fourth=$(last_run)
	echo 4 >other.txt
	ends 0
	ran moves
	fifth=$(last_run)
	restores 0 "$third"
	restores 0 "$fifth"
	says "restored 'still.txt' (up to date then; as of run $fourth)"
	[ "$(cat still.txt moves.txt | xargs)" = "1 4" ]
	# Without the record of the first run, by its roots.
	rm -r ".pawl/runs/$first"
	restores 0 "$third"
	restores 0 "$second"
	says "restored 'still.txt' (up to date then; made by run $first)"
	[ "$(cat still.txt)" = 1 ]
	# Nor these, or no result: then it is not known.
	mv .pawl/roots ../roots
	restores 2 "$second"
	says "what 'still' had in run $second is not on record any more"
	mv ../roots .pawl/roots
	rm -f .pawl/results .pawl/results.table
	restores 2 "$second"
	says "what 'still' had in run $second is not on record any more"
}

@test "what was brought back by hand is not known of the runs that found it up to date" {
	still_and_moves
	echo 1 >in.txt
	echo 1 >other.txt
	ends 0
	first=$(last_run)
	echo 2 >in.txt
	ends 0
	# As it was already: that changes nothing of what is known.
	rm still.txt
	restores 0 still
	echo 2 >other.txt
	ends 0
	sure=$(last_run)
	restores 0 --run "$first" still
	echo 1 >in.txt
	echo 3 >other.txt
	ends 0
	unsure=$(last_run)
	echo 3 >in.txt
	ends 0
	restores 0 "$sure"
	[ "$(cat still.txt moves.txt | xargs)" = "2 2" ]
	# By the key that its roots name.
	restores 0 "$unsure"
	says "restored 'still.txt' (up to date then; made by run $first)"
	[ "$(cat still.txt moves.txt | xargs)" = "1 3" ]
	restores 0 "$sure"
	rm -r .pawl/roots
	restores 2 "$unsure"
	says "what 'still' had in run $unsure is not on record"
	[ "$(cat still.txt moves.txt | xargs)" = "2 3" ]
}

@test "an intermediate that a run took from an older result comes back as that" {
	manifest <<-'TOML'
		[stage.mid]
		run = "cat in.txt >mid.txt"
		inputs = ["in.txt"]
		outputs = ["mid.txt"]

		[stage.end]
		run = "cat mid.txt >end.txt"
		inputs = ["mid.txt"]
		outputs = ["end.txt"]
	TOML
	for n in 1 2 1; do
		echo $n >in.txt
		ends 0 end
	done
	# It needed no bytes of it.
	[ "$(cat mid.txt end.txt | xargs)" = "2 1" ]
	third=$(last_run)
	echo 3 >in.txt
	ends 0
	restores 0 "$third"
	[ "$(cat mid.txt end.txt | xargs)" = "1 1" ]
	# Where nothing names the key it had, nothing else is given for it.
	echo 3 >in.txt
	ends 0
	rm -r .pawl/roots
	restores 2 "$third"
	says "what 'mid' had in run $third is not on record any more"
	[ "$(cat mid.txt end.txt | xargs)" = "3 1" ]
}

@test "a run whose record gc removed, by its roots" {
	two_runs
	echo '[stage.more]' >>pawl.toml
	printf 'run = "cat src >more.txt"\ninputs = ["src"]\noutputs = ["more.txt"]\n' >>pawl.toml
	for n in 1 2 3; do
		echo $n >src
		ends 0 -p v=2
	done
	for run in $(cd .pawl/runs && echo *); do
		[ "$run" = "$(last_run)" ] || rm -r ".pawl/runs/$run"
	done
	restores 0 "$first"
	says "restored 'out/one.txt'"
	[ "$(look out dir)" = "$was" ]
	restores 0 --run "$second" tree dir/x
	[ "$(cat dir/x)" = x2 ]
	restores 0 --to ../old "$second"
	[ "$(cd ../old && look out dir)" = "$is" ]
	# A run that looked at a part of it.
	part=$(cd .pawl/roots/* && for run in *; do echo "$run"; done | tail -n 2 | head -n 1)
	restores 0 "$part" more.txt
	[ "$(cat more.txt)" = 2 ]
	restores 2 "$part"
	says "the record of run $part is gone"
	[ "$(cat more.txt)" = 2 ]
	restores 2 "$part" out/one.txt
	"$PAWL" gc --keep-runs 1 >/dev/null
	restores 2 "$first"
	says "there is no such run"
}

@test "a manifest with mistakes does not stop the restoring of a run" {
	two_runs
	cp pawl.toml good.toml
	for mistake in '[stage' 'stage.one.runn = 1' '[stage.x]' \
		'[stage.x]\nrun = "true"\ninputs = ["none"]' '[params.w]\ntype = "int"'; do
		{
			cat good.toml
			printf '%b\n' "$mistake"
		} >pawl.toml
		restores 3 one
		[ "$(look out dir)" = "$is" ]
		restores 0 "$first"
		says "pawl.toml:"
		says "restored 'out/one.txt'"
		[ "$(look out dir)" = "$was" ]
		restores 0 -n --run latest tree
		says "would restore 'dir'"
		rm -rf ../old
		restores 0 --to ../old latest
		[ "$(cd ../old && look out dir)" = "$is" ]
		restores 0 latest
		[ "$(look out dir)" = "$is" ]
	done
	cp good.toml pawl.toml
	plans_nothing -p v=2
	# Where the store is, such a manifest does not say.
	rm -r .pawl
	ends 0 --store ../store
	echo '[stage' >>pawl.toml
	restores 3 latest
	rm -r dir
	restores 0 --store ../store latest
	[ "$(look out dir)" = "$was" ]
}

@test "what was adopted since counts for the runs that found it up to date" {
	still_and_moves
	echo 1 >in.txt
	echo 1 >other.txt
	ends 0
	echo 2 >in.txt
	echo mine >still.txt
	"$PAWL" adopt still
	echo 2 >other.txt
	ends 0
	second=$(last_run)
	echo 3 >in.txt
	ends 0
	restores 0 "$second"
	[ "$(cat still.txt)" = mine ]
}

@test "a word that is both a stage and a run is the stage; --run names the run" {
	manifest <<-'TOML'
		[params]
		v = "1"

		[stage.latest]
		run = "echo {{v}} >l.txt"
		outputs = ["l.txt"]

		[stage.other]
		run = "echo {{v}} >o.txt"
		outputs = ["o.txt"]
	TOML
	ends 0
	rm l.txt o.txt
	restores 0 latest
	[ -e l.txt ]
	[ ! -e o.txt ]
	rm l.txt
	restores 0 --run latest
	[ -e l.txt ]
	[ -e o.txt ]
}

@test "instances and selections, as a run takes targets; stages that are gone, by their run" {
	manifest <<-'TOML'
		[stage.many]
		matrix = { n = [1, 2, 3] }
		run = "echo {{n}} >{{n}}.txt"
		outputs = ["{{n}}.txt"]
	TOML
	ends 0
	rm ./*.txt
	restores 0 many@n=2
	[ "$(echo ./*.txt)" = ./2.txt ]
	restores 0 3.txt
	[ "$(echo ./*.txt)" = "./2.txt ./3.txt" ]
	restores 0 --run latest many@n=1
	[ -e 1.txt ]
	rm ./*.txt
	manifest <<-'TOML'
		[stage.new]
		run = "echo >new.txt"
		outputs = ["new.txt"]
	TOML
	restores 2 many
	restores 0 --run latest many
	[ "$(cat ./*.txt | xargs)" = "1 2 3" ]
	# They are pawl's: orphans, which clean may remove.
	run "$PAWL" clean --orphans
	[ -z "$(echo ./?.txt | grep -v '?')" ]
}

@test "what failed in a run is not of it" {
	manifest <<-'TOML'
		[stage.good]
		run = "echo 1 >good.txt"
		outputs = ["good.txt"]

		[stage.bad]
		run = "echo 1 >bad.txt; test -e ok"
		outputs = ["bad.txt"]
	TOML
	ends 1 -k
	rm good.txt
	restores 0 latest
	[ -e good.txt ]
	[ ! -e bad.txt ]
	restores 2 --run latest bad
	restores 2 bad
	says "'bad' has no result on record"
}

@test "what its stage does not store: said when it was named" {
	manifest <<-'TOML'
		[stage.big]
		run = "echo large >big.txt; echo small >small.txt"
		outputs = [{ path = "big.txt", store = false }, "small.txt"]
	TOML
	ends 0
	rm big.txt small.txt
	restores 0 big
	says "restored 'small.txt'"
	says "1 not stored by their stages"
	[ ! -e big.txt ]
	restores 11 big big.txt
	says "'big.txt' of 'big' cannot be restored: its stage stores no bytes of it"
}

@test "the only copy of what pawl made is kept, not replaced" {
	manifest <<-'TOML'
		[params]
		v = "1"

		[stage.big]
		run = "echo {{v}} >big.txt"
		outputs = ["big.txt"]
	TOML
	ends 0
	first=$(last_run)
	sed 's/"big.txt"\]/{ path = "big.txt", store = false }]/' pawl.toml >new
	mv new pawl.toml
	ends 0 -p v=2
	[ "$(cat big.txt)" = 2 ]
	restores 0 "$first"
	says "kept 'big.txt' in '.pawl/kept/$first/big.txt'"
	[ "$(cat big.txt)" = 1 ]
	[ "$(cat ".pawl/kept/$first/big.txt")" = 2 ]
}

@test "killed at any write, it can be repeated, and nothing is lost" {
	two_runs
	command -v strace >/dev/null || skip "no strace"
	strace -o /dev/null true 2>/dev/null || skip "strace may not trace"
	for n in 1 2 3 4 5 6 7 8; do
		echo mine >out/one.txt
		ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=renameat,renameat2 \
			-e inject=renameat,renameat2:signal=KILL:when=$n "$PAWL" restore --force "$first" || :
		run "$PAWL" restore --force "$first"
		[ "$status" -eq 0 ]
		[ "$(look out dir)" = "$was" ]
		cat .pawl/kept/"$first"/out/* | grep -q mine
		rm -r .pawl/kept
		restores 0 --force "$second"
		rm -rf .pawl/kept
	done
}

@test "with hard links from the store, and persistent outputs never" {
	manifest <<-'TOML'
		link = ["hardlink", "copy"]

		[params]
		v = "1"

		[stage.file]
		run = "echo {{v}} >file.txt"
		outputs = ["file.txt"]

		[stage.log]
		run = "echo {{v}} >>log.txt"
		outputs = [{ path = "log.txt", persist = true }]
	TOML
	ends 0
	first=$(last_run)
	ends 0 -p v=2
	restores 0 "$first"
	[ "$(cat file.txt log.txt | xargs)" = "1 1" ]
	[ "$(stat -c %h file.txt)" -ge 2 ]
	[ "$(stat -c %h log.txt)" -eq 1 ]
	ends 0
	[ "$(cat file.txt | xargs)" = 1 ]
}
