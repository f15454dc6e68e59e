#!/usr/bin/perl
# random-runs.pl SEED STEPS [KIND...]: a random pipeline in ./w of stages of these kinds, changed at
# random between runs. After each good run its outputs must be those that the same manifest and
# sources give in an empty folder, and another run must run nothing. Prints what it did; exit 1 with
# the reason when that does not hold.
use strict;
use warnings;
use File::Path qw(make_path remove_tree);

my ($seed, $steps, @kinds) = @ARGV;
@kinds = qw(file file folder stdout matrix) unless @kinds;
srand($seed);
my $pawl = $ENV{PAWL} or die "PAWL is not set\n";
my $top = qx(pwd);
chomp $top;
my $STAGES = 7;
my $SOURCES = 5;
my @stages;

sub chance { rand() < $_[0] }
sub pick   { $_[ int rand @_ ] }

sub write_file {
	my ($path, $text) = @_;
	open my $out, '>', $path or die "$path: $!";
	print $out $text;
	close $out or die "$path: $!";
}

sub make_stage {
	my ($i) = @_;
	my %stage = (name => "s$i", salt => int rand 3, inputs => [], kind => pick(@kinds));
	for my $s (0 .. $SOURCES - 1) {
		push @{ $stage{inputs} }, "\"src/$s\"" if chance(0.35);
	}
	for my $p (@stages) {
		next unless chance(0.4);
		my $n = $p->{name};
		my $in = $p->{kind} eq 'folder' ? pick("out/$n.d/", "out/$n.d/a", "out/$n.d/*", "out/$n.d/**")
			: $p->{kind} eq 'matrix' ? pick("out/$n-*", "out/$n-1")
			:                          "out/$n";
		push @{ $stage{inputs} }, "\"$in\"";
		push @{ $stage{inputs} }, "{ path = \"out/$n.opt\", optional = true }" if $p->{opt};
	}
	push @{ $stage{inputs} }, '"src/0"' unless @{ $stage{inputs} };
	push @{ $stage{inputs} }, "{ path = \"src/fail-s$i\", optional = true }";
	$stage{opt} = $stage{kind} =~ /file|folder/ && chance(0.4);
	$stage{keep} = pick('', '', '', ', store = false', ', temp = true');
	return \%stage;
}

# Few different results, so that many changes are cut off early. What the command finds counts, not
# what {{inputs}} says: optional files by their paths, folders by what lies in them.
sub stage_text {
	my ($stage) = @_;
	my $n = $stage->{name};
	my $text = "[stage.$n]\ninputs = [" . join(', ', @{ $stage->{inputs} }) . "]\n";
	my $sum;
	my $say = "echo $n >>\$RAN; if [ -e src/fail-$n ]; then echo broken > out/$n || :; exit 1; fi; ";
	$text .= "env = { SALT = \"$stage->{salt}\" }\nsecret_env = [\"RAN\", \"SUM\"]\n";
	my $optional = $stage->{opt} ? " if [ \$((v % 2)) -eq 0 ]; then echo \$((v % 4)) > out/$n.opt; fi;" : '';
	my $opt = $stage->{opt} ? ", { path = \"out/$n.opt\", optional = true }" : '';
	$sum = "set -- {{inputs}}; v=\$(sh \"\$SUM\" \"\$@\"); v=\$(( (v + SALT) % 8 )); ";
	if ($stage->{kind} eq 'folder') {
		$text .= "outputs = [{ path = \"out/$n.d/\"$stage->{keep} }$opt]\n";
		$text .= "run = '''${say}${sum}mkdir out/$n.d; echo \$((v % 3)) > out/$n.d/a; echo \$v > out/$n.d/f\$((v % 2)); mkdir out/$n.d/sub; echo \$((v % 4)) > out/$n.d/sub/x;$optional'''\n";
	} elsif ($stage->{kind} eq 'dep') {
		$text .= "depfile = \"out/$n.dep\"\noutputs = [{ path = \"out/$n\"$stage->{keep} }]\n";
		$text .= "run = '''${say}${sum}k=src/\$((v % $SOURCES)); echo \"out/$n: \$k\" > out/$n.dep; echo \$((v % 3)) \$(cat \$k) > out/$n'''\n";
	} elsif ($stage->{kind} eq 'stdout') {
		$text .= "stdout = \"out/$n\"\nrun = '''${say}${sum}echo \$v'''\n";
	} elsif ($stage->{kind} eq 'matrix') {
		$text .= "matrix = { m = [1, 2] }\noutputs = [{ path = \"out/$n-{{m}}\"$stage->{keep} }]\n";
		$text .= "run = '''m={{m}}; ${say}${sum}echo \$((v % (2 + m))) > out/$n-{{m}}'''\n";
	} else {
		$text .= "outputs = [{ path = \"out/$n\"$stage->{keep} }$opt]\n";
		$text .= "run = '''${say}${sum}echo \$((v % 5)) > out/$n;$optional'''\n";
	}
	$text .= "when = \"$stage->{when}\"\n" if defined $stage->{when};
	$text .= "on_failure = \"ignore\"\n" if $stage->{ignore};
	$text .= "cache = false\n" if $stage->{nocache};
	return $text;
}

sub write_manifest {
	my ($dir) = @_;
	write_file("$dir/pawl.toml", "[pipeline]\nname = \"random\"\n" . join('', map { stage_text($_) } @stages));
}

sub run_in {
	my ($dir, @args) = @_;
	write_file("$top/ran", '');
	$ENV{RAN} = "$top/ran";
	my $said = qx(cd $dir && "$pawl" run @args 2>&1);
	my $status = $? >> 8;
	open my $in, '<', "$top/ran" or die;
	my @ran = sort map { chomp; $_ } <$in>;
	return ($status, $said, @ran);
}

# Every output as text. `temp` outputs may be there or not.
sub outputs {
	my ($dir) = @_;
	my %temp = map { ($_->{kind} eq 'folder' ? "$_->{name}.d" : $_->{name}) => 1 } grep { $_->{keep} =~ /temp/ } @stages;
	my %found;
	my $base = "$dir/out";
	for my $path (split /\n/, qx(cd $base 2>/dev/null && find . -mindepth 1 | sort)) {
		my $name = $path =~ s{^\./}{}r;
		my $first = $name =~ s{[/-].*}{}r;
		next if $temp{$first} || $name =~ /[.]dep$/;
		if (-d "$base/$name") { $found{$name} = 'folder'; next }
		open my $in, '<', "$base/$name" or die "$name: $!";
		local $/;
		$found{$name} = <$in>;
	}
	return \%found;
}

sub fail {
	print "FAILED (seed $seed): @_\n";
	exit 1;
}

sub compare {
	my ($got, $expected, $target) = @_;
	for my $name (sort keys %$expected) {
		next if defined $target && $name !~ /^$target\b/;
		fail("'$name' is missing") unless defined $got->{$name};
		fail("'$name' is '$got->{$name}', not '$expected->{$name}'") if $got->{$name} ne $expected->{$name};
	}
}

sub mutate {
	my $kind = pick(qw(source source source delete delete edit salt touch fail extra drop back ignore store when nocache));
	my @files = grep { !-d } glob 'w/out/* w/out/*/* w/out/*/*/*';
	if ($kind eq 'source') {
		write_file('w/src/' . int(rand $SOURCES), int(rand 4) . "\n");
	} elsif ($kind eq 'delete' && @files) {
		my $file = pick(@files);
		chance(0.3) ? remove_tree('w/out') : unlink $file;
		return "delete $file";
	} elsif ($kind eq 'edit' && @files) {
		my $file = pick(@files);
		write_file($file, "edited\n");
		return "edit $file";
	} elsif ($kind eq 'salt') {
		pick(@stages)->{salt} = int rand 3;
	} elsif ($kind eq 'touch') {
		utime undef, undef, glob('w/src/*');
	} elsif ($kind eq 'fail') {
		my $file = 'w/src/fail-s' . int(rand $STAGES);
		-e $file ? unlink $file : write_file($file, '');
		return "fail $file";
	} elsif ($kind eq 'extra') {
		my @folders = grep { -d } glob 'w/out/*.d';
		write_file(pick(@folders) . '/extra', "mine\n") if @folders;
	} elsif ($kind eq 'ignore') {
		my $stage = pick(@stages);
		$stage->{ignore} = !$stage->{ignore};
		return "ignore $stage->{name}";
	} elsif ($kind eq 'store') {
		my $stage = pick(@stages);
		$stage->{keep} = pick('', ', store = false', ', temp = true');
		return "keep $stage->{name} $stage->{keep}";
	} elsif ($kind eq 'when') {
		my $stage = pick(@stages);
		$stage->{when} = defined $stage->{when} ? undef : pick('true', '1 > 2');
		return "when $stage->{name}";
	} elsif ($kind eq 'nocache') {
		my $stage = pick(@stages);
		$stage->{nocache} = !$stage->{nocache};
	} else {
		unlink glob 'w/src/fail-*';
	}
	return $kind;
}

remove_tree("$top/w", "$top/fresh");
write_file("$top/sum", 'for f; do if [ -d "$f" ]; then ls -R "$f"; else cat "$f"; fi; done | cksum | cut -d" " -f1');
$ENV{SUM} = "$top/sum";
make_path("$top/w/src");
push @stages, make_stage($_) for 0 .. $STAGES - 1;
write_file("$top/w/src/$_", int(rand 4) . "\n") for 0 .. $SOURCES - 1;

for my $step (1 .. $steps) {
	my @did = map { mutate() } 1 .. 1 + int rand 3;
	write_manifest("$top/w");
	my @args = (chance(0.3) ? '-k' : (), chance(0.2) ? pick(map { $_->{name} } @stages) : (), chance(0.1) ? '--rehash' : (), chance(0.1) ? '--force=' . pick(@stages)->{name} : ());
	my ($status, $said, @ran) = run_in('w', @args);
	print "$step: @did; run @args: status $status, ran @ran\n";
	fail("status $status\n$said") if $status > 1 && $status != 3;
	print $said if $status == 3;
	my $target = (grep { /^s/ } @args)[0];
	remove_tree("$top/fresh");
	make_path("$top/fresh");
	system("cp -R w/src w/pawl.toml fresh/") == 0 or die;
	my ($fresh_status, $fresh_said) = run_in('fresh', grep { !/force|rehash/ } @args);
	fail("status $status, afresh $fresh_status\n$said\n$fresh_said") if ($status == 0) != ($fresh_status == 0);
	compare(outputs('w'), outputs('fresh'), $target) if $status == 0;
	if ($status == 0) {
		my ($again, $text, @more) = run_in('w', defined $target ? $target : ());
		@more = () if grep { $_->{nocache} || $_->{ignore} } @stages;
		fail("another run is status $again and runs @more\n$text") if $again || @more;
		compare(outputs('w'), outputs('fresh'), $target);
	}
	fail("parked is not empty\n$said") if qx(find w/.pawl/parked -mindepth 1 2>/dev/null) ne '';
}
