#!/usr/bin/env bats
# No value becomes code: whatever a param or a path holds arrives as it is.

load run

# A TOML basic string of any text.
quoted() {
	printf '"'
	printf %s "$1" | sed 's/\\/\\\\/g; s/"/\\"/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
	printf '"'
}

@test "nasty values arrive whole and execute nothing" {
	count=0
	while IFS= read -r value; do
		count=$((count + 1))
		value=$(printf %b "$value")
		manifest <<-END
			[params]
			v = $(quoted "$value")
			[stage.string]
			run = "printf %s {{v}} > string; printf '%s|' x{{v}}y {{v}} >> string"
			outputs = ["string"]
			[stage.array]
			run = ["sh", "-c", 'printf %s "\$1" > array', "sh", "{{v}}"]
			outputs = ["array"]
			[stage.env]
			run = 'printf %s "\$V" > env'
			env = { V = "{{v}}" }
			outputs = ["env"]
		END
		ends 0
		printf '%s' "$value" >expected
		cmp array expected
		cmp env expected
		printf '%s' "$value" >expected
		printf '%s|' "x${value}y" "$value" >>expected
		cmp string expected
		[ ! -e pwned ]
	done <<-'END'
		$(touch pwned)
		`touch pwned`
		; touch pwned
		& touch pwned &
		| touch pwned
		> pwned
		a' ; touch pwned ; '
		a" ; touch pwned ; "
		'"'"'
		\\
		\\\\'
		a\\nb
		a\ntouch pwned\n
		 leading and trailing 
		\t*
		*
		?[a-z]*
		~
		~root
		#comment
		!!
		$HOME
		${HOME}
		$((1+1))
		%s%n
		-n
		--help
		=
		{a,b}
		<(touch pwned)
		\\$(touch pwned)
		''
		é世界
	END
	[ "$count" -gt 30 ]
}

@test "every byte from 1 to 255 in a path and in a value from outside" {
	manifest <<-'END'
		[stage.s]
		matrix = { f = { glob = "in/*" } }
		run = "cat {{inputs}} > out/{{f}}; printf '%s' {{f}} > name/{{f}}"
		inputs = ["{{f}}"]
		outputs = ["out/{{f}}", "name/{{f}}"]
	END
	mkdir in
	count=0
	for n in $(seq 1 255); do
		[ "$n" -eq 47 ] && continue
		name=$(printf "x\\$(printf %03o "$n")y")
		printf %s "$n" >"in/$name"
		count=$((count + 1))
	done
	ends 0
	[ "$(find out -type f | tr -cd '\n' | wc -c)" -ge 254 ]
	for file in in/*; do
		cmp "$file" "out/$file"
		[ "$(cat "name/$file" && echo .)" = "$file." ]
	done
	ends 0
	says 'up to date'
}

@test "values from the command line and from files execute nothing" {
	manifest <<-'END'
		[params]
		v = "x"
		[stage.s]
		run = "printf %s {{v}} > s"
		outputs = ["s"]
		[stage.l]
		matrix = { l = { lines = "list" } }
		run = "printf %s {{l}} > out-{{l}}"
		outputs = ["out-{{l}}"]
	END
	printf '$(touch pwned)\na b\n%s\n' "it's" >list
	ends 0 -p 'v=$(touch pwned); `touch pwned` '"'"
	has s '$(touch pwned); `touch pwned` '"'"
	[ ! -e pwned ]
	has 'out-$(touch pwned)' '$(touch pwned)'
	has "out-it's" "it's"
}

@test "where a value cannot be safe it is an error of the manifest" {
	while IFS= read -r text; do
		manifest <<-END
			[params]
			v = "a b"
			[stage.s]
			run = '''echo $text > out'''
			outputs = ["out"]
		END
		ends 3
		says 'pawl.toml:6'
		[ ! -e out ]
	done <<-'END'
		"{{v}}"
		'{{v}}'
		`echo {{v}}`
		$(echo {{v}})
		"$(echo {{v}})"
		${X:-{{v}}}
	END
	manifest <<-'END'
		[params]
		v = "a b"
		[stage.s]
		run = '''
		cat > out <<E
		{{v}}
		E
		'''
		outputs = ["out"]
	END
	ends 3
	manifest <<-'END'
		[params]
		v = "a b"
		[stage.s]
		run = '''echo "pre "{{v}}" post" '$(touch pwned)' {{{{v}} > out'''
		outputs = ["out"]
	END
	ends 0
	has out 'pre a b post $(touch pwned) {{v}}'
	[ ! -e pwned ]
}

@test "another shell needs raw, or env" {
	manifest <<-'END'
		[params]
		v = "a b"
		[stage.s]
		shell = ["perl", "-e"]
		run = '''open O, ">out"; print O "{{v}}"'''
		outputs = ["out"]
	END
	ends 3
	sed 's/{{v}}/{{raw(v)}}/' pawl.toml >new
	mv new pawl.toml
	ends 0
	has out 'a b'
}

@test "lists are words in a string and elements in an array" {
	manifest <<-'END'
		[params]
		list = ["a b", "$(touch pwned)", "c"]
		[stage.s]
		run = "printf '%s\\n' {{list}} > out"
		outputs = ["out"]
		[stage.a]
		run = ["sh", "-c", "printf '%s\\n' \"$@\" > out2", "sh", "{{list}}"]
		outputs = ["out2"]
		[stage.j]
		run = "printf '%s\\n' {{join(list, '+')}} > out3"
		outputs = ["out3"]
	END
	ends 0
	has out "$(printf 'a b\n$(touch pwned)\nc')"
	has out2 "$(printf 'a b\n$(touch pwned)\nc')"
	has out3 'a b+$(touch pwned)+c'
	[ ! -e pwned ]
}

@test "figures are rendered exactly" {
	manifest <<-'END'
		[params]
		third = 0.1
		big = 9007199254740993
		[stage.s]
		matrix = { x = { from = 0.1, to = 0.5, step = 0.1 } }
		run = "echo {{x}} {{third + 0.2}} {{big}} {{7 // 2}} {{7 / 2}} {{-7 % 3}} > out-{{x}}"
		outputs = ["out-{{x}}"]
	END
	ends 0
	[ "$(ls out-* | paste -sd ' ')" = 'out-0.1 out-0.2 out-0.3 out-0.4 out-0.5' ]
	has out-0.3 '0.3 0.30000000000000004 9007199254740993 3 3.5 2'
}
