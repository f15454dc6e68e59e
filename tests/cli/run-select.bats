#!/usr/bin/env bats
# What is asked for: targets, --only, --from, --force, orphans.

load run

chain() {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; cat a.in > out/a"
		inputs = ["a.in"]
		outputs = ["out/a"]
		[stage.b]
		run = "echo b >>../ran; cat out/a b.in > out/b"
		inputs = ["out/a", "b.in"]
		outputs = ["out/b"]
		[stage.c]
		run = "echo c >>../ran; cat out/b > out/c"
		inputs = ["out/b"]
		outputs = ["out/c"]
		[stage.m]
		matrix = { x = [1, 2], y = ["p", "q"] }
		run = "echo m{{x}}{{y}} >>../ran; echo {{x}}{{y}} > out/m-{{x}}-{{y}}"
		outputs = ["out/m-{{x}}-{{y}}"]
	END
	echo 1 >a.in
	echo 1 >b.in
}

@test "a target brings along what it needs, and nothing else" {
	chain
	ends 0 b
	ran a b
	ends 0 c m@x=1
	ran c m1p m1q
	ends 0 'm@x=2,y=p'
	ran m2p
	ends 0 'm@y=q'
	ran m2q
	ends 0
	ran
}

@test "a target may be a pattern" {
	chain
	ends 0 'm@x=*,y=q'
	ran m1q m2q
	ends 2 'z*'
	ran
}

@test "a target may be the path of an output, from where the user stands" {
	chain
	ends 0 out/a
	ran a
	mkdir -p sub
	: >../ran
	run "$PAWL" -C sub run ../out/m-1-p
	echo "$output"
	[ "$status" -eq 0 ]
	ran m1p
	cd out
	: >../../ran
	run "$PAWL" run b
	echo "$output"
	[ "$status" -eq 0 ]
	: >../../ran
	run "$PAWL" run m-2-q
	echo "$output"
	[ "$status" -eq 0 ]
	cd ..
	ran m2q
}

@test "a target that is not there is status 2, with a suggestion" {
	chain
	ends 2 nope
	ran
	says "'nope'"
	ends 2 'm@x=3'
	ran
	ends 2 'm@z=3'
	ran
	ends 2 out/none
	ran
}

@test "the manifest's default targets" {
	chain
	sed 's/^name = .*/&\ndefault = ["a"]/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran a
	ends 0 m
	ran m1p m1q m2p m2q
}

@test "--only takes what lies there" {
	chain
	ends 0 c
	ran a b c
	echo 2 >a.in
	ends 0 --only c
	ran
	echo mine >out/b
	ends 0 --only c
	ran c
	has out/c mine
	has out/b mine
	ends 0 c
	ran a b c
	has out/c "$(printf '2\n1')"
	has "$(find .pawl/kept -name b)" mine
}

@test "--only with an input that is not there fails, and says which" {
	chain
	run "$PAWL" run --only c
	echo "$output"
	[ "$status" -ne 0 ]
	says out/b
}

@test "--force alone forces what is asked for" {
	chain
	ends 0
	ends 0 --force b
	ran b
	ends 0 --force=a c
	ran a
	ends 0 --force=m@x=1
	ran m1p m1q
	ends 2 --force=nope
}

@test "--from forces from there on" {
	chain
	ends 0
	ends 0 --from b
	ran b c
	ends 0 --from b b
	ran b
	ends 0
	ran
}

@test "orphans are removed by clean --orphans, unless somebody changed them" {
	chain
	ends 0
	sed 's/x = \[1, 2\]/x = [1]/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran
	echo mine >out/m-2-q
	run "$PAWL" clean --orphans
	echo "$output"
	[ "$status" -eq 0 ]
	[ ! -e out/m-2-p ]
	has out/m-2-q mine
	[ -e out/m-1-p ]
	[ -e out/a ]
}

@test "an orphan that a stage declares as input is a source that is missing" {
	manifest <<-'END'
		[stage.a]
		run = "echo 1 > a.out"
		outputs = ["a.out"]
		[stage.b]
		run = "echo b >>../ran; cat a.out > b.out"
		inputs = ["a.out"]
		outputs = ["b.out"]
	END
	ends 0
	sed '/stage.a/,/outputs/{d}' pawl.toml >new
	{ printf '[pipeline]\nname = "test"\n'; sed -n '/stage.b/,$p' pawl.toml; } >new
	mv new pawl.toml
	# it is a file of the workspace now, named by its path: the user's word
	ends 0
	has b.out 1
}

@test "-n says what would run, and changes nothing" {
	chain
	before=$(find . | sort)
	ends 0 -n
	ran
	says a
	[ "$(find . | sort)" = "$before" ]
}

@test "-p of another type, an unknown param, or out of bounds is an error" {
	manifest <<-'END'
		[params]
		n = { value = 5, min = 1, max = 9 }
		s = { value = "a", choices = ["a", "b"] }
		[stage.s]
		run = "echo {{n}}{{s}} > out"
		outputs = ["out"]
	END
	ends 0 -p n=6 -p s=b
	has out 6b
	for wrong in n=x n=10 n=0 s=c n=1.5 m=1 n; do
		run "$PAWL" run -p "$wrong"
		echo "$wrong: $status $output"
		[ "$status" -eq 2 ] || [ "$status" -eq 3 ]
	done
	echo 'n = 7' >params.toml
	ends 0 --params params.toml
	has out 7a
	ends 0 --params params.toml -p n=8
	has out 8a
	ends 2 --params missing.toml
	[[ $output == "pawl: 'missing.toml': cannot be read: "* ]]
}
