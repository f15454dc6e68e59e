#!/usr/bin/env bats
# Many instances of a stage, stages that are skipped, stages without inputs or outputs.

load run

@test "one instance for each combination, less what is excluded" {
	manifest <<-'END'
		[params]
		regions = ["north", "south"]
		[stage.s]
		matrix = { region = "{{regions}}", year = { from = 2026, to = 2028 }, exclude = [{ year = 2027, region = "south" }] }
		run = "echo {{region}}-{{year}} >>../ran; echo {{year}} > out/{{region}}-{{year}}"
		outputs = ["out/{{region}}-{{year}}"]
	END
	sed 's/"{{regions}}"/{ values = "{{regions}}" }/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran north-2026 north-2027 north-2028 south-2026 south-2028
	ends 0
	ran
	ends 0 -p 'regions=["north","east"]'
	ran east-2026 east-2027 east-2028
}

@test "an exclude with lists leaves out each combination of their values" {
	manifest <<-'END'
		[params]
		last = 2028
		[stage.s]
		matrix = { region = ["east", "north", "south"], year = { from = 2026, to = 2028 }, exclude = [{ year = [2027, "{{last}}"], region = ["north", "south"] }, { region = "east", year = [2026] }] }
		run = "echo {{region}}-{{year}} >>../ran"
	END
	ends 0
	ran east-2027 east-2028 north-2026 south-2026
}

@test "an instance may start from the one before" {
	manifest <<-'END'
		[stage.s]
		matrix = { year = { from = 1, to = 4 } }
		run = "echo {{year}} >>../ran; read -r n <{{inputs.before}}; echo $((n + 1)) > state/{{year}}"
		inputs = { before = "state/{{year - 1}}" }
		outputs = ["state/{{year}}"]
	END
	mkdir state
	echo 10 >state/0
	ends 0
	has ../ran "$(seq 4)"
	has state/4 14
	echo 20 >state/0
	ends 0
	ran 1 2 3 4
	ends 0 's@year=2'
	ran
}

@test "axes over files and over lines" {
	manifest <<-'END'
		[stage.f]
		matrix = { f = { glob = "in/*.txt" } }
		run = "echo {{stem(f)}} >>../ran; cat {{f}} > out/{{stem(f)}}"
		inputs = ["{{f}}"]
		outputs = ["out/{{stem(f)}}"]
		[stage.l]
		matrix = { l = { lines = "list" } }
		run = "echo {{l}} >>../ran; echo {{l}} > lines/{{l}}"
		outputs = ["lines/{{l}}"]
	END
	mkdir in
	echo 1 >in/a.txt
	echo 2 >in/b.txt
	printf 'x\ny' >list
	ends 0
	ran a b x y
	echo 3 >in/c.txt
	printf 'x\nz\n' >list
	ends 0
	ran c z
	has out/c 3
}

@test "a stage whose 'when' is false is skipped with the reason, and what needs it" {
	manifest <<-'END'
		[params]
		slow = false
		[stage.a]
		run = "echo a >>../ran; echo 1 > a.out"
		when = "slow"
		outputs = ["a.out"]
		[stage.b]
		run = "echo b >>../ran; cat a.out > b.out"
		inputs = ["a.out"]
		outputs = ["b.out"]
		[stage.c]
		run = "echo c >>../ran; cat a.out > c.out 2>/dev/null || echo none > c.out"
		inputs = [{ path = "a.out", optional = true }]
		outputs = ["c.out"]
		[stage.d]
		run = "echo d >>../ran; ls {{inputs}} > d.out || :"
		inputs = [{ path = "*.out2", optional = true }, "a.o*"]
		outputs = ["d.all"]
	END
	sed '/^\[stage.d\]/,$d' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran c
	has c.out none
	says skipped
	ends 0 -p slow=true
	ran a b c
	has c.out 1
	ends 0
	ran
	has c.out none
}

@test "a glob leaves out what a skipped instance made earlier" {
	manifest <<-'END'
		[params]
		most = 3
		[stage.a]
		matrix = { n = [1, 2, 3] }
		run = "echo {{n}} >>../ran; echo {{n}} > out/{{n}}"
		when = "n <= most"
		outputs = ["out/{{n}}"]
		[stage.sum]
		run = "echo sum >>../ran; cat {{inputs}} > sum"
		inputs = ["out/*"]
		outputs = ["sum"]
	END
	ends 0
	ran 1 2 3 sum
	ends 0 -p most=2
	ran sum
	has sum "$(printf '1\n2')"
	ends 0
	ran
	has sum "$(printf '1\n2\n3')"
}

@test "needs: after it, and nothing more" {
	manifest <<-'END'
		[stage.z]
		run = "echo z >>../ran; cat z.in > z.out"
		inputs = ["z.in"]
		outputs = ["z.out"]
		[stage.a]
		run = "echo a >>../ran; echo 1 > a.out"
		outputs = ["a.out"]
		needs = ["z"]
	END
	echo 1 >z.in
	ends 0
	has ../ran "$(printf 'z\na')"
	echo 2 >z.in
	ends 0
	ran z
}

@test "a stage without a command is a name for what it needs" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; echo 1 > a.out"
		outputs = ["a.out"]
		[stage.b]
		run = "echo b >>../ran; echo 1 > b.out"
		outputs = ["b.out"]
		[stage.c]
		run = "echo c >>../ran; echo 1 > c.out"
		outputs = ["c.out"]
		[stage.both]
		needs = ["a", "b"]
	END
	ends 0 both
	ran a b
	rm a.out
	ends 0 both
	ran
	ends 0
	ran c
}

@test "cache = false runs once in each run" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; cat a.in > a.out"
		inputs = ["a.in"]
		outputs = ["a.out"]
		cache = false
		[stage.b]
		run = "echo b >>../ran; cat a.out > b.out"
		inputs = ["a.out"]
		outputs = ["b.out"]
	END
	echo 1 >a.in
	ends 0
	ran a b
	ends 0
	ran a
	ends 0 b
	ran a
}

@test "inputs only: up to date only after its own last attempt" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in >> ../effect"
		inputs = ["in"]
	END
	echo 1 >in
	ends 0
	ran s
	ends 0
	ran
	echo 2 >in
	ends 0
	ran s
	# an older result does not count
	echo 1 >in
	ends 0
	ran s
	has ../effect "$(printf '1\n2\n1')"
}

@test "inputs only: a failed attempt is the last one" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; ! grep -q bad in"
		inputs = ["in"]
	END
	echo 1 >in
	ends 0
	ran s
	echo bad >in
	ends 1
	ran s
	echo 1 >in
	ends 0
	ran s
	ends 0
	ran
}

@test "outputs only runs once; neither runs in each run" {
	manifest <<-'END'
		[stage.o]
		run = "echo o >>../ran; echo 1 > out"
		outputs = ["out"]
		[stage.n]
		run = "echo n >>../ran"
	END
	ends 0
	ran o n
	ends 0
	ran n
	ends 0 o
	ran
}
