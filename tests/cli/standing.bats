#!/usr/bin/env bats
# A run without work: it is known from signatures alone, without manifest, plan, lock or writing;
# and whatever may change the answer makes pawl look the long way.

load run

# `plan --check` says that there is work.
stale() {
	run "$PAWL" plan --check
	if [ "$status" -ne 6 ]; then
		echo "plan --check: status $status, $output"
		return 1
	fi
}

pipeline() {
	manifest <<-'END'
		[stage.copy]
		matrix = { n = [1, 2, 3] }
		run = "echo copy{{n}} >>../ran; cat {{inputs}} > out/{{n}}"
		inputs = ["src/{{n}}"]
		outputs = ["out/{{n}}"]
		[stage.sum]
		run = "echo sum >>../ran; cat {{inputs}} > sum"
		inputs = ["out/*"]
		outputs = ["sum"]
	END
	mkdir src
	for n in 1 2 3; do echo "$n" >src/$n; done
}

@test "the first call after a run, and all later ones, write nothing and run nothing" {
	pipeline
	ends 0
	ran copy1 copy2 copy3 sum
	stands 4
	stands 4
}

@test "it makes one look a path and few calls besides" {
	command -v strace >/dev/null || skip "no strace"
	strace -o /dev/null true 2>/dev/null || skip "strace may not trace"
	# a sanitizer's calls and those of coverage are none of ours
	not grep -aqE '__asan_init|__tsan_init|\.gcda' "$PAWL" || skip "an instrumented build"
	manifest <<-'END'
		[stage.s]
		matrix = { n = { from = 1, to = 400 } }
		run = "cat {{inputs}} > out/{{n}}"
		inputs = ["src/{{n}}"]
		outputs = ["out/{{n}}"]
	END
	mkdir src
	for n in $(seq 400); do echo "$n" >"src/$n"; done
	ends 0
	strace -f -o ../calls "$PAWL" run
	looks=$(grep -c 'statx(' ../calls)
	all=$(grep -c '(' ../calls)
	echo "$looks looks, $all calls"
	[ "$looks" -ge 800 ]
	[ "$looks" -le 840 ]
	[ "$((all - looks))" -le 260 ]
	# no manifest, no objects, no results, nothing made
	not grep -E 'open[^ ]*\(.*(pawl\.toml|/results|/made|O_CREAT|O_WRONLY|O_RDWR)' ../calls
	not grep -E '(mkdir|rename|unlink|ftruncate)[a-z0-9]*\(' ../calls
}

@test "a changed input runs what depends on it, and then all stands again" {
	pipeline
	ends 0
	echo two >src/2
	stale
	ends 0
	ran copy2 sum
	has sum "$(printf '1\ntwo\n3')"
	stands 4
	# the same bytes again: decided, nothing runs, then quick
	touch src/1
	ends 0
	ran
	stands 4
}

@test "a file of the same size and time as before is another file" {
	pipeline
	touch -d 2020-01-01 src/2
	ends 0
	stands 4
	printf 'x\n' >new
	touch -r src/2 new
	mv new src/2
	stale
	ends 0
	ran copy2 sum
	printf 'y\n' >src/2
	touch -d 2020-01-01 src/2
	stale
	ends 0
	ran copy2 sum
	stands 4
}

@test "outputs that are edited, deleted or replaced are brought back" {
	pipeline
	ends 0
	echo edited >out/2
	stale
	ends 0
	ran
	has out/2 2
	stands 4
	rm sum
	stale
	ends 0
	ran
	has sum "$(printf '1\n2\n3')"
	rm out/1
	mkdir out/1
	stale
	ends 0
	[ -f out/1 ]
	chmod +x out/3
	stale
	ends 0
	[ ! -x out/3 ]
	ln -sf ../src/1 out/1
	stale
	ends 0
	[ ! -L out/1 ]
	stands 4
}

@test "the manifest and the files beside it" {
	pipeline
	ends 0
	sed 's/> sum"/> sum; echo end >> sum"/' pawl.toml >new
	mv new pawl.toml
	stale
	ends 0
	ran sum
	stands 4
	# another one of the same time and size
	touch -r pawl.toml stamp
	sed 's/echo end/echo END/' pawl.toml >new
	touch -r stamp new
	mv new pawl.toml
	stale
	ends 0
	ran sum
	stands 4
	# a local manifest that comes, and is wrong
	echo '[nonsense]' >pawl.local.toml
	ends 3
	rm pawl.local.toml
	stands 4
}

@test "parameters, and files of them" {
	manifest <<-'END'
		[params]
		x = 1
		[stage.s]
		run = "echo s >>../ran; echo {{x}} > out"
		outputs = ["out"]
	END
	ends 0
	stands 1
	ends 0 -p x=2
	ran s
	has out 2
	ends 0 -p x=2
	ran
	says "everything is up to date"
	ends 0
	has out 1
	echo 'x = 3' >p.toml
	ends 0 --params p.toml
	has out 3
	echo 'x = 4' >p.toml
	ends 0 --params p.toml
	has out 4
}

@test "files that come, go, or change their names in folders and globs" {
	manifest <<-'END'
		[stage.glob]
		run = "echo glob >>../ran; cat {{inputs}} > glob"
		inputs = ["src/*.txt"]
		outputs = ["glob"]
		[stage.folder]
		run = "echo folder >>../ran; ls -R data > folder"
		inputs = ["data/"]
		outputs = ["folder"]
		[stage.deep]
		run = "echo deep >>../ran; cat {{inputs}} > deep"
		inputs = ["tree/**/*.c"]
		outputs = ["deep"]
	END
	mkdir -p src data/sub tree/a/b
	echo a >src/a.txt
	echo d >data/sub/d
	echo c >tree/a/b/c.c
	ends 0
	ran glob folder deep
	stands 3
	echo b >src/b.txt
	stale
	ends 0
	ran glob
	stands 3
	echo other >src/c.csv
	ends 0
	ran
	stands 3
	mv src/b.txt src/bb.txt
	stale
	ends 0
	ran glob
	echo e >data/sub/e
	stale
	ends 0
	ran folder
	mkdir tree/x
	ends 0
	ran
	echo d >tree/x/d.c
	stale
	ends 0
	ran deep
	rm tree/a/b/c.c
	stale
	ends 0
	ran deep
	stands 3
}

@test "a folder that was only asked for files by name may get others" {
	manifest <<-'END'
		[stage.s]
		matrix = { n = { from = 1, to = 12 } }
		run = "cat {{inputs}} > out/{{n}}"
		inputs = ["src/{{n}}"]
		outputs = ["out/{{n}}"]
	END
	mkdir src
	for n in $(seq 12); do echo "$n" >"src/$n"; done
	ends 0
	stands 12
	touch src/other
	stands 12
	rm src/other
	mkdir src/folder
	stands 12
}

@test "a link in a listed folder that leads elsewhere" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat {{inputs}} > out"
		inputs = ["src/**/*.txt"]
		outputs = ["out"]
	END
	mkdir -p src one two
	echo 1 >one/a.txt
	echo 2 >two/a.txt
	echo 3 >two/b.txt
	ln -s ../one src/link
	ends 0
	ends 0
	ran
	echo 11 >one/b.txt
	stale
	ends 0
	ran s
	ln -sfn ../two src/link
	stale
	ends 0
	ran s
	has out "$(printf '2\n3')"
}

@test "a link in a listed folder that leads to a file, and then to a folder" {
	manifest <<-'END'
		[stage.files]
		run = "echo files >>../ran; cat {{inputs}} > files"
		inputs = ["src/*"]
		outputs = ["files"]
		[stage.deep]
		run = "echo deep >>../ran; cat {{inputs}} > deep"
		inputs = ["tree/*/x"]
		outputs = ["deep"]
	END
	mkdir -p src tree/a to
	echo 1 >src/a
	echo 1 >tree/a/x
	echo 1 >led
	ln -s ../to src/link
	ln -s ../led tree/link
	ends 0
	ran files deep
	stands 2
	rmdir to
	echo 2 >to
	stale
	ends 0
	ran files
	has files "$(printf '1\n2')"
	rm led
	mkdir led
	echo 2 >led/x
	stale
	ends 0
	ran deep
	has deep "$(printf '1\n2')"
	stands 2
}

@test "an empty folder that goes is missing" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; ls data > out"
		inputs = ["data/"]
		outputs = ["out"]
	END
	mkdir data
	ends 0
	stands 1
	rmdir data
	ends 3
	mkdir data
	ends 0
	ran
	stands 1
}

@test "a pattern that comes to be the name of a file" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat {{inputs}} > out"
		inputs = ["[x]/a"]
		outputs = ["out"]
	END
	mkdir x '[x]'
	echo 1 >x/a
	ends 0
	stands 1
	echo 2 >'[x]/a'
	stale
	ends 0
	ran s
	has out 2
	stands 1
}

@test "what is optional and comes, and an optional output that somebody makes" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat {{inputs}} > out"
		inputs = ["src", { path = "extra", optional = true }]
		outputs = ["out", { path = "more", optional = true }]
	END
	echo 1 >src
	ends 0
	stands 1
	echo 2 >extra
	stale
	ends 0
	ran s
	has out "$(printf '1\n2')"
	stands 1
	echo mine >more
	stale
	ends 0
	[ ! -e more ]
	rm extra
	stale
	ends 0
	has out 1
	stands 1
}

@test "variables that are passed through, and tools" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; tool > out"
		pass_env = ["COLOUR?", "LC_X*?"]
		secret_env = ["TOKEN?"]
		tools = ["tool"]
		outputs = ["out"]
	END
	mkdir -p bin first
	printf '#!/bin/sh\necho "$COLOUR"\n' >bin/tool
	chmod +x bin/tool
	export PATH="$PWD/first:$PWD/bin:$PATH"
	unset COLOUR TOKEN
	ends 0
	ends 0
	stands 1
	COLOUR=red ends 0
	ran s
	has out red
	ends 0
	has out ""
	LC_XY=1 ends 0
	ran s
	TOKEN=1 ends 0
	ran
	ends 0
	printf '#!/bin/sh\necho other\n' >bin/tool
	stale
	ends 0
	ran s
	has out other
	# one that comes before it on PATH
	printf '#!/bin/sh\necho first\n' >first/tool
	chmod +x first/tool
	stale
	ends 0
	ran s
	has out first
}

@test "what a tool prints is asked each time" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo x > out"
		tools = [{ run = "cat version" }]
		outputs = ["out"]
	END
	echo 1 >version
	ends 0
	ends 0
	ran
	echo 2 >version
	stale
	ends 0
	ran s
}

@test "what runs in each run does, and what was skipped stays so" {
	manifest <<-'END'
		[params]
		on = false
		[stage.always]
		cache = false
		run = "echo always >>../ran"
		[stage.skipped]
		when = "on"
		run = "echo skipped >>../ran; echo > out"
		outputs = ["out"]
	END
	ends 0
	ran always
	ends 0
	ran always
	manifest <<-'END'
		[params]
		on = false
		[stage.s]
		run = "echo s >>../ran; echo > s"
		outputs = ["s"]
		[stage.skipped]
		when = "on"
		run = "echo skipped >>../ran; echo > out"
		outputs = ["out"]
	END
	ends 0
	ran s
	ends 0
	ran
	says "everything is up to date (1 instance, 1 skipped)"
	run "$PAWL" plan
	[[ "$output" == *"skip     skipped"* ]]
	ends 0 -p on=true
	ran skipped
}

@test "files that a depfile named" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat src $(cat list) > out; echo \"out: src $(cat list) gone\" > out.d"
		inputs = ["src", "list"]
		outputs = ["out"]
		depfile = "out.d"
	END
	echo src >src
	echo h1 >list
	echo one >h1
	ends 0
	ends 0
	stands 1
	echo two >h1
	stale
	ends 0
	ran s
	stands 1
	echo >gone
	stale
	ends 0
	ran s
}

@test "a depfile names what is there when it is written, not what was there before" {
	manifest <<-'END'
		[stage.early]
		run = "echo early >>../ran; cat p > early"
		inputs = ["p"]
		outputs = ["early"]
		[stage.write]
		run = "echo write >>../ran; if [ -e ../second ]; then echo new > p; fi; rm -f ../second; date +%s%N > stamp"
		inputs = ["early"]
		outputs = ["stamp"]
		[stage.late]
		run = "echo late >>../ran; cat p > late; echo 'late: p' > late.d"
		inputs = ["stamp"]
		outputs = ["late"]
		depfile = "late.d"
	END
	echo old >p
	touch ../second
	ends 0
	has early old
	has late new
	ends 0
	has early new
	has late new
	# back to the old bytes: what was made of the new ones is no result for them
	echo old >p
	ends 0
	has early old
	has late old
}

@test "folders that stages make" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; mkdir -p out/sub; echo 1 > out/a; echo 2 > out/sub/b"
		inputs = ["src"]
		outputs = ["out/"]
		[stage.t]
		run = "echo t >>../ran; cat {{inputs}} > t"
		inputs = ["out/**"]
		outputs = ["t"]
	END
	echo >src
	ends 0
	ran s t
	stands 2
	echo >out/stray
	stale
	ends 0
	[ ! -e out/stray ]
	echo edited >out/sub/b
	stale
	ends 0
	has out/sub/b 2
	rm out/a
	stale
	ends 0
	has out/a 1
	mkdir out/sub/new
	stale
	ends 0
	[ ! -e out/sub/new ]
	stands 2
}

@test "an orphan that is edited is a source" {
	pipeline
	ends 0
	sed 's/1, 2, 3/1, 2/' pawl.toml >new
	mv new pawl.toml
	ends 0
	has sum "$(printf '1\n2')"
	ends 0
	ran
	says "1 file that pawl made is declared by no stage now"
	echo mine >out/3
	stale
	ends 0
	has sum "$(printf '1\n2\nmine')"
}

@test "after a failure what was good stands, and the rest is tried again" {
	manifest <<-'END'
		[stage.good]
		run = "echo good >>../ran; echo > good"
		inputs = ["src"]
		outputs = ["good"]
		[stage.bad]
		run = "echo bad >>../ran; [ -e fixed ]; echo > bad"
		inputs = ["good", { path = "fixed", optional = true }]
		outputs = ["bad"]
	END
	echo >src
	ends 1
	ran good bad
	ends 1
	ran bad
	touch fixed
	ends 0
	ran bad
	stands 2
}

@test "targets, force and other options look the long way" {
	pipeline
	ends 0
	ends 0 sum
	ran
	echo two >src/2
	ends 0 copy@n=2
	ran copy2
	# the whole knows that the sum is not made of it
	stale
	ends 0
	ran sum
	stands 4
	ends 0 --force=sum
	ran sum
	ends 0
	ran
	stands 4
	ends 0 --rehash
	ran
	stands 4
}

@test "who finds the workspace locked is told so" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo > out"
		outputs = ["out"]
	END
	ends 0
	stands 1
	echo '[stage.t]' >>pawl.toml
	echo 'run = "echo >../begun; until [ -e ../go ]; do sleep 0.05; done"' >>pawl.toml
	"$PAWL" run >../held 2>&1 3>&- &
	pid=$!
	for _ in $(seq 200); do
		[ ! -e ../begun ] || break
		sleep 0.05
	done
	run "$PAWL" run
	[ "$status" -eq 9 ] || { touch ../go; return 1; }
	touch ../go
	wait "$pid"
}

@test "another manifest that comes back and makes what is ours" {
	pipeline
	printf '[pipeline]\nname = "other"\n[stage.s]\nrun = "echo > other"\noutputs = ["other"]\n' >other.toml
	ends 0 -f other.toml
	mv other.toml gone
	ends 0
	stands 4
	sed 's/other"\]/sum"]/' gone >other.toml
	ends 3
	says "'sum' is also made by 'other.toml'"
}

@test "another manifest of the workspace, and results that are taken away" {
	pipeline
	ends 0
	printf '[pipeline]\nname = "other"\n[stage.s]\nrun = "echo other >>../ran; echo > other"\noutputs = ["other"]\n' >other.toml
	ends 0 -f other.toml
	ran other
	ends 0
	ran
	stands 4
	rm .pawl/results
	ends 0
	ran copy1 copy2 copy3 sum
}

@test "on another machine results count that name their tools" {
	# both calls see the same mounts, or the store would be of another epoch
	unshare -rm mount --bind /dev/null /etc/machine-id 2>/dev/null || skip "no mounts of our own"
	pipeline
	ends 0
	echo 0123456789abcdef0123456789abcdef >../id
	cat >../both <<-'END'
		"$PAWL" run --quiet
		"$PAWL" plan --check || exit 1
		mount --bind ../id /etc/machine-id || exit 2
		"$PAWL" plan --check
	END
	run unshare -rm sh ../both
	echo "$output"
	[ "$status" -eq 6 ]
	says "its last result is of another machine"
}

# The functions that begin a digest and were called by `pawl run`, as a debugger sees it.
digests() {
	ASAN_OPTIONS=detect_leaks=0 gdb -nx -batch -ex 'set breakpoint pending off' -ex 'break sha256_of' \
		-ex 'break sha256_init' -ex 'break sha256_many' -ex run --args "$PAWL" run 2>&1 </dev/null
}

@test "the quick look digests nothing" {
	command -v gdb >/dev/null || skip "no gdb"
	pipeline
	run digests
	[[ $output == *"Breakpoint "*", sha256_"* ]] || skip "gdb cannot stop this binary"
	ends 0
	stands 4
	run digests
	echo "$output"
	says "everything is up to date (4"
	[[ $output != *", sha256_"* ]]
}

@test "another epoch of the store is noticed" {
	pipeline
	ends 0
	stands 4
	echo 00112233445566778899aabbccddeeff >.pawl/fresh/salt
	before=$(stat -c '%i %z' .pawl/index)
	ends 0
	ran ""
	[ "$before" != "$(stat -c '%i %z' .pawl/index)" ]
	stands 4
	# a salt that cannot be read is that of no epoch
	echo short >.pawl/fresh/salt
	before=$(stat -c '%i %z' .pawl/index)
	ends 0
	[ "$before" != "$(stat -c '%i %z' .pawl/index)" ]
	stands 4
}

@test "another machine is noticed" {
	unshare -rm mount --bind /dev/null /etc/machine-id 2>/dev/null || skip "no mounts of our own"
	pipeline
	ends 0
	echo 0123456789abcdef0123456789abcdef >../id
	# all calls see the same mounts, or the store would be of another epoch
	cat >../elsewhere <<-'END'
		"$PAWL" run && stat -c '%i %z' .pawl/index >../first || exit 2
		"$PAWL" run && stat -c '%i %z' .pawl/index >../second || exit 2
		mount --bind ../id /etc/machine-id || exit 2
		"$PAWL" run && stat -c '%i %z' .pawl/index >../third || exit 2
	END
	unshare -rm sh ../elsewhere
	cmp ../first ../second
	not cmp ../second ../third
}

@test "a damaged index costs planning and nothing else" {
	pipeline
	ends 0
	size=$(stat -c %s .pawl/index)
	cp .pawl/index ../index
	for at in 0 9 60 200 511 512 600 $((size / 2)) $((size - 1)); do
		cp ../index .pawl/index
		printf '\377' | dd of=.pawl/index bs=1 seek="$at" conv=notrunc status=none
		ends 0
		ran
		says "everything is up to date (4 instances)"
	done
	cp ../index .pawl/index
	truncate -s $((size / 2)) .pawl/index
	ends 0
	ran
	rm .pawl/index
	ends 0
	ran
	stands 4
}

@test "an empty workspace and one that is moved" {
	pipeline
	ends 0
	stands 4
	cd ..
	mv w moved
	cd moved
	ends 0
	ran
	stands 4
	cp -a ../moved ../copied
	cd ../copied
	echo two >src/2
	ends 0
	ran copy2 sum
}

@test "a source that changed during a run is noticed for those that were not decided" {
	manifest <<-'END'
		[stage.first]
		inputs = ["a"]
		outputs = ["first"]
		run = "echo first >>../ran; cp a first; [ ! -e ../go ] || echo new >s"
		[stage.second]
		inputs = ["first", "s"]
		outputs = ["second"]
		run = "echo second >>../ran; cat first s >second"
		[stage.apart]
		inputs = ["s"]
		outputs = ["apart"]
		run = "echo apart >>../ran; cp s apart"
	END
	echo a >a
	echo old >s
	ends 0
	ran first second apart
	touch ../go
	echo b >a
	ends 0
	ran first second
	[ "$(tail -n 1 second)" = new ]
	rm ../go
	stale
	ends 0
	ran apart
	[ "$(cat apart)" = new ]
	stands 3
}
