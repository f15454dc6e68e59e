#!/usr/bin/env bats
# What makes a stage run again, and what does not.

load run

# Two in a row and one aside.
chain() {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; grep -v '^#' a.in > a.out"
		inputs = ["a.in"]
		outputs = ["a.out"]
		[stage.b]
		run = "echo b >>../ran; cat a.out b.in > b.out"
		inputs = ["a.out", "b.in"]
		outputs = ["b.out"]
		[stage.c]
		run = "echo c >>../ran; cat c.in > c.out"
		inputs = ["c.in"]
		outputs = ["c.out"]
	END
	printf '# comment\none\n' >a.in
	echo two >b.in
	echo three >c.in
	ends 0
	ran a b c
}

# One stage, to be written again with a change; $1 are more keys of it.
one() {
	manifest <<-END
		${2-}
		[stage.s]
		run = "echo s >>../ran; cat in > out"
		inputs = ["in"]
		outputs = ["out"]
		${1-}
	END
	[ -e in ] || echo text >in
}

@test "a second run runs nothing, says so, and writes no run" {
	chain
	before=$(ls .pawl/runs)
	ends 0
	ran
	says 'up to date'
	[ "$(ls .pawl/runs)" = "$before" ]
}

@test "a touched file runs nothing" {
	chain
	touch -d '2020-01-01' a.in
	ends 0
	ran
	touch a.in b.in a.out
	ends 0
	ran
}

@test "a changed byte runs what depends on it, and only that" {
	chain
	echo other >b.in
	ends 0
	ran b
	printf '# comment\nuno\n' >a.in
	ends 0
	ran a b
	has b.out "$(printf 'uno\nother')"
	echo drei >c.in
	ends 0
	ran c
}

@test "the same output cuts off what comes after" {
	chain
	printf '# another comment\none\n' >a.in
	ends 0
	ran a
}

@test "a file replaced with the same size and time is seen" {
	chain
	touch -r b.in ../stamp
	echo TWO >new
	mv new b.in
	touch -r ../stamp b.in
	ends 0
	ran b
	touch -r b.in ../stamp
	echo Two >b.in
	touch -r ../stamp b.in
	ends 0
	ran b
}

@test "going back to what was before restores, and runs nothing" {
	chain
	echo other >b.in
	ends 0
	ran b
	echo two >b.in
	ends 0
	ran
	has b.out "$(printf 'one\ntwo')"
}

@test "a changed command, environment, shell, folder or version runs the stage again" {
	one
	ends 0
	ran s
	one 'env = { A = "1" }'
	ends 0
	ran s
	one 'env = { A = "2" }'
	ends 0
	ran s
	one 'env = { A = "2" }'
	ends 0
	ran
	one 'shell = ["/bin/sh", "-eux", "-c"]'
	ends 0
	ran s
	sed 's/cat in/cat <in/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran s
	one
	sed 's/^name = "test"/&\nversion = "2"/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran s
	mkdir sub
	one 'dir = "sub"'
	sed 's,\.\./ran,../../ran,; s,cat in > out,cat ../in > ../out,' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran s
}

@test "a changed declaration of outputs runs the stage again" {
	one
	ends 0
	ran s
	one 'stdout = "out2"'
	sed 's/> out"/> out; echo 1"/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran s
	one
	ends 0
	ran
	sed 's/outputs = \["out"\]/outputs = [{ path = "out", non_empty = true }]/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran s
}

@test "a parameter that is rendered counts, one that is not does not" {
	params() {
		manifest <<-END
			[params]
			used = $1
			unused = $2
			[stage.s]
			run = "echo s >>../ran; echo {{used}} > out"
			outputs = ["out"]
		END
	}
	params 1 1
	ends 0
	ran s
	params 1 2
	ends 0
	ran
	params 2 2
	ends 0
	ran s
	ends 0 -p used=3
	ran s
	ends 0 -p used=3
	ran
	has out 3
}

@test "variables passed through count by their value" {
	one 'pass_env = ["COLOUR", "SHAPE?"]'
	export COLOUR=red
	ends 0
	ran s
	ends 0
	ran
	COLOUR=blue ends 0
	ran s
	SHAPE=round ends 0
	ran s
	SHAPE='' ends 0
	ran s
	ends 0
	ran
}

@test "secret variables never count" {
	one 'secret_env = ["TOKEN"]'
	TOKEN=a ends 0
	ran s
	TOKEN=b ends 0
	ran
}

@test "a tool counts by its bytes, or by what it prints" {
	mkdir ../bin
	printf '#!/bin/sh\necho 1\n' >../bin/mytool
	chmod +x ../bin/mytool
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	one 'tools = ["mytool"]'
	ends 0
	ran s
	ends 0
	ran
	printf '#!/bin/sh\necho  1\n' >../bin/mytool
	ends 0
	ran s
	one 'tools = [{ run = "mytool" }]'
	ends 0
	ran s
	printf '#!/bin/sh\necho   1\n' >../bin/mytool
	ends 0
	ran
	printf '#!/bin/sh\necho 2\n' >../bin/mytool
	ends 0
	ran s
}

@test "a program that is not found is status 11 before anything runs" {
	one 'tools = ["no-such-program"]'
	ends 11
	ran
	says no-such-program
}

@test "where others go on, a program that is not found fails the stages that need it" {
	mkdir ../bin
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	cat >../stages <<-'END'
		[stage.lame]
		run = "echo lame >>../ran; echo x > lame.out"
		tools = ["no-such-program"]
		outputs = ["lame.out"]
		[stage.behind]
		run = "echo behind >>../ran; cp lame.out behind.out"
		inputs = ["lame.out"]
		outputs = ["behind.out"]
		[stage.apart]
		run = "echo apart >>../ran; echo x > apart.out"
		outputs = ["apart.out"]
	END
	manifest <../stages
	ends 11
	ran
	ends 11 -k
	ran apart
	says "lame"
	says "tool 'no-such-program'"
	ends 11 -k
	ran
	says "tool 'no-such-program'"
	rm -r .pawl apart.out
	{
		echo 'keep_going = true'
		cat ../stages
	} | manifest
	ends 11
	ran apart
	says "tool 'no-such-program'"
	# What it needs from outside is there now.
	printf '#!/bin/sh\n' >../bin/no-such-program
	chmod +x ../bin/no-such-program
	ends 0
	ran lame behind
}

@test "the first word of an array is an input, or a tool" {
	printf '#!/bin/sh\necho s >>../ran\necho 1 > out\n' >make-it
	chmod +x make-it
	manifest <<-'END'
		[stage.s]
		run = ["./make-it"]
		outputs = ["out"]
	END
	ends 0
	ran s
	ends 0
	ran
	printf '#!/bin/sh\necho s >>../ran\necho 2 > out\n' >make-it
	ends 0
	ran s
	has out 2
}

@test "what does not change a result runs nothing" {
	one
	ends 0
	ran s
	for keys in 'timeout = "5m"' 'desc = "words"' 'cpu = 2' 'priority = 7' 'grace = "1s"' \
		'memory = "10M"' 'on_failure = "ignore"'; do
		echo "$keys"
		one "$keys" '[stage.other]
needs = ["s"]'
		ends 0
		ran
	done
}

@test "a stage of another name with the same key runs nothing" {
	one
	ends 0
	ran s
	sed 's/stage\.s/stage.renamed/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran
}

@test "an output that was edited is kept aside, and restored" {
	chain
	echo mine >b.out
	ends 0
	ran
	has b.out "$(printf 'one\ntwo')"
	kept=$(find .pawl/kept -name b.out)
	has "$kept" mine
	says b.out
	says .pawl/kept/
	ends 0
	ran
}

@test "an edited output of a stage that runs again is kept aside" {
	chain
	echo mine >b.out
	echo other >b.in
	ends 0
	ran b
	has b.out "$(printf 'one\nother')"
	has "$(find .pawl/kept -name b.out)" mine
}

@test "a deleted output comes from the store" {
	chain
	rm b.out c.out
	ends 0
	ran
	has b.out "$(printf 'one\ntwo')"
	has c.out three
}

@test "a deleted output that is not stored is made again" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo 1 > out"
		outputs = [{ path = "out", store = false }]
	END
	ends 0
	ran s
	ends 0
	ran
	rm out
	ends 0
	ran s
	has out 1
}

@test "a deleted output between that nothing demands is left alone" {
	chain
	rm a.out
	ends 0 b
	ran
	[ ! -e a.out ]
	echo other >b.in
	ends 0 b
	ran b
	has a.out one
}

@test "a deleted output between that is not stored is made again when it is demanded" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; echo 1 > a.out"
		outputs = [{ path = "a.out", store = false }]
		[stage.b]
		run = "echo b >>../ran; cat a.out b.in > b.out"
		inputs = ["a.out", "b.in"]
		outputs = ["b.out"]
	END
	echo two >b.in
	ends 0
	ran a b
	rm a.out
	ends 0 b
	ran
	[ ! -e a.out ]
	echo other >b.in
	ends 0 b
	ran a b
}

@test "that an input may be executed counts" {
	one
	ends 0
	ran s
	chmod +x in
	ends 0
	ran s
	chmod 700 in
	ends 0
	ran
	chmod 600 in
	ends 0
	ran
}

@test "--rehash reads all again, and runs nothing when all is the same" {
	chain
	ends 0 --rehash
	ran
	printf 'XXX\n' >b.out
	ends 0 --rehash
	ran
	has b.out "$(printf 'one\ntwo')"
}

@test "--force runs again what is up to date; other bytes are told" {
	chain
	ends 0 --force
	ran a b c
	ends 0 --force=b
	ran b
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; date +%N > out; wc -l < ../ran >> out; cat ../count >> out"
		outputs = ["out"]
	END
	echo 1 >../count
	ends 0
	ran s
	echo 2 >../count
	ends 0 --force
	ran s
	says differ
	events result.differs
}
