#!/usr/bin/env bats
# What changes under pawl's hands and how it is found out: names, times, the manifest itself.

load run

@test "two edits within one tick of the clock are two changes" {
	manifest <<-'END'
		[stage.s]
		run = "cat in > out"
		inputs = ["in"]
		outputs = ["out"]
	END
	for n in $(seq 1000 1040); do
		echo "$n" >in
		"$PAWL" run -q
		has out "$n"
	done
}

@test "an edit of the same size right after a command has read its input" {
	manifest <<-'END'
		[stage.first]
		run = "cat in > out"
		inputs = ["in"]
		outputs = ["out"]
		[stage.second]
		run = "cat ../next > in; cat out > copy"
		inputs = ["out"]
		outputs = ["copy"]
	END
	echo 1000 >in
	for n in $(seq 1001 1020); do
		echo "$n" >../next
		"$PAWL" run -q
		has copy "$((n - 1))"
	done
	"$PAWL" run -q
	has copy 1020
}

@test "a change that is older than what was made of it is a change" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo 1 >in
	ends 0
	# As after a clock that was set back, an archive unpacked, a file moved here.
	echo 2 >in
	touch -d 1999-01-01 in
	ends 0
	ran s
	has out 2
	echo 3 >new
	touch -d 1999-01-01 new
	mv new in
	ends 0
	ran s
	has out 3
	# And times to come stay right: nothing is younger than what was made of it for ever.
	touch -d 2099-01-01 in
	ends 0
	ran
	ends 0
	ran
	echo 4 >in
	touch -d 2099-01-01 in
	ends 0
	ran s
	touch -d 2099-01-01 out
	echo 5 >in
	ends 0
	ran s
	has out 5
}

@test "a stage and its output renamed: the old output is an orphan and enters no glob" {
	manifest <<-'END'
		[stage.old]
		run = "echo old >>../ran; echo 1 > data/old.txt; mkdir data/old; echo 1 > data/old/f.txt"
		outputs = ["data/old.txt", "data/old/"]
		[stage.sum]
		run = "echo sum >>../ran; ls {{inputs}} > sum"
		inputs = ["data/**/*.txt"]
		outputs = ["sum"]
	END
	ends 0
	ran old sum
	has sum "$(printf 'data/old.txt\ndata/old/f.txt')"
	sed 's/old/new/g' pawl.toml >new.toml
	mv new.toml pawl.toml
	ends 0
	ran new sum
	says data/old.txt
	has sum "$(printf 'data/new.txt\ndata/new/f.txt')"
	[ -e data/old.txt ]
	[ -e data/old/f.txt ]
	ends 0
	ran
	# Edited, it is somebody's.
	echo mine >data/old.txt
	ends 0
	ran sum
	has sum "$(printf 'data/new.txt\ndata/new/f.txt\ndata/old.txt')"
}

@test "a manifest that is edited while it runs: this run is of the old one, the next of the new" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; sed 's/one/two/' pawl.toml > new; [ -e ../done ] || mv new pawl.toml; : > ../done; cat in > a.out"
		inputs = ["in"]
		outputs = ["a.out"]
		[stage.b]
		run = "echo b >>../ran; echo one > b.out"
		inputs = ["a.out"]
		outputs = ["b.out"]
	END
	echo 1 >in
	ends 0
	ran a b
	has b.out one
	ends 0
	ran a b
	has b.out two
	ends 0
	ran
	# Edited back, nothing runs and all is as it was.
	sed 's/two/one/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran
	has b.out one
}

@test "an output that is replaced by one of the same size and times" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo made > out; mkdir d; echo made > d/f"
		outputs = ["out", "d/"]
	END
	ends 0
	for file in out d/f; do
		touch -r $file ../stamp
		echo mine >$file
		touch -r ../stamp $file
		ends 0
		ran
		has $file made
		echo mine >new
		touch -r ../stamp new
		mv new $file
		ends 0
		ran
		has $file made
	done
	[ "$(find .pawl/kept -type f | xargs cat | sort | uniq -c | tr -s ' ')" = ' 4 mine' ]
}
