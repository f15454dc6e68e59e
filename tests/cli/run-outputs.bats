#!/usr/bin/env bats
# What becomes of outputs: how they are declared, made, kept, and never lost.

load run

@test "stdout and stdin are an output and an input" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; tr a-z A-Z; echo err >&2"
		stdin = "in"
		stdout = "deep/er/out"
	END
	echo hello >in
	ends 0
	ran s
	has deep/er/out HELLO
	ends 0
	ran
	echo bye >in
	ends 0
	ran s
	has deep/er/out BYE
}

@test "stdout of a command that fails does not appear, and what was there stays" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo partial; cat flag; [ ! -s flag ]"
		inputs = ["flag"]
		stdout = "out"
	END
	: >flag
	ends 0
	has out partial
	echo x >flag
	ends 1
	ran s
	has out partial
}

@test "much standard output arrives whole" {
	manifest <<-'END'
		[stage.s]
		run = "seq 200000"
		stdout = "out"
	END
	ends 0
	seq 200000 >expected
	cmp out expected
}

@test "named outputs and inputs stand in the command" {
	manifest <<-'END'
		[stage.s]
		run = "cat {{inputs.one}} {{inputs.two}} > {{outputs.sum}}; cp {{inputs}} {{outputs.all}}"
		inputs = { one = "1", two = "2" }
		outputs = { sum = "sum", all = "all/" }
	END
	echo 1 >1
	echo 2 >2
	sed 's/cp {/mkdir -p all; cp {/' pawl.toml >new
	mv new pawl.toml
	ends 0
	has sum "$(printf '1\n2')"
	has all/2 2
}

folder() {
	manifest <<-'END'
		[stage.s]
		run = """echo s >>../ran; rm -rf tree; mkdir -p tree/empty tree/a/b; echo x > tree/a/b/x
		printf '#!/bin/sh\n' > tree/run; chmod +x tree/run; ln -s a/b/x tree/link; ln -s nowhere tree/dangling
		echo hidden > tree/.hidden; cat in > tree/in; : > tree/void"""
		inputs = ["in"]
		outputs = ["tree/"]
	END
	echo 1 >in
	ends 0
	ran s
	cp -a tree ../expected
}

# A tree as text: type, x-bit, path, target of a link, and contents.
listing() {
	(cd "$1" && find . \( -type f -perm -100 -printf 'x ' -o -printf '- ' \) -printf '%y %p %l\n' |
		LC_ALL=C sort && find . -type f -exec sha256sum {} + | LC_ALL=C sort)
}

@test "a folder is restored exactly" {
	folder
	rm -r tree
	ends 0
	ran
	[ "$(listing tree)" = "$(listing ../expected)" ]
	[ -x tree/run ]
	[ -d tree/empty ]
	[ "$(readlink tree/link)" = a/b/x ]
	rm tree/link
	ends 0
	ran
	chmod -x tree/run
	ends 0
	ran
	rmdir tree/empty
	ends 0
	ran
	[ "$(listing tree)" = "$(listing ../expected)" ]
	echo other >in
	ends 0
	ran s
	echo 1 >in
	ends 0
	ran
	[ "$(listing tree)" = "$(listing ../expected)" ]
}

@test "what somebody put into a folder is kept, and the folder is as it was made" {
	folder
	echo mine >tree/mine
	ends 0
	ran
	[ "$(listing tree)" = "$(listing ../expected)" ]
	has "$(find .pawl/kept -name mine)" mine
	echo mine >tree/a/b/x
	echo other >in
	ends 0
	ran s
	has "$(find .pawl/kept -name x | xargs grep -l mine)" mine
}

@test "an output that was there before pawl is kept" {
	manifest <<-'END'
		[stage.s]
		run = "[ ! -e out ]; [ ! -e dir ]; mkdir dir; echo 1 > out; echo 2 > dir/f"
		outputs = ["out", "dir/"]
	END
	mkdir -p dir/sub
	echo mine >out
	echo theirs >dir/sub/g
	ends 0
	has out 1
	has dir/f 2
	[ ! -e dir/sub ]
	has "$(find .pawl/kept -name out)" mine
	has "$(find .pawl/kept -name g)" theirs
	says "'out'"
	says "'dir'"
}

@test "an output that was there already with the same bytes is not lost either" {
	manifest <<-'END'
		[stage.s]
		run = "echo 1 > out"
		outputs = ["out"]
	END
	echo 1 >out
	ends 0
	has out 1
	ends 0
	has out 1
}

@test "an optional output need not be made" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo 1 > out; if grep -q y in; then echo 2 > maybe; fi"
		inputs = ["in"]
		outputs = ["out", { path = "maybe", optional = true }]
		[stage.c]
		run = "echo c >>../ran; cat out > c.out; cat maybe >> c.out 2>/dev/null || echo none >> c.out"
		inputs = ["out", { path = "maybe", optional = true }]
		outputs = ["c.out"]
	END
	echo n >in
	ends 0
	ran s c
	has c.out "$(printf '1\nnone')"
	ends 0
	ran
	echo y >in
	ends 0
	ran s c
	has c.out "$(printf '1\n2')"
	echo n >in
	ends 0
	ran
	has c.out "$(printf '1\nnone')"
	[ ! -e maybe ]
}

@test "a required input from an optional output that was not made is a failure that names it" {
	manifest <<-'END'
		[stage.s]
		run = "echo 1 > out"
		outputs = ["out", { path = "maybe", optional = true }]
		[stage.c]
		run = "echo c >>../ran; cat maybe > c.out"
		inputs = ["maybe"]
		outputs = ["c.out"]
	END
	ends 1
	ran
	says maybe
}

@test "a temp output is removed after its last consumer, and made again when demanded" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; seq 3 > tmp"
		outputs = [{ path = "tmp", temp = true }]
		[stage.b]
		run = "echo b >>../ran; cat tmp b.in > b.out"
		inputs = ["tmp", "b.in"]
		outputs = ["b.out"]
		[stage.c]
		run = "echo c >>../ran; wc -l < tmp > c.out"
		inputs = ["tmp"]
		outputs = ["c.out"]
	END
	echo 1 >b.in
	ends 0
	ran a b c
	[ ! -e tmp ]
	ends 0
	ran
	[ ! -e tmp ]
	echo 2 >b.in
	ends 0
	ran a b
	[ ! -e tmp ]
	has b.out "$(printf '1\n2\n3\n2')"
	rm c.out
	ends 0
	ran
	[ ! -e tmp ]
	rm c.out
	ends 0 c
	ran
}

@test "a temp folder is removed too; a target that is temp is not demanded" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; mkdir tmp; seq 3 > tmp/f"
		outputs = [{ path = "tmp/", temp = true }]
		[stage.b]
		run = "echo b >>../ran; cat tmp/f > b.out"
		inputs = ["tmp/f"]
		outputs = ["b.out"]
	END
	ends 0
	ran a b
	[ ! -e tmp ]
	ends 0 a
	ran
	[ ! -e tmp ]
}

@test "a persistent output is found by the command" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; mkdir -p cache; cat in >> cache/log"
		inputs = ["in"]
		outputs = [{ path = "cache/", persist = true }]
	END
	echo 1 >in
	ends 0
	ran s
	ends 0
	ran
	echo 2 >in
	ends 0
	ran s
	has cache/log "$(printf '1\n2')"
	# only its last result counts
	echo 1 >in
	ends 0
	ran s
	has cache/log "$(printf '1\n2\n1')"
}

@test "a persistent output that failed half-way is there for the next attempt" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in >> log; ! grep -q bad in"
		inputs = ["in"]
		outputs = [{ path = "log", persist = true }]
	END
	echo 1 >in
	ends 0
	echo bad >in
	ends 1
	echo 2 >in
	ends 0
	ran s
	[ "$(tail -n 1 log)" = 2 ]
	[ "$(head -n 1 log)" = 1 ]
}

@test "an empty output fails where non_empty is said" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; : > out"
		outputs = [{ path = "out", non_empty = true }]
	END
	ends 1
	says "output 'out' is empty"
	manifest <<-'END'
		[stage.s]
		run = "mkdir out"
		outputs = [{ path = "out/", non_empty = true }]
	END
	ends 1
	says "'out' is empty"
}

@test "an output that was not made, or is of the wrong kind, is a failure that names it" {
	manifest <<-'END'
		[stage.s]
		run = ":"
		outputs = ["missing-one"]
	END
	ends 1
	says "'missing-one'"
	manifest <<-'END'
		[stage.s]
		run = "mkdir out"
		outputs = ["out"]
	END
	ends 1
	says "'out' is a folder"
	manifest <<-'END'
		[stage.s]
		run = "echo 1 > out"
		outputs = ["out/"]
	END
	ends 1
	says "'out' is a file"
	manifest <<-'END'
		[stage.s]
		run = "mkfifo out"
		outputs = ["out"]
	END
	ends 1
	says "'out'"
}

@test "an output that is a link stays a link" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo 1 > real; ln -s real out"
		outputs = ["real", "out"]
	END
	ends 0
	ran s
	[ "$(readlink out)" = real ]
	ends 0
	ran
	rm out
	ends 0
	ran
	[ "$(readlink out)" = real ]
}

@test "parents of outputs are there" {
	manifest <<-'END'
		[stage.s]
		run = "echo 1 > a/b/c/out; [ -d d/e ]; mkdir d/e/tree; echo 2 > d/e/tree/f"
		outputs = ["a/b/c/out", "d/e/tree/"]
	END
	ends 0
	has a/b/c/out 1
	rm -r a d
	ends 0
	has a/b/c/out 1
	has d/e/tree/f 2
}

@test "a failed attempt: what it left is in failed, what was there returns" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; mkdir dir; cat in > out; cat in > dir/f; ! grep -q bad in"
		inputs = ["in"]
		outputs = ["out", "dir/"]
	END
	echo good >in
	ends 0
	echo bad >in
	ends 1
	ran s
	has out good
	has dir/f good
	has "$(find .pawl/failed -name out)" bad
	has "$(find .pawl/failed -name f)" bad
	echo good >in
	ends 0
	ran
	has out good
}

@test "what was edited by hand returns after a failure, and is kept after a success" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out; ! grep -q bad in"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo good >in
	ends 0
	echo mine >out
	echo bad >in
	ends 1
	has out mine
	ends 1
	has out mine
	echo better >in
	ends 0
	has out better
	has "$(find .pawl/kept -name out)" mine
}

@test "an output stored with a mode that nobody may read is made with the usual one" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo 1 > out; chmod 755 out"
		outputs = ["out"]
	END
	umask 022
	ends 0
	rm out
	ends 0
	ran
	[ "$(stat -c %a out)" = 755 ]
	chmod 644 out
	ends 0
	ran
	[ "$(stat -c %a out)" = 755 ]
}

@test "a command never finds an optional input that its key counts as missing" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo 1 > out; if grep -q y in; then echo 2 > maybe; fi"
		inputs = ["in"]
		outputs = ["out", { path = "maybe", optional = true }]
		[stage.c]
		run = "echo c >>../ran; cat c.in > c.out; cat maybe >> c.out 2>/dev/null || echo none >> c.out"
		inputs = ["c.in", { path = "maybe", optional = true }]
		outputs = ["c.out"]
	END
	echo n >in
	echo 1 >c.in
	ends 0
	echo y >in
	ends 0
	has c.out "$(printf '1\n2')"
	echo n >in
	echo 2 >c.in
	ends 0 c
	ran c
	has c.out "$(printf '2\nnone')"
	# nor what somebody put there
	echo mine >maybe
	echo 3 >c.in
	ends 0 c
	ran c
	has c.out "$(printf '3\nnone')"
	has "$(find .pawl/kept -name maybe)" mine
}

@test "nor what a stage made that is skipped now" {
	manifest <<-'END'
		[params]
		on = true
		[stage.s]
		run = "echo s >>../ran; echo 2 > maybe"
		when = "on"
		outputs = ["maybe"]
		[stage.c]
		run = "echo c >>../ran; cat c.in > c.out; cat maybe >> c.out 2>/dev/null || echo none >> c.out"
		inputs = ["c.in", { path = "maybe", optional = true }]
		outputs = ["c.out"]
	END
	echo 1 >c.in
	ends 0
	ran s c
	ends 0 -p on=false
	ran c
	has c.out "$(printf '1\nnone')"
	ends 0
	ran
	has c.out "$(printf '1\n2')"
	has maybe 2
}

@test "a temp output stays until all have read it, also those that run once more" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; echo 1 > a.tmp"
		outputs = [{ path = "a.tmp", temp = true }]
		[stage.b]
		run = "echo b >>../ran; cat a.tmp > b.tmp"
		inputs = ["a.tmp"]
		outputs = [{ path = "b.tmp", temp = true }]
		[stage.c]
		run = "echo c >>../ran; cat a.tmp > c.out"
		inputs = ["a.tmp"]
		outputs = [{ path = "c.out", store = false }]
		[stage.d]
		run = "echo d >>../ran; cat a.tmp b.tmp c.out d.in > d.out"
		inputs = ["a.tmp", "b.tmp", "c.out", "d.in"]
		outputs = ["d.out"]
	END
	echo 1 >d.in
	ends 0
	ran a b c d
	rm c.out
	echo 2 >d.in
	ends 0
	ran a b c d
	has d.out "$(printf '1\n1\n1\n2')"
	[ ! -e a.tmp ]
	[ ! -e b.tmp ]
}
