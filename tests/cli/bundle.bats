#!/usr/bin/env bats
# export and import: from one workspace to another, and what an import must refuse. Archives that
# nobody should make are made by bundle.pl.

load run

pipeline() {
	manifest <<-'END'
		portable = true
		[stage.one]
		run = "echo one >>../ran; echo one >a.txt; mkdir -p d/e; cat src >d/e/f; ln -s f d/e/l; chmod +x d/e/f"
		inputs = ["src"]
		outputs = ["a.txt", "d/"]
		[stage.two]
		run = "echo two >>../ran; echo said by two; cat a.txt src >b.txt"
		inputs = ["a.txt", "src"]
		outputs = ["b.txt"]
	END
	echo "source of the test" >src
}

# A second workspace beside this one, with what git would bring there.
other() {
	mkdir -p "../$1"
	cp pawl.toml src "../$1"
	cd "../$1" || return 1
}

# What is in the store and in the records: nothing of it when nothing entered.
inventory() {
	find .pawl -path .pawl/fresh -prune -o -type f -print |
		grep -E '^\.pawl/(objects|runs|tmp|parked|kept)/' || true
	find .pawl/fresh -type f ! -name lock ! -name salt
	wc -c <.pawl/results 2>/dev/null || true
}

hostile() {
	perl "$BATS_TEST_DIRNAME/bundle.pl" "$@"
}

# `import` refuses the file: status 12 (or the second argument), nothing enters, nothing is written
# beside the store.
refuses() {
	before=$(inventory)
	outside=$(cd .. && find . -path ./other/.pawl -prune -o -print | LC_ALL=C sort)
	run "$PAWL" import "$1"
	printf '%s\n' "--- import $1: status $status" "$output"
	[ "$status" -eq "${2:-12}" ]
	[ "$before" = "$(inventory)" ]
	[ "$outside" = "$(cd .. && find . -path ./other/.pawl -prune -o -print | LC_ALL=C sort)" ]
}

@test "what was exported is up to date elsewhere, nothing runs" {
	pipeline
	ends 0
	ran one two
	run "$PAWL" export ../x.tar
	[ "$status" -eq 0 ]
	says "exported 2 results, 5 objects, 0 runs"
	other other
	run "$PAWL" import ../x.tar
	[ "$status" -eq 0 ]
	says "imported 2 results (2 new), 5 objects (5 new), 0 runs (0 new)"
	[ ! -e a.txt ]
	ends 0
	ran ""
	says "restored  two"
	cmp a.txt ../w/a.txt
	cmp b.txt ../w/b.txt
	[ -x d/e/f ]
	[ "$(readlink d/e/l)" = f ]
	ends 0
	ran ""
	# what comes again changes nothing
	run "$PAWL" import ../x.tar
	[ "$status" -eq 0 ]
	says "(0 new), 5 objects (0 new)"
	"$PAWL" plan --check
	# another source is another key
	echo more >>src
	ends 0
	ran one two
}

@test "through a pipe, with a record of the run and its logs" {
	pipeline
	ends 0
	id=$("$PAWL" runs | cut -d' ' -f1)
	"$PAWL" export - latest 2>../said | (other other && "$PAWL" import - >../told)
	grep -q '^exported 2 results, 7 objects, 1 run:' ../said
	grep -q '(1 new): ' ../told
	cd ../other
	[ "$("$PAWL" runs | cut -d' ' -f1)" = "$id" ]
	[ "$("$PAWL" log two)" = "said by two" ]
	"$PAWL" events "$id" | cmp - <(cd ../w && "$PAWL" events "$id")
	"$PAWL" status "$id" | grep -q '2 done'
	ends 0
	ran ""
	# a run that is here is left alone
	echo mine >".pawl/runs/$id/mine"
	(cd ../w && "$PAWL" export - "$id" 2>/dev/null) | "$PAWL" import - | grep -q '1 run (0 new)'
	[ "$(cat ".pawl/runs/$id/mine")" = mine ]
}

@test "a run's instances that were up to date in it are part of it" {
	pipeline
	ends 0
	sed 's/cat a.txt src/cat src a.txt/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran two
	"$PAWL" export ../x.tar latest
	other other
	"$PAWL" import ../x.tar
	ends 0
	ran ""
}

@test "a stage brings what is before it, and nothing else" {
	pipeline
	cat >>pawl.toml <<-'END'
		[stage.three]
		run = "echo three >>../ran; echo 3 >c.txt"
		outputs = ["c.txt"]
	END
	ends 0
	run "$PAWL" export ../x.tar two
	[ "$status" -eq 0 ]
	says "exported 2 results"
	other other
	"$PAWL" import -q ../x.tar >../said
	[ ! -s ../said ]
	ends 0
	ran three
}

@test "tar lists it, sha256sum checks it, the same state gives the same bytes" {
	pipeline
	ends 0
	"$PAWL" export ../x.tar latest
	"$PAWL" export ../y.tar latest
	cmp ../x.tar ../y.tar
	"$PAWL" export - two latest 2>/dev/null | cmp - ../x.tar
	tar tvf ../x.tar >../list
	[ "$(head -n 1 ../list | awk '{print $6}')" = pawl-bundle ]
	not grep -v '^-r--r--r-- 0/0 .* 1970-01-01 ' ../list
	LC_ALL=C sort -c <(tail -n +2 ../list | awk '{print $6}')
	mkdir ../u
	tar xf ../x.tar -C ../u
	cd ../u
	tail -n +2 pawl-bundle | sha256sum -c --quiet
	if command -v busybox >/dev/null; then
		busybox tar tf ../x.tar | cmp - <(tar tf ../x.tar)
	fi
}

@test "JSON and silence" {
	pipeline
	ends 0
	"$PAWL" export --json ../x.tar latest >../json
	grep -q '"results": 2,' ../json
	grep -q '"runs": 1,' ../json
	grep -q "\"manifest\": \"$(tar xOf ../x.tar pawl-bundle | sha256sum | cut -d' ' -f1)\"" ../json
	"$PAWL" export -q ../x.tar >../said 2>&1
	[ ! -s ../said ]
	other other
	"$PAWL" import --json ../x.tar >../json
	grep -q '"new_objects": 5,' ../json
	grep -q '"not_portable": 0' ../json
}

@test "results of another workspace count with tools or portable, and import says so" {
	pipeline
	grep -v portable pawl.toml >new
	mv new pawl.toml
	ends 0
	"$PAWL" export ../x.tar
	other other
	run "$PAWL" import ../x.tar
	[ "$status" -eq 0 ]
	says "2 of the results count here only if their stages declare 'tools'"
	ends 0
	ran one two
	# and at home they are ours
	cd ../w
	rm -r .pawl/results .pawl/results.table a.txt b.txt d || true
	"$PAWL" import ../x.tar
	ends 0
	ran ""
}

@test "what is here stays: an import changes nothing that is up to date" {
	manifest <<-'END'
		portable = true
		[stage.s]
		run = "echo s >>../ran; date +%N >out; cat ../salt >>out"
		outputs = ["out"]
	END
	echo a >../salt
	ends 0
	"$PAWL" export ../x.tar
	mkdir ../other
	cp pawl.toml ../other
	cd ../other
	echo b >../salt
	ends 0
	cp out ../out.before
	"$PAWL" import ../x.tar | grep -q '1 result (0 new)'
	ends 0
	ran ""
	cmp out ../out.before
}

@test "what is not up to date, not stored or not over" {
	pipeline
	run "$PAWL" export ../x.tar
	[ "$status" -eq 6 ]
	says "nothing is up to date"
	[ ! -e ../x.tar ]
	ends 0
	echo more >>src
	run "$PAWL" export ../x.tar two
	[ "$status" -eq 6 ]
	says "'two' is not up to date"
	[ ! -e ../x.tar ]
	cat >>pawl.toml <<-'END'
		[stage.three]
		run = "echo 3 >c.txt"
		outputs = ["c.txt"]
	END
	ends 0 three
	run "$PAWL" export ../x.tar
	[ "$status" -eq 0 ]
	says "exported 1 result"
	says "2 instances are not in it"
	run "$PAWL" export ../x.tar nothing
	[ "$status" -eq 2 ]
	run "$PAWL" export ../x.tar 20010101
	[ "$status" -eq 2 ]
	run "$PAWL" import ../nothing.tar
	[ "$status" -eq 2 ]
	# a run that was killed is not over
	id=$("$PAWL" runs | tail -n 1 | cut -d' ' -f1)
	sed -i '$d' ".pawl/runs/$id/events.jsonl"
	run "$PAWL" export ../x.tar latest
	[ "$status" -eq 2 ]
	says "is not over"
}

@test "outputs that were not stored are not in it; their stages run where they are asked for" {
	manifest <<-'END'
		portable = true
		[stage.t]
		run = "echo t >>../ran; echo hidden $((1+1)) words >tmp.txt; mkdir n; echo in n >n/f"
		outputs = [{ path = "tmp.txt", temp = true }, { path = "n/", store = false }]
		[stage.s]
		run = "echo s >>../ran; cat tmp.txt n/f | wc -c >out"
		inputs = ["tmp.txt", "n/"]
		outputs = ["out"]
	END
	ends 0
	"$PAWL" export ../x.tar s
	not grep -qa 'hidden 2 words' ../x.tar
	mkdir ../other
	cp pawl.toml ../other
	cd ../other
	"$PAWL" import ../x.tar
	ends 0 s
	ran ""
	[ "$(cat out)" = "$(cat ../w/out)" ]
}

@test "secrets are not exported" {
	manifest <<-'END'
		portable = true
		[stage.s]
		run = "echo said; test -n \"$TOKEN\"; test -n \"$MY_PASS\"; echo out >out"
		outputs = ["out"]
		secret_env = ["TOKEN", "MY_*"]
	END
	export TOKEN=hush-hush-hush MY_PASS=never-tell-this
	ends 0
	"$PAWL" export ../x.tar latest s
	not grep -qa -e hush-hush-hush -e never-tell-this ../x.tar
	grep -qa 'secret_env' ../x.tar
}

@test "a damaged object is not exported" {
	pipeline
	ends 0
	object=$(sha256sum b.txt | cut -c1-64)
	object=.pawl/objects/$(echo "$object" | cut -c1-2)/$(echo "$object" | cut -c3-)
	chmod u+w "$object"
	sed 's/source/SOURCE/' "$object" >../new
	cat ../new >"$object"
	run "$PAWL" export ../x.tar
	[ "$status" -eq 12 ]
	says "is damaged"
	[ ! -e ../x.tar ]
	[ -z "$(find .. -name '.pawl-new.*')" ]
	rm -f "$object"
	run "$PAWL" export ../x.tar
	[ "$status" -eq 0 ]
	says "'two' is left out"
}

@test "cut short anywhere: nothing enters" {
	pipeline
	ends 0
	"$PAWL" export ../x.tar latest
	other other
	"$PAWL" run --only two -n >/dev/null || true
	printf 'nothing' >../cut.tar
	refuses ../cut.tar
	size=$(wc -c <../x.tar)
	for len in 0 1 511 512 513 1023 1024 1500 3000 $((size / 2)) $((size - 4000)) \
		$((size - 1025)) $((size - 1024)) $((size - 513)) $((size - 1)); do
		head -c "$len" ../x.tar >../cut.tar
		refuses ../cut.tar
		refuses - <../cut.tar
	done
	"$PAWL" import ../x.tar
	# behind its end
	(cat ../x.tar && echo more) >../cut.tar
	refuses ../cut.tar
}

@test "archives that nobody should make" {
	pipeline
	other other
	ends 0 one
	for kind in absolute climbs climbs-prefix newline nul link symlink device fifo folder sparse \
		global checksum negative base256 more less missing foreign twice order wrong-digest \
		wrong-object no-object bad-result run-id run-path run-no-record run-not-over log-path \
		outside-output not-a-bundle list-absolute list-cut list-long lone-zero; do
		hostile "$kind" >../bad.tar
		refuses ../bad.tar
		echo "$kind: refused"
	done
	hostile later >../bad.tar
	refuses ../bad.tar 11
	says "made by a later version"
	hostile run-future >../bad.tar
	refuses ../bad.tar 11
	says "run 22600102T030405Z-0001 in the bundle is of the future"
	hostile good >../good.tar
	"$PAWL" import ../good.tar
}

# Runs a command with 400 MB of address space, where the binary can live with that (sanitizers
# cannot).
in_little_memory() {
	(
		if (ulimit -v 400000 && "$PAWL" version) >/dev/null 2>&1; then ulimit -v 400000; fi
		"$@"
	)
}

@test "many members, and a list of a million that do not come: little memory" {
	pipeline
	other other
	# the last object is wrong, so none stays
	hostile many 5000 >../many.tar
	in_little_memory refuses ../many.tar
	hostile list 1000000 >../list.tar
	in_little_memory refuses ../list.tar
	# sizes that say more than there is cost nothing
	hostile huge >../bad.tar
	in_little_memory refuses ../bad.tar
}

@test "a full disk: status 11, nothing half-entered" {
	pipeline
	other other
	ends 0
	hostile big 3000 >../big.tar
	before=$(inventory)
	# the size a file may have stands for a disk that is full
	run bash -c "ulimit -f 1024; trap '' XFSZ; \"\$PAWL\" import ../big.tar"
	printf '%s\n' "$status" "$output"
	[ "$status" -eq 11 ]
	[ "$before" = "$(inventory)" ]
	run "$PAWL" import ../big.tar
	[ "$status" -eq 0 ]
}

@test "a full disk for the bundle: no file" {
	pipeline
	ends 0
	run "$PAWL" export /dev/full
	[ "$status" -eq 11 ]
	run bash -c "ulimit -f 1; trap '' XFSZ; \"\$PAWL\" export ../x.tar latest"
	[ "$status" -eq 11 ]
	[ ! -e ../x.tar ]
	[ -z "$(find .. -name '.pawl-new.*')" ]
}

@test "what a killed import left is cleared away" {
	pipeline
	ends 0
	"$PAWL" export ../x.tar
	other other
	mkfifo ../pipe
	"$PAWL" import ../pipe >/dev/null 2>&1 &
	pid=$!
	exec 7>../pipe
	head -c 3000 ../x.tar >&7
	until [ -s .pawl/tmp/import/manifest ]; do kill -0 "$pid"; done
	kill -9 "$pid"
	wait "$pid" || true
	exec 7>&-
	[ -d .pawl/tmp/import ]
	"$PAWL" import ../x.tar
	[ ! -e .pawl/tmp/import ]
	ends 0
	ran ""
}

@test "an imported run says nothing of what lay here" {
	manifest <<-'END'
		portable = true
		[stage.still]
		run = "cat ../salt >still.txt"
		outputs = ["still.txt"]
		[stage.moves]
		run = "cat src >moves.txt"
		inputs = ["src"]
		outputs = ["moves.txt"]
	END
	echo 1 >src
	echo ours >../salt
	other other
	ends 0
	cd ../w
	echo theirs >../salt
	ends 0
	"$PAWL" export ../x.tar latest
	theirs=$("$PAWL" runs | cut -d' ' -f1)
	cd ../other
	"$PAWL" import ../x.tar
	echo 2 >src
	ends 0
	ours=$(find .pawl/runs -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | tail -n 1)
	[ "$ours" != "$theirs" ]
	"$PAWL" restore --to ../to "$ours"
	[ "$(cat ../to/still.txt ../to/moves.txt | xargs)" = "ours 2" ]
	# What it made itself can be had.
	"$PAWL" restore --to ../to2 "$theirs"
	[ "$(cat ../to2/still.txt ../to2/moves.txt | xargs)" = "theirs 1" ]
}

# A workspace of one stage with all that outputs can be, and another one, made apart, beside it.
kinds() { # $1: lines of the stage, or of the pipeline before it
	{
		printf '[pipeline]\nname = "kinds"\n'
		[ "$1" != portable ] || echo 'portable = true'
		cat <<-'END'
			[stage.all]
			run = """
			echo all >>../ran; echo printed; : >empty; mkdir -p d/e/none; cat src >d/f; : >d/zero
			cp "$(command -v thing)" d/x; chmod +x d/x; ln -s f d/l; printf x >x; chmod +x x; ln -s d/f l
			"""
			inputs = ["src"]
			outputs = ["empty", "d/", "x", "l"]
			stdout = "said"
		END
		[ "$1" != tools ] || echo 'tools = ["thing"]'
		cat <<-'END'
			[stage.end]
			run = "echo end >>../ran; cat said d/f >end"
			inputs = ["said", "d/", "x", "l"]
			outputs = ["end"]
		END
		[ "$1" != tools ] || echo 'tools = ["thing"]'
	} >pawl.toml
	echo source >src
}

picture() {
	find . -path ./.pawl -prune -o ! -name '*.tar' -printf '%p %y %m %l %s\n' | LC_ALL=C sort
	find . -path ./.pawl -prune -o -type f -exec sha256sum {} + | LC_ALL=C sort
}

@test "the round trip of every kind of output, by tools and by portable; another tool runs" {
	mkdir ../bin
	printf '#!/bin/sh\necho 1\n' >../bin/thing
	chmod +x ../bin/thing
	export PATH="$BATS_TEST_TMPDIR/bin:$PATH"
	for by in tools portable; do
		rm -rf "../$by-a" "../$by-b"
		mkdir -p "../$by-a/deep/er" "../$by-b"
		cd "../$by-a/deep/er"
		kinds "$by"
		ends 0
		"$PAWL" export "../../../$by.tar"
		picture >"../../../$by.picture"
		cd "../../../$by-b"
		kinds "$by"
		"$PAWL" import "../$by.tar"
		"$PAWL" gc >/dev/null
		ends 0
		ran ""
		picture | diff "../$by.picture" -
		"$PAWL" plan --check
		[ "$("$PAWL" verify | grep -c problem)" -eq 0 ] || "$PAWL" verify
		# Another source, another command, another environment is another key.
		echo other >>src
		ends 0
		ran all end
	done
	# The same sources, another tool.
	mkdir ../tools-c
	cd ../tools-c
	kinds tools
	printf '#!/bin/sh\necho 2\n' >../bin/thing
	"$PAWL" import ../tools.tar
	ends 0
	ran all end
}

@test "a shared store" {
	pipeline
	ends 0
	"$PAWL" export ../x.tar latest
	other other
	"$PAWL" --store ../store import ../x.tar
	[ ! -e .pawl/objects ]
	ends 0 --store ../store
	ran ""
	"$PAWL" --store ../store export ../y.tar two
	tar tf ../y.tar | grep -c '^results/' | grep -qx 2
}
