#!/usr/bin/env bats
# Streams: a result is used only where its item would give it, and nobody works before its time.

load run

has_words() {
	if [ "$(paste -sd ' ' "$1")" != "$2" ]; then
		echo "$1 is not '$2' but '$(paste -sd ' ' "$1")'"
		return 1
	fi
}

@test "a line and a file of the same bytes are two items" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = "wc -c"
		stdout = "out"
		dedupe = true
	END
	printf abc >list
	ends 0
	has_words out 4
	sed -i 's/lines =/files =/' pawl.toml
	ends 0
	has_words out 3
	sed -i 's/files =/lines =/' pawl.toml
	ends 0
	has_words out 4
}

@test "what acts outside acts again when it comes back to what it was" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = 'read x; echo "A$x" >>../ran'
	END
	printf '%s\n' 1 2 >list
	ends 0
	ran A1 A2
	sed -i 's/A\$x/B$x/' pawl.toml
	ends 0
	ran B1 B2
	sed -i 's/B\$x/A$x/' pawl.toml
	ends 0
	ran A1 A2
	echo 3 >>list
	ends 0
	ran A3
}

@test "a variant with the command of its stage has a log of its own" {
	manifest <<-'END'
		[flags.f]
		percent = 50

		[stage.s]
		each = { lines = "list" }
		run = "cat"
		stdout = "out"

		[stage.s.variant.v]
		flag = "f"
		timeout = "1m"
	END
	seq 9 >list
	run timeout 60 "$PAWL" run
	[ "$status" -eq 0 ]
	has_words out "1 2 3 4 5 6 7 8 9"
}

@test "a variant whose breaker is half-open at the end: what the stage's own command had is found" {
	manifest <<-'END'
		[flags.f]
		percent = 100

		[breaker.b]
		min_calls = 2
		open_for = "1ms"

		[stage.s]
		each = { lines = "list" }
		run = 'i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); done; cat'
		stdout = "out"
		workers = 1

		[stage.s.variant.v]
		flag = "f"
		fallback = true
		breaker = "b"
		run = "exit 1"
	END
	seq 40 >list
	ends 0
	says "lets one through"
	has_words out "$(seq 40 | paste -sd ' ' -)"
}

@test "a variant that has no fallback any more has what it left to its stage's own command" {
	manifest <<-'END'
		[flags.f]
		percent = 100

		[stage.s]
		each = { lines = "list" }
		run = "echo own >>../ran; cat"
		stdout = "out"
		dead_letter = "dead"

		[stage.s.variant.v]
		flag = "f"
		fallback = true
		run = "echo new >>../ran; [ -e ../up ] && echo new"
	END
	echo 1 >list
	ends 0
	ran new own
	has_words out 1
	sed -i 's/fallback = true/fallback = false/' pawl.toml
	ends 0
	ran new
	has_words dead '{"item":"1","reason":"exit 1","cause":"exit","attempts":1}'
	sed -i '/dead_letter/d' pawl.toml
	touch ../up
	ends 1
	"$PAWL" dead s --retry
	ends 0
	has_words out new
}

@test "an instance that left its variant keeps nothing in the variant's name" {
	manifest <<-'END'
		[flags.f]
		percent = 100
		by = "instance"

		[stage.s]
		each = { lines = "list" }
		run = "read x; echo own$x"
		stdout = "out"

		[stage.s.variant.v]
		flag = "f"
		fallback = true
		run = "read x; [ -e ../up ] && echo new$x"
	END
	printf '%s\n' 1 2 >list
	ends 0
	has_words out "own1 own2"
	touch ../up
	echo 3 >>list
	ends 0
	has_words out "new1 new2 new3"
}

@test "a worker that speaks unasked: what it answered before is not kept" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		mode = "worker"
		workers = 1
		run = '''while IFS= read -r x; do echo "$x" >>../ran; echo "<$x>"; done; [ -e ../up ] || echo sum'''
		stdout = "out"
	END
	seq 4 >list
	ends 1
	says "wrote what nobody asked for"
	touch ../up
	ends 0
	ran 1 2 3 4
	has_words out "<1> <2> <3> <4>"
}

@test "the stage fails while a worker has half an item: no answer to that half is kept" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		mode = "worker"
		workers = 2
		run = '''
		if [ "$(dd bs=1 count=1 2>/dev/null)" = x ]; then
			until [ -e ../bad ]; do :; done
			i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done
			echo $(($(wc -c) + 1))
		else
			read -r x; echo "fail bad" >&$PAWL_STATUS_FD; : >../bad
			while read -r x; do :; done
		fi
		'''
		stdout = "out"
	END
	head -c 200000 /dev/zero | tr '\0' x >list
	printf '\nbad\n' >>list
	ends 1
	"$PAWL" items s >../items
	[ "$(cat ../items)" = "" ] || grep -q 200001 ../items
}

@test "a long reason of a worker is told" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		mode = "worker"
		run = '''while read -r x; do echo "fail $(printf '%09000d' 7)end" >&$PAWL_STATUS_FD; done'''
		stdout = "out"
	END
	echo 1 >list
	ends 1
	says "7end"
}

@test "nobody works ahead of a stage that it needs, or with what a pool counts" {
	manifest <<-'END'
		[pool.db]
		slots = 1

		[stage.x]
		run = 'until [ -e ../made ]; do :; done; echo new >../config; echo x'
		stdout = "x"

		[stage.h]
		pool = "db"
		run = ': >../held; until [ -e ../made ]; do :; done; rm ../held; echo h'
		stdout = "h"

		[stage.p]
		run = """
		until [ -e ../held ]; do :; done
		seq 3
		i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done
		: >../made
		"""
		stdout = "mid"

		[stage.s]
		each = { stage = "p" }
		needs = ["x"]
		run = 'cat ../config'
		stdout = "out"

		[stage.t]
		each = { stage = "p" }
		pool = "db"
		run = 'if [ -e ../held ]; then echo beside; else echo alone; fi'
		stdout = "turns"
	END
	echo old >../config
	ends 0 -j 4
	has_words out "new new new"
	has_words turns "alone alone alone"
}

@test "who works ahead does not wait for a breaker once nothing comes any more" {
	manifest <<-'END'
		[breaker.b]
		min_calls = 2
		open_for = "1h"

		[stage.p]
		run = 'seq 6; until [ "$(wc -l <../tried)" -ge 2 ]; do :; done; : >../up'
		stdout = "mid"

		[stage.s]
		each = { stage = "p" }
		workers = 1
		breaker = "b"
		run = 'echo 1 >>../tried; [ -e ../up ] && cat'
		stdout = "out"
	END
	: >../tried
	run timeout 60 "$PAWL" run -j 2
	[ "$status" -eq 0 ]
	has_words out "1 2 3 4 5 6"
}
