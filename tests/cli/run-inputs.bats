#!/usr/bin/env bats
# What a stage reads: globs, folders, parts of files, depfiles, and what changes meanwhile.

load run

@test "a glob over sources takes what is there" {
	manifest <<-'END'
		[stage.s]
		run = ["sh", "-c", "echo s >>../ran; printf '%s\n' \"$@\" >out", "sh", "{{inputs}}"]
		inputs = ["data/*.csv"]
		outputs = ["out"]
	END
	mkdir data
	touch data/b.csv data/a.csv data/.hidden.csv data/c.txt
	ends 0
	ran s
	has out "$(printf 'data/a.csv\ndata/b.csv')"
	touch data/c.txt data/d.txt
	ends 0
	ran
	touch data/c.csv
	ends 0
	ran s
	rm data/c.csv
	ends 0
	ran
	has out "$(printf 'data/a.csv\ndata/b.csv')"
}

@test "a folder without files is an input like others" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; ls tree > out"
		inputs = ["tree/"]
		outputs = ["out"]
	END
	mkdir tree
	ends 0
	ran s
	ends 0
	ran
	touch tree/a
	ends 0
	ran s
	has out a
	rm tree/a
	ends 0
	[ ! -s out ]
}

@test "two stars match folders of any depth" {
	manifest <<-'END'
		[stage.s]
		run = ["sh", "-c", "echo s >>../ran; printf '%s\n' \"$@\" >out", "sh", "{{inputs}}"]
		inputs = ["src/**/*.c"]
		outputs = ["out"]
	END
	mkdir -p src/a/b src/.git src/__pycache__
	touch src/0.c src/a/1.c src/a/b/2.c src/.git/3.c src/__pycache__/4.c src/a/b/5.h
	ends 0
	has out "$(printf 'src/0.c\nsrc/a/1.c\nsrc/a/b/2.c')"
}

@test "a glob over what stages make takes what they made in this run" {
	manifest <<-'END'
		[stage.make]
		matrix = { n = [1, 2, 3] }
		run = "echo make{{n}} >>../ran; echo {{n}} > out/{{n}}.txt"
		outputs = ["out/{{n}}.txt"]
		[stage.sum]
		run = "echo sum >>../ran; cat {{inputs}} > sum"
		inputs = ["out/*.txt"]
		outputs = ["sum"]
	END
	ends 0
	ran make1 make2 make3 sum
	has sum "$(printf '1\n2\n3')"
	# an instance less: its file is an orphan, which enters no glob
	sed 's/1, 2, 3/1, 2/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran sum
	has sum "$(printf '1\n2')"
	says out/3.txt
	[ -e out/3.txt ]
	ends 0
	ran
	# what somebody puts there is a source
	echo mine >out/9.txt
	ends 0
	ran sum
	has sum "$(printf '1\n2\nmine')"
	run "$PAWL" clean --orphans
	echo "$output"
	[ "$status" -eq 0 ]
	[ ! -e out/3.txt ]
	[ -e out/9.txt ]
	[ -e out/2.txt ]
}

@test "a glob below a folder output takes what the folder holds" {
	manifest <<-'END'
		[stage.make]
		run = "echo make >>../ran; mkdir out; for i in $(cat n); do echo $i > out/$i.txt; done; echo no > out/no.log"
		inputs = ["n"]
		outputs = ["out/"]
		[stage.sum]
		run = "echo sum >>../ran; cat {{inputs}} > sum"
		inputs = ["out/*.txt"]
		outputs = ["sum"]
	END
	echo 1 2 >n
	ends 0
	ran make sum
	has sum "$(printf '1\n2')"
	echo 1 2 3 >n
	ends 0
	ran make sum
	has sum "$(printf '1\n2\n3')"
	echo 3 1 2 >n
	ends 0
	ran make
}

@test "a glob that matches nothing is an error, unless optional" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo {{inputs}} > out"
		inputs = ["*.none"]
		outputs = ["out"]
	END
	ends 3
	ran
	says '*.none'
	sed 's/"\*.none"/{ path = "*.none", optional = true }/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran s
}

@test "an input that is not there is an error before anything runs" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran"
		[stage.s]
		run = "echo s >>../ran; cat nothing > out"
		inputs = ["nothing"]
		outputs = ["out"]
	END
	ends 3
	ran
	says "'nothing'"
}

@test "a folder is all below it, dot files too" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; ls -A data > out"
		inputs = ["data/"]
		outputs = ["out"]
	END
	mkdir -p data/sub
	echo 1 >data/a
	echo 1 >data/.b
	ends 0
	ran s
	ends 0
	ran
	echo 2 >data/.b
	ends 0
	ran s
	echo 1 >data/sub/new
	ends 0
	ran s
	echo 1 >data/junk~
	mkdir data/.git
	echo 1 >data/.git/x
	ends 0
	ran
	rm -r data/sub
	ends 0
	ran
	has out "$(printf '.b\na\nsub')"
}

@test "an optional input may come and go" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat maybe > out 2>/dev/null || echo none > out"
		inputs = [{ path = "maybe", optional = true }]
		outputs = ["out"]
	END
	ends 0
	ran s
	has out none
	ends 0
	ran
	echo some >maybe
	ends 0
	ran s
	has out some
	rm maybe
	ends 0
	ran
	has out none
}

@test "of a TOML or JSON file only the named values count" {
	manifest <<-'END'
		[stage.t]
		run = "echo t >>../ran; cat c.toml > t.out"
		inputs = [{ path = "c.toml", keys = ["model.alpha"] }]
		outputs = ["t.out"]
		[stage.j]
		run = "echo j >>../ran; cat c.json > j.out"
		inputs = [{ path = "c.json", keys = ["model.alpha", "list"] }]
		outputs = ["j.out"]
	END
	printf '[model]\nalpha = 1\nbeta = 1\n' >c.toml
	printf '{"model": {"alpha": 1, "beta": 1}, "list": [1, 2]}\n' >c.json
	ends 0
	ran t j
	printf '[model]\nbeta = 2\nalpha = 1\n' >c.toml
	printf '{"list": [1,2], "model": {"beta": 2, "alpha": 1}}\n' >c.json
	ends 0
	ran
	printf '[model]\nalpha = 2\nbeta = 1\n' >c.toml
	ends 0
	ran t
	printf '{"model": {"alpha": 1, "beta": 1}, "list": [1, 3]}\n' >c.json
	ends 0
	ran j
	printf '[model]\nbeta = 1\n' >c.toml
	ends 0
	ran t
}

@test "values of a file that a stage makes" {
	manifest <<-'END'
		[stage.make]
		run = "echo make >>../ran; cat in > c.json"
		inputs = ["in"]
		outputs = ["c.json"]
		[stage.use]
		run = "echo use >>../ran; cat c.json > out"
		inputs = [{ path = "c.json", keys = ["a"] }]
		outputs = ["out"]
	END
	echo '{"a": 1, "b": 1}' >in
	ends 0
	ran make use
	echo '{"a": 1, "b": 2}' >in
	ends 0
	ran make
	echo '{"a": 2, "b": 2}' >in
	ends 0
	ran make use
}

@test "what a depfile names are inputs" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat main $(cat main) > out; echo \"out: main $(cat main)\" > out.d"
		inputs = ["main"]
		outputs = ["out"]
		depfile = "out.d"
	END
	echo header >main
	echo 1 >header
	echo 1 >other
	ends 0
	ran s
	ends 0
	ran
	echo 2 >header
	ends 0
	ran s
	has out "$(printf 'header\n2')"
	echo 1 >header
	ends 0
	ran
	has out "$(printf 'header\n1')"
	echo 2 >other
	ends 0
	ran
	echo 'header other' >main
	ends 0
	ran s
	echo 3 >other
	ends 0
	ran s
	rm other
	echo header >main
	ends 0
	ran
}

@test "a depfile may name what an ancestor makes, and nothing else that is made" {
	manifest <<-'END'
		[stage.gen]
		run = "echo gen >>../ran; cat gen.in > gen.h"
		inputs = ["gen.in"]
		outputs = ["gen.h"]
		[stage.s]
		run = "echo s >>../ran; cat gen.h > out; echo 'out: gen.h' > out.d"
		outputs = ["out"]
		depfile = "out.d"
		needs = ["gen"]
	END
	echo 1 >gen.in
	ends 0
	ran gen s
	ends 0
	ran
	echo 2 >gen.in
	ends 0
	ran gen s
	has out 2
	sed '/needs/d' pawl.toml >new
	mv new pawl.toml
	echo 3 >gen.in
	ends 1 -j 1
	says gen.h
	says needs
}

@test "an input that changes while it is read: once more, at once" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out; if [ ! -e ../done ]; then : > ../done; echo new > in; fi"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo old >in
	ends 0
	ran s s
	has out new
	ends 0
	ran
}

@test "what only a depfile names changes while it is read: once more, at once" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat hdr > out; echo 'out: hdr' > out.d; if [ ! -e ../done ]; then : > ../done; echo new > hdr; fi"
		outputs = ["out"]
		depfile = "out.d"
	END
	echo old >hdr
	ends 0
	ran s s
	has out new
	ends 0
	ran
}

@test "a command that writes its own input is unsettled, and told" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out; echo more >> in"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo 1 >in
	ends 10
	ran s s
	says "'in'"
	says itself
	[ ! -e out ]
}

@test "an input that is written again with the same bytes is a change" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out; if [ ! -e ../done ]; then : > ../done; cp in in.new; mv in.new in; fi"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo 1 >in
	touch -d 2020-01-01 in
	ends 0
	ran s s
}

@test "paths with blanks, quotes, line breaks, leading dashes and any bytes" {
	printf '[pipeline]\nname = "test"\n' >pawl.toml
	cat >>pawl.toml <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat {{inputs}} > {{outputs.o}}"
		inputs = ["in/*"]
		outputs = { o = "o u t'\"$(x)\n.txt" }
		[stage.d]
		run = "echo d >>../ran; cat {{inputs.dash}} > {{outputs.dash}}"
		inputs = { dash = "-n" }
		outputs = { dash = "-out" }
	END
	mkdir in
	echo 1 >'in/a b'
	echo 2 >'in/b'"'"'"q'
	echo 3 >"$(printf 'in/c\nd')"
	echo 4 >'in/d-$(touch pwned)`touch pwned`'
	echo 5 >"$(printf 'in/e\377\376')"
	echo 6 >'in/-f'
	echo 7 >./-n
	ends 0
	ran s d
	LC_ALL=C sort "$(printf 'o u t'"'"'"$(x)\n.txt')" >sorted
	has sorted "$(seq 6)"
	has ./-out 7
	[ ! -e pwned ]
	ends 0
	ran
	rm o*
	ends 0
	ran
	[ -e "$(printf 'o u t'"'"'"$(x)\n.txt')" ]
}

@test "an input that goes while it is read is named" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out; rm in"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo 1 >in
	run "$PAWL" run
	echo "$output"
	[ "$status" -eq 10 ] || [ "$status" -eq 3 ]
	says "'in'"
	[ ! -e out ]
}

@test "a command that writes what another stage made is unsettled, and the next run mends it" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; echo 1 > a.out"
		outputs = ["a.out"]
		[stage.b]
		run = "echo b >>../ran; cat a.out > b.out; if [ -e bad ]; then echo more >> a.out; fi"
		inputs = ["a.out", { path = "bad", optional = true }]
		outputs = ["b.out"]
	END
	: >bad
	ends 10
	ran a b b
	says "'a.out'"
	rm bad
	ends 0
	ran b
	has a.out 1
	has b.out 1
}

@test "up to sixteen results of a depfile are remembered" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat header > out; echo 'out: header' > out.d"
		outputs = ["out"]
		depfile = "out.d"
	END
	for n in $(seq 17); do
		echo "$n" >header
		ends 0
		ran s
	done
	for n in $(seq 2 17); do
		echo "$n" >header
		ends 0
		ran
		has out "$n"
	done
	echo 1 >header
	ends 0
	ran s
}

@test "a depfile in a folder of its own: paths are those of the command" {
	mkdir -p sub
	manifest <<-'END'
		[stage.s]
		dir = "sub"
		run = "echo s >>../../ran; cat ../a\\ b h > out; printf 'out: ../a\\\\ b \\\\\\n h\\n' > out.d"
		outputs = ["sub/out"]
		depfile = "sub/out.d"
	END
	echo 1 >'a b'
	echo 2 >sub/h
	ends 0
	ran s
	cat sub/out.d 2>/dev/null || :
	ends 0
	ran
	echo 3 >'a b'
	ends 0
	ran s
	echo 3 >sub/h
	ends 0
	ran s
}

@test "of many sources each one that changed is noticed, and no other" {
	manifest <<-'END'
		[stage.one]
		matrix = { f = { glob = "src/*" } }
		run = ["sh", "-c", "echo $1 >>../ran; cp $1 $2", "sh", "{{f}}", "{{outputs}}"]
		inputs = ["{{f}}"]
		outputs = ["out/{{base(f)}}"]
		[stage.all]
		run = ["sh", "-c", "echo all >>../ran; cat tree/* | sha256sum >sum"]
		inputs = ["tree/"]
		outputs = ["sum"]
	END
	mkdir src tree
	for i in $(seq 1 40); do echo "$i" >"src/$i"; done
	for i in $(seq 1 300); do head -c "$((i * 400))" /dev/zero | tr '\0' "$((i % 10))" >"tree/$i"; done
	ends 0
	has sum "$(cat tree/* | sha256sum)"
	ends 0 --rehash
	ran
	rm -f .pawl/index .pawl/index.log
	ends 0
	ran
	# As many bytes as before, and its old time.
	touch -r tree/77 ../time
	printf x | dd of=tree/77 bs=1 seek=500 conv=notrunc status=none
	touch -r ../time tree/77
	echo x >src/9
	ends 0
	ran src/9 all
	has sum "$(cat tree/* | sha256sum)"
}
