#!/usr/bin/env bats
# gc and evict: nothing that is needed goes, what is not needed does, and nobody is disturbed.

load run
load root

teardown() {
	: >"$BATS_TEST_TMPDIR/stop"
	cd /
	unmount_small
}

# A file, a folder, and one that is made of both, each another one for another `in`.
three_stages() {
	manifest <<-'END'
		[stage.file]
		run = 'echo file >>"$RAN"; echo "file of $(cat in)" >file'
		pass_env = ["RAN"]
		inputs = ["in"]
		outputs = ["file"]

		[stage.folder]
		run = 'echo folder >>"$RAN"; mkdir -p folder/sub; cp file folder/sub/copy; echo more >>folder/sub/copy; echo of "$(cat in)" >folder/own'
		pass_env = ["RAN"]
		inputs = ["in", "file"]
		outputs = ["folder/"]

		[stage.both]
		run = 'echo both >>"$RAN"; cat file folder/own >both'
		pass_env = ["RAN"]
		inputs = ["file", "folder/"]
		outputs = ["both"]
	END
	export RAN="$BATS_TEST_TMPDIR/ran"
}

# One run for each of these contents of `in`.
runs_of() {
	for content in "$@"; do
		echo "$content" >in
		ends 0
	done
}

objects() {
	find "${1:-.pawl}/objects" -type f | wc -l
}

# All that is below a folder, with its bytes.
all_of() {
	find "$1" -type f ! -path '*/tmp/*' -exec sha256sum {} + | sort
}

# After gc: all is up to date, and every output comes back from the store.
nothing_is_lost() {
	ends 0
	ran ""
	outputs=$(cat file folder/sub/copy folder/own both)
	rm -r file folder both
	ends 0
	ran ""
	says "3 restored"
	[ "$(cat file folder/sub/copy folder/own both)" = "$outputs" ]
}

@test "what the last runs need stays, the rest goes" {
	three_stages
	runs_of 1 2 3 4
	before=$(objects)
	run "$PAWL" gc
	[ "$status" -eq 0 ]
	[[ $output == "nothing to remove; the store holds "* ]]
	[ "$(objects)" -eq "$before" ]
	run "$PAWL" gc --keep-runs 2
	[ "$status" -eq 0 ]
	[[ $output == "freed "*": 6 results, "*" objects, 2 runs; the store holds "* ]]
	[ "$(objects)" -lt "$before" ]
	[ "$("$PAWL" runs | wc -l)" -eq 2 ]
	all_whole .pawl
	nothing_is_lost

	# Content of the run before comes from the store; that of an earlier one runs again.
	echo 3 >in
	ends 0
	ran ""
	says "3 restored"
	echo 1 >in
	ends 0
	ran file folder both
	run "$PAWL" gc --keep-runs 1
	[ "$status" -eq 0 ]
	nothing_is_lost
	[ -n "$("$PAWL" report latest)" ]
}

@test "-n says what would go, and changes nothing" {
	three_stages
	runs_of 1 2 3
	before=$(all_of .pawl)
	run "$PAWL" gc -n --keep-runs 1
	[ "$status" -eq 0 ]
	[[ $output == "would free "*": 6 results, "*" objects, 2 runs; the store holds "* ]]
	[ "$(all_of .pawl)" = "$before" ]
	would=$("$PAWL" gc -n --keep-runs 1 --json | grep -v dry_run)
	[ "$("$PAWL" gc --keep-runs 1 --json | grep -v dry_run)" = "$would" ]
	[ "$(objects)" -eq "$(sed -n 's/.*"objects_left": \([0-9]*\),*/\1/p' <<<"$would")" ]
	[[ $("$PAWL" gc -n --keep-runs 1) == "nothing to remove; "* ]]
}

@test "where nothing was ever run" {
	three_stages
	run "$PAWL" gc -n
	[ "$status" -eq 0 ]
	[ "$output" = "nothing to remove; the store holds 0 B in 0 objects" ]
	[ ! -e .pawl ]
	run "$PAWL" gc
	[ "$status" -eq 0 ]
	[ "$output" = "nothing to remove; the store holds 0 B in 0 objects" ]
}

@test "mistakes of the command line" {
	three_stages
	for mistake in --keep-runs=0 --keep-runs=x --max-age=30 --max-size=1KiB; do
		run "$PAWL" gc "$mistake"
		[ "$status" -eq 2 ]
		[[ $output == "pawl: '${mistake#*=}' of '${mistake%=*}'"* ]]
	done
	run "$PAWL" evict
	[ "$status" -eq 2 ]
	[ ! -e .pawl ]
}

@test "runs that look only at a part do not make the rest go" {
	three_stages
	runs_of 1
	# A target alone, and runs in which the rest stands unlooked at.
	for i in 1 2 3 4; do
		echo "$i" >>in
		ends 0 file
	done
	ends 0
	for i in 1 2 3; do
		sed -i "s/more.*>>folder/more $i >>folder/" pawl.toml
		ends 0
		ran folder both
	done
	run "$PAWL" gc --keep-runs 1
	[ "$status" -eq 0 ]
	nothing_is_lost
	# What is pruned is merged: another one sees the same.
	runs_of last
	run "$PAWL" gc --keep-runs 1
	nothing_is_lost
}

@test "two manifests of a workspace keep what each of them needs" {
	three_stages
	runs_of 1
	printf '[pipeline]\nname = "other"\n[stage.o]\nrun = "echo o >>../ran; date +%%N >o"\noutputs = ["o"]\n' >other.toml
	for i in 1 2 3; do
		echo "# $i" >>other.toml
		sed -i "s/date.*>o/date +%N >o ; : $i/" other.toml
		sed -i "s/>o ; : .*\"\$/>o ; : $i\"/" other.toml
		"$PAWL" -f other.toml run
	done
	run "$PAWL" gc --keep-runs 1
	[ "$status" -eq 0 ]
	nothing_is_lost
	: >../ran
	rm o
	"$PAWL" -f other.toml run
	ran ""
}

@test "an interrupted run keeps what it finished" {
	three_stages
	cat >>pawl.toml <<-'END'
		[stage.slow]
		run = 'echo slow >>"$RAN"; : >../holding; until [ -e ../go ]; do sleep 0.01; done; cp both slow'
		pass_env = ["RAN"]
		inputs = ["both"]
		outputs = ["slow"]
	END
	: >../go
	runs_of 1
	echo 2 >in
	killed_run
	run "$PAWL" gc --keep-runs 1 --max-size 0B --max-age 0s
	[ "$status" -eq 0 ]
	rm -r file folder both
	: >../go
	ends 0
	says "3 of 4 done, going on"
	ran slow
}

@test "what a run finished that was killed, and what was adopted, stays when runs of a part follow" {
	three_stages
	cat >>pawl.toml <<-'END'
		[stage.slow]
		run = ': >../holding; until [ -e ../go ]; do sleep 0.01; done; echo >slow'
		inputs = ["both"]
		outputs = ["slow"]
		[stage.apart]
		run = 'echo apart >apart'
		outputs = ["apart"]
		[stage.had]
		run = 'echo had >>"$RAN"; echo had >had'
		pass_env = ["RAN"]
		outputs = ["had"]
	END
	: >../go
	runs_of 1
	rm had
	echo adopted >had
	sed -i 's/echo had >had/echo another >had/' pawl.toml
	"$PAWL" adopt had
	echo 2 >in
	killed_run
	for i in 1 2; do
		sed -i "s/echo [^ ]*apart/echo $i-apart/" pawl.toml
		ends 0 apart
		run "$PAWL" gc --keep-runs 1 --max-size 0B --max-age 0s
		[ "$status" -eq 0 ]
	done
	: >../go
	ends 0
	ran ""
	has had adopted
	# Once a whole run has said what it needs, what nobody went on with goes.
	echo 3 >in
	ends 0
	"$PAWL" gc --keep-runs 1
	echo 2 >in
	ends 0
	ran file folder both
}

@test "failed runs, adopted results, results that are made anew" {
	three_stages
	echo 1 >in
	echo "file of 1" >file
	"$PAWL" adopt file
	run "$PAWL" gc --keep-runs 1
	ends 0
	ran folder both
	sed -i 's/cat file folder/exit 3; &/' pawl.toml
	echo 2 >in
	ends 1
	ran file folder both
	for i in 1 2; do
		run "$PAWL" gc --keep-runs 1
		[ "$status" -eq 0 ]
	done
	[ -z "$(find .pawl/failed -mindepth 2 2>/dev/null)" ] || [ "$(find .pawl/failed -mindepth 1 -maxdepth 1 | wc -l)" -le 1 ]
	sed -i 's/exit 3; //' pawl.toml
	ends 0
	ran both
	nothing_is_lost
}

@test "--max-age and --max-size spare the last run, and the oldest goes first" {
	three_stages
	runs_of 1 2 3
	# Not so old, not so large.
	[[ $("$PAWL" gc --max-age 1d --max-size 1G) == "nothing to remove; "* ]]
	left=$("$PAWL" gc -n --json | sed -n 's/.*"objects_left_bytes": \([0-9]*\),*/\1/p')
	[ "$left" -gt 100 ]
	run "$PAWL" gc --max-size $((left - 1))B
	[ "$status" -eq 0 ]
	[[ $output == "freed "*" result"* ]]
	echo 2 >in
	ends 0
	ran ""
	echo 3 >in
	ends 0
	ran ""
	run "$PAWL" gc --max-size 0B
	[ "$status" -eq 0 ]
	nothing_is_lost
	echo 2 >in
	ends 0
	ran file folder both
	run "$PAWL" gc --max-age 0s
	[ "$status" -eq 0 ]
	nothing_is_lost
	echo 3 >in
	ends 0
	ran file folder both
}

@test "retain in the manifest says what a bare gc keeps" {
	three_stages
	sed -i '2a retain = { runs = 2 }' pawl.toml
	runs_of 1 2 3
	[[ $("$PAWL" gc --keep-runs 3) == "nothing to remove; "* ]]
	[[ $("$PAWL" gc) == "freed "*": 3 results, "*", 1 run; "* ]]
	sed -i 's/runs = 2/size = "1B", age = "1d"/' pawl.toml
	[[ $("$PAWL" gc) == "freed "*": 3 results, "* ]]
	nothing_is_lost
}

@test "kept files go only when asked for" {
	three_stages
	echo 1 >in
	echo mine >file
	ends 0
	[ "$(cat .pawl/kept/*/file)" = mine ]
	run "$PAWL" gc --keep-runs 1 --max-age 0s
	[ "$(cat .pawl/kept/*/file)" = mine ]
	run "$PAWL" gc --kept -n
	[ "$(cat .pawl/kept/*/file)" = mine ]
	run "$PAWL" gc --kept
	[ "$status" -eq 0 ]
	[ -z "$(ls .pawl/kept)" ]
	nothing_is_lost
}

@test "a workspace that is at work is not collected" {
	manifest <<-'END'
		[stage.s]
		run = ": >../holding; until [ -e ../go ]; do sleep 0.01; done"
	END
	holding_run
	run "$PAWL" gc
	: >../go
	wait "$pid"
	[ "$status" -eq 9 ]
	"$PAWL" gc
}

@test "a manifest with mistakes stops gc, unless the call says all that it is asked" {
	three_stages
	sed -i '2a retain = { runs = 50 }' pawl.toml
	runs_of 1 2 3
	cp pawl.toml ../good.toml
	echo oops >>pawl.toml
	for options in "" "--keep-runs 1" "--store .pawl"; do
		# shellcheck disable=SC2086
		run "$PAWL" gc $options
		[ "$status" -eq 3 ]
		says "pawl.toml:"
		says "with '--store DIR' (its own: .pawl) and '--keep-runs N' it is not asked"
	done
	run "$PAWL" gc --keep-runs 1 --store .pawl
	[ "$status" -eq 0 ]
	says "'pawl.toml' has mistakes, and is not asked: the command line counts alone"
	says ": 6 results, "
	[ ! -e .pawl/roots/lock ]
	cp ../good.toml pawl.toml
	nothing_is_lost
}

# --- a store of several workspaces

# Two workspaces, $1 each, with one store.
share() {
	cd ..
	for workspace in "$@"; do
		mkdir "$workspace"
		cd "$workspace"
		three_stages
		sed -i "2s|.*|name = \"$workspace\"\nstore = \"$BATS_TEST_TMPDIR/store\"|; s|file of|$workspace &|" pawl.toml
		echo 0 >in
		cd ..
	done
}

@test "one workspace of a shared store collects, and the other loses nothing" {
	share x y
	for i in 1 2 3; do
		(cd x && runs_of "$i") && (cd y && runs_of "$i")
	done
	before=$(objects store)
	(cd x && "$PAWL" gc --keep-runs 1 --max-size 0B --max-age 0s)
	[ "$(objects store)" -lt "$before" ]
	(cd x && nothing_is_lost)
	cd y
	nothing_is_lost
	for i in 2 1; do
		echo "$i" >in
		ends 0
		ran ""
	done
	# Without roots all of a workspace's results count, and so do those behind damaged ones.
	cd ..
	for file in store/roots/*/*; do
		[ "${file##*/}" = lock ] || echo damaged >"$file"
	done
	(cd x && "$PAWL" gc --keep-runs 1 --max-size 0B)
	cd y
	echo 3 >in
	ends 0
	ran ""
	nothing_is_lost
}

@test "gc in a loop beside runs of another workspace of the store" {
	share x y
	(
		cd x
		export RAN="$BATS_TEST_TMPDIR/other"
		i=0
		while [ ! -e ../stop ]; do
			i=$((i + 1))
			echo "$i" >in
			"$PAWL" run -q && "$PAWL" gc --keep-runs 1 || exit 1
		done
	) >said 2>&1 3>&- &
	pid=$!
	cd y
	for i in 1 2 3 4 5 6 7 8 9 10; do
		# Back to what was: it is in the store, whatever the other one removes.
		for content in "$i" once; do
			echo "$content" >in
			ends 0
			[ "$i" -eq 1 ] || [ "$content" != once ] || ran ""
		done
		rm -r file folder both
		ends 0
		ran ""
	done
	: >../stop
	wait "$pid" || {
		cat ../said
		false
	}
	nothing_is_lost
	all_whole ../store
	cd ../x
	RAN=$BATS_TEST_TMPDIR/other
	nothing_is_lost
}

@test "what a run of another workspace found stays, whatever goes while it runs" {
	share x y
	for w in x y; do
		sed -i 's/^store/portable = true\n&/; s/x file of/file of/; s/y file of/file of/' $w/pawl.toml
	done
	(cd x && runs_of 1 2)
	cd y
	cat >>pawl.toml <<-'END'
		[stage.slow]
		run = ': >../holding; until [ -e ../go ]; do sleep 0.01; done; echo >slow'
		inputs = ["both"]
		outputs = ["slow"]
	END
	echo 1 >in
	: >"$RAN"
	holding_run
	(cd ../x && "$PAWL" gc --keep-runs 1 --max-size 0B --max-age 0s)
	: >../go
	wait "$pid"
	ran ""
	rm -r file folder both .pawl/index*
	ends 0
	ran ""
}

# Two processes wait for the store's lock.
two_wait() {
	[ "$(grep -c -- "-> OFDLCK .* READ .*:$(stat -c %i ../store/roots/lock) " /proc/locks)" -eq 2 ]
}

@test "restore in a shared store waits for what is being removed, and keeps it from going" {
	share x
	cd x
	runs_of 1
	rm file
	exec 7<>../store/roots/lock
	perl -e 'my $l = pack("s s x4 q q i x4", 1, 0, 0, 1, 0); open(my $f, "+<&=", 7) or die; fcntl($f, 37, $l) or die "$!"'
	for to in "" "--to ../there"; do
		# shellcheck disable=SC2086
		"$PAWL" restore $to file >>../said 2>&1 3>&- 7>&- &
	done
	wait_until two_wait
	[ ! -e file ]
	exec 7>&-
	wait
	has file "x file of 1"
	has ../there/file "x file of 1"
}

@test "only one gc at a time in a shared store" {
	share x y
	(cd x && runs_of 1) && (cd y && runs_of 1)
	exec 7<>store/roots/lock
	# As a gc that works: an open file description lock of its byte.
	perl -e 'my $l = pack("s s x4 q q i x4", 1, 0, 1, 1, 0); open(my $f, "+<&=", 7) or die; fcntl($f, 37, $l) or die "$!"'
	run "$PAWL" -C "$PWD/x" gc
	exec 7>&-
	[ "$status" -eq 9 ]
	says "another 'pawl gc' works on this store"
	"$PAWL" -C "$PWD/x" gc
}

# --- a full disk

@test "gc on a full disk" {
	mount_small small 4m
	cd small
	manifest <<-'END'
		[stage.s]
		run = 'echo s >>"$RAN"; cat in in >s'
		pass_env = ["RAN"]
		inputs = ["in"]
		outputs = ["s"]
	END
	export RAN="$BATS_TEST_TMPDIR/ran"
	for i in 1 2 3; do
		yes "$i" 2>/dev/null | head -c 200000 >in
		"$PAWL" run
	done
	head -c 4000000 /dev/zero >fill 2>/dev/null || :
	[ "$(df --output=avail . | tail -n 1)" -eq 0 ]
	run "$PAWL" gc --keep-runs 1
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == "freed "*": 2 results, 2 objects, 2 runs; "* ]]
	[ "$(df --output=avail . | tail -n 1)" -gt 500 ]
	: >"$RAN"
	rm s fill
	"$PAWL" run
	[ ! -s "$RAN" ]
	"$PAWL" plan --check
	cd ..
}

# --- evict

@test "evict: a stage, an instance, a key" {
	three_stages
	runs_of 1
	run "$PAWL" evict file
	[ "$status" -eq 0 ]
	[[ $output == "forgot "*" of 'file'" ]]
	has file "file of 1"
	ends 0
	ran file
	run "$PAWL" evict file
	key=${output#forgot }
	key=${key%% *}
	ends 0
	ran file
	run "$PAWL" evict "$key"
	[ "$status" -eq 0 ]
	[ "$output" = "forgot $key of 'file'" ]
	ends 0
	ran file
	run "$PAWL" evict folder
	run "$PAWL" gc
	ends 0
	ran folder
	not test -e .pawl/kept
	nothing_is_lost
}

@test "evict: what is unknown" {
	three_stages
	runs_of 1
	before=$(all_of .pawl)
	run "$PAWL" evict nothing
	[ "$status" -eq 2 ]
	run "$PAWL" evict abcdef0123456789
	[ "$status" -eq 2 ]
	"$PAWL" evict both
	run "$PAWL" evict both
	[ "$output" = "nothing to forget: there is no result" ]
}
