# What the tests of faults and crashes share: a pipeline that takes every way through pawl, in three
# states, and what must hold after a run of it that was disturbed.
#
#   seed      a good run with the old manifest; then an output is removed, one is somebody's file
#   disturb   the new manifest is run with a fault
#   settle    it is run again, undisturbed
#
# All in the folder `w` of the current one. `mode` says how a run of the new pipeline ends if nothing
# disturbs it:
#
#   good         each stage succeeds
#   bad          one fails
#   late         one is ended by its timeout
#   INT, TERM    pawl gets this signal while a command runs, and others wait
#   mounted      good, and two outputs are mount points; only in a namespace where this may mount
package Pipeline;
use strict;
use warnings;
use Cwd;
use Digest::SHA;
use Exporter 'import';
use File::Find;
use File::Path qw(remove_tree);
use POSIX qw(:sys_wait_h setpgid);

our @EXPORT = qw(seed run_pawl settle expect_safe expect_power_safe spaced put_file get_file count_calls
	is_right_end problem);
my $pawl = $ENV{PAWL} or die "PAWL is not set\n";
my $LIMIT_S = 60;
my $said = '';

# The status of an undisturbed run; all but the first and last have a stage `e` that fails until the
# file `good` is there.
my %END = (good => 0, bad => 1, late => 7, INT => 130, TERM => 143, mounted => 0);
my %FAILS = (
	bad => '[ -e good ]',
	late => '[ -e good ] || exec sleep 300',
	INT => '[ -e good ] || { kill -s INT "$(cat ../pid)"; exec sleep 300; }',
	TERM => '[ -e good ] || { kill -s TERM "$(cat ../pid)"; exec sleep 300; }'
);
my @MOUNTS = ('w/b', 'w/f');

sub said { $said }

sub put_file {
	my ($path, $text) = @_;
	open my $out, '>', $path or die "$path: $!";
	print $out $text;
	close $out or die "$path: $!";
}

sub get_file {
	my ($path) = @_;
	open my $in, '<', $path or return undef;
	local $/;
	return scalar <$in>;
}

sub manifest {
	my ($word, $mode) = @_;
	my $text = <<"END";
[pipeline]
name = "fault"
[[on.stage_finished]]
run = "cat >>../told"
[[on.completed]]
run = ["sh", "-c", "cat >>../told"]
[stage.a]
run = "echo $word"
stdout = "a"
[stage.b]
inputs = ["a"]
run = "mkdir -p b/s; cat a > b/1; cat a a > b/s/2; ln -s 1 b/l"
outputs = ["b/"]
[stage.d]
run = "echo d > d"
outputs = ["d"]
[stage.f]
inputs = ["src"]
run = "mkdir -p f; cp src f/1; cp src f/2"
outputs = ["f/"]
[stage.g]
inputs = ["a"]
run = "{ cat a; seq 50000; } > g"
outputs = ["g"]
[stage.k]
inputs = ["a"]
run = "cat a > k; echo done >>../outside"
outputs = ["k"]
compensate = "echo undone >>../outside"
[stage.m]
inputs = ["a"]
run = "cat a hdr > m; echo 'm: a hdr' > m.d"
outputs = ["m"]
depfile = "m.d"
[stage.p]
inputs = ["a"]
run = '''
d=\$PAWL_CHECKPOINT_DIR
save() { "\$PAWL" checkpoint || :; }
[ -e "\$d/1" ] || { mkdir "\$d/s"; ln -s ../1 "\$d/s/l"; cat a > "\$d/1"; save; }
cat a > "\$d/2"; save
cat "\$d/1" "\$d/2" > p
'''
outputs = ["p"]
checkpoint = { every = "0s", required = true }
[stage.t]
inputs = ["a"]
run = "cat a > t"
outputs = [{ path = "t", temp = true }]
[stage.u]
inputs = ["t", "b/*"]
run = "cat t b/1; echo note >&2"
stdout = "u"
END
	return $text if $word eq 'old';
	$text .= <<'END';
[stage.c]
inputs = ["b/"]
run = "cat b/1 b/s/2 > c; echo x > c2"
outputs = ["c", "c2"]
END
	return $text unless $FAILS{$mode};
	$text .= <<"END";
[stage.e]
inputs = ["a", "b/1"]
run = '''echo partial > e; $FAILS{$mode}; cat a > e'''
outputs = ["e"]
priority = 5
END
	return $mode eq 'late' ? $text . qq(timeout = "50ms"\n) : $text;
}

sub unmount {
	my $mounts = get_file('/proc/self/mounts') // '';
	my ($here) = getcwd();
	for my $at (@MOUNTS) {
		system('umount', $at) == 0 or die "$at: cannot unmount" if $mounts =~ m{ \Q$here/$at\E };
	}
}

sub mount {
	for my $at (@MOUNTS) {
		mkdir $at or die "$at: $!";
		system('mount', '-t', 'tmpfs', 'none', $at) == 0 or die "$at: cannot mount";
	}
}

# The end of `pawl ARGS` in w: its status as a shell has it, or `hangs`. Another environment first.
sub run_pawl {
	my ($env, @args) = @_;
	my $status;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		setpgid(0, 0);
		put_file('pid', $$);
		$SIG{$_} = 'DEFAULT' for qw(INT TERM);
		chdir 'w' or die "w: $!";
		%ENV = (%ENV, %$env);
		open STDOUT, '>', '../said' or die;
		open STDERR, '>&', \*STDOUT or die;
		exec { $pawl } $pawl, @args;
		die "$pawl: $!";
	}
	eval {
		local $SIG{ALRM} = sub { die "hangs\n" };
		alarm $LIMIT_S;
		waitpid $pid, 0;
		$status = $?;
		alarm 0;
	};
	if (!defined $status) {
		kill 'KILL', -$pid;
		waitpid $pid, 0;
	}
	$said = get_file('said') // '';
	return 'hangs' unless defined $status;
	return WIFSIGNALED($status) ? 128 + WTERMSIG($status) : WEXITSTATUS($status);
}

my %OLD = (
	a => "old\n", 'b/1' => "old\n", 'b/s/2' => "old\nold\n", d => "d\n", 'f/1' => "src\n", 'f/2' => "src\n",
	k => "old\n", p => "old\nold\n", m => "old\nhdr\n", u => "old\nold\n", g => "old\n" . join('', map { "$_\n" } 1 .. 50000)
);
my %NEW = (
	a => "new\n", 'b/1' => "new\n", 'b/s/2' => "new\nnew\n", d => "d\n", 'f/1' => "src\n", 'f/2' => "src\n",
	k => "new\n", p => "new\nnew\n", m => "new\nhdr\n", u => "new\nnew\n", g => "new\n" . join('', map { "$_\n" } 1 .. 50000),
	c => "new\nnew\nnew\n", c2 => "x\n"
);
# Good once, by what made it; where an output is gone its bytes must lie elsewhere.
my @GOOD = map { Digest::SHA::sha256_hex($OLD{$_}) } sort keys %OLD;

sub seed {
	my ($mode, $env) = @_;
	unmount() if $mode eq 'mounted';
	remove_tree('w');
	unlink 'told', 'outside';
	mkdir 'w' or die "w: $!";
	mount() if $mode eq 'mounted';
	put_file('w/src', "src\n");
	put_file('w/hdr', "hdr\n");
	put_file('w/e', "mine too\n") if $FAILS{$mode};
	put_file('w/pawl.toml', manifest('old', $mode));
	my $status = run_pawl($env // {}, 'run', '-q');
	die "the seed ends with $status: $said" if $status ne '0';
	unlink 'w/d', 'w/f/1';
	put_file('w/c', "mine\n");
	put_file('w/pawl.toml', manifest('new', $mode));
}

# What somebody has at outputs.
sub mine {
	my ($mode) = @_;
	return ("mine\n", $FAILS{$mode} ? "mine too\n" : ());
}

# Fails the test that is made, with all that is known.
sub problem {
	my ($what) = @_;
	die "$what\n--- pawl said:\n$said\n--- files:\n" . join('', map { "$_\n" } sort(files('w')));
}

sub files {
	my ($top) = @_;
	my @found;
	find({ no_chdir => 1, wanted => sub { push @found, $_ unless -d && !-l } }, $top) if -e $top;
	return @found;
}

# Every digest of every file.
sub digests {
	my %has;
	for my $path (files('w')) {
		next if -l $path || !-f $path;
		$has{ Digest::SHA->new(256)->addfile($path)->hexdigest } = $path;
	}
	return \%has;
}

sub expect_objects {
	for my $path (files('w/.pawl/objects')) {
		my $name = $path;
		$name =~ s{.*/objects/}{};
		$name =~ tr{/}{}d;
		my $is = Digest::SHA->new(256)->addfile($path)->hexdigest;
		problem("object $name has the bytes of $is") if $name ne $is;
	}
}

# Whether a run with this fault may end so: what changes nothing ends as if it were not there; a sync that
# fails is told, but for a run that a signal ended.
sub is_right_end {
	my ($status, $mode, $rule) = @_;
	my ($what) = $rule =~ /:(\w+)$/;
	return $status eq $END{$mode} if $what =~ /^(?:EINTR|short|pass)$/;
	return $status eq '137' || $status eq $END{$mode} if $what =~ /^(?:kill|torn)$/;
	return $status eq '11' || $mode =~ /^(?:INT|TERM)$/ && $status eq $END{$mode} if $rule =~ /^syncfs:/;
	return $status =~ /^(?:1|11|12|13|$END{$mode})$/;
}

# What holds after a run with a fault, whatever its end.
sub expect_safe {
	my ($status, $mode, $rule) = @_;
	problem("$rule: the status is $status") unless is_right_end($status, $mode, $rule);
	my $has = digests();
	expect_outside($status, $rule);
	for my $path (sort keys %NEW) {
		my $text = get_file("w/$path");
		problem("$rule: status 0 without $path") if $status eq '0' && !defined $text;
		problem("$rule: status 0, and $path is wrong") if $status eq '0' && $text ne $NEW{$path};
		next if $status eq '137' || $status eq '11' || !defined $text;
		problem("$rule: $path is neither old nor new")
			if $text ne $NEW{$path} && $text ne ($OLD{$path} // "mine\n");
	}
	for my $i (0 .. $#GOOD) {
		problem("$rule: the old " . (sort keys %OLD)[$i] . " is gone") unless $has->{ $GOOD[$i] };
	}
	for my $text (mine($mode)) {
		problem("$rule: somebody's file is gone: $text") unless $has->{ Digest::SHA::sha256_hex($text) };
	}
	# A disk that fails while outputs return is 11, but for a run that a signal ended.
	my $may_lie = $status =~ /^(?:137|11)$/ || $mode =~ /^(?:INT|TERM)$/ && $rule =~ /:E(?!INTR)\w+$/;
	problem("$rule: a partial output lies at its place")
		if !$may_lie && (get_file('w/e') // '') eq "partial\n";
	expect_objects();
}

# What holds as soon as the power is back: what was named in objects/ is right, and nothing that was
# good before the run is gone.
sub expect_power_safe {
	my ($mode, $rule) = @_;
	expect_objects();
	my $has = digests();
	for my $i (0 .. $#GOOD) {
		problem("$rule: the old " . (sort keys %OLD)[$i] . " is lost") unless $has->{ $GOOD[$i] };
	}
	for my $text (mine($mode)) {
		problem("$rule: somebody's file is lost: $text") unless $has->{ Digest::SHA::sha256_hex($text) };
	}
}

# What stage k did outside stays if the run was good; if it failed, it is undone or k did not run in it.
sub expect_outside {
	my ($status, $rule) = @_;
	my @did = split /\n/, get_file('outside') // '';
	problem("$rule: the status is 0, and k did: @did") if $status eq '0' && $did[-1] ne 'done';
	problem("$rule: the status is $status, and k did: @did")
		if $status =~ /^[17]$/ && @did > 1 && $did[-1] ne 'undone';
}

# No hook was told of an event twice, and of each run they were told all. That another took its place is
# told to nobody.
sub expect_told {
	my ($rule) = @_;
	my %times;
	$times{$_}++ for grep { length } split /^/, get_file('told') // '';
	for my $line (sort keys %times) {
		problem("$rule: told $times{$line} times: $line") if $times{$line} > 1 && !$ENV{PAWL_FAULT_BOOT};
	}
	for my $path (grep { m{/runs/[^/]*/events\.jsonl$} } files('w')) {
		next if !length get_file($path); # the power took all of it
		problem("$rule: not all of $path was told") unless get_file($path) =~
			/"type":"hooks\.told"[^\n]*\n(?:[^\n]*"type":"run\.abandoned"[^\n]*\n)?\z/;
	}
}

# As it was made, or gone.
sub temporary_is_right { (get_file('w/t') // "new\n") eq "new\n" }

# Where nobody needs the temporary output any more a power cut may leave what the disk had of it: a file that no
# result names, as any that lies there. It must be read by nobody.
sub expect_temporary {
	my ($rule) = @_;
	if ($ENV{PAWL_FAULT_BOOT} && !temporary_is_right()) {
		my $status = run_pawl({}, 'run', '--force=u');
		problem("$rule: who reads what is left of t ends with $status") if $status ne '0';
		problem("$rule: u was made of what was left of t") if get_file('w/u') ne $NEW{u};
	}
	problem("$rule: then t is wrong") unless temporary_is_right();
}

# The next run, as if nothing had been.
sub settle {
	my ($mode, $rule) = @_;
	my $status = run_pawl({}, 'run');
	if ($FAILS{$mode}) {
		problem("$rule: the next run ends with $status") if $status ne $END{$mode};
		problem("$rule: a partial output lies at its place after the next run")
			if (get_file('w/e') // '') eq "partial\n";
		put_file('w/good', '');
		# No machine is that slow.
		put_file('w/pawl.toml', manifest('new', $mode) =~ s/50ms/10m/r);
		$status = run_pawl({}, 'run');
	}
	problem("$rule: the next good run ends with $status") if $status ne '0';
	expect_outside($status, $rule);
	for my $path (sort keys %NEW) {
		problem("$rule: then $path is wrong") if (get_file("w/$path") // '') ne $NEW{$path};
	}
	problem("$rule: then e is wrong") if $FAILS{$mode} && get_file('w/e') ne "new\n";
	problem("$rule: then b/l is no link") if (readlink('w/b/l') // '') ne '1';
	expect_temporary($rule);
	# What a failing disk left to be removed may lie there until the next run that does anything.
	$status = run_pawl({}, 'run', '--force=d');
	problem("$rule: one more run ends with $status") if $status ne '0';
	my @left = grep { m{/\.pawl-|/\.pawl/(?:parked|tmp)/} } files('w');
	# What was being copied to kept/ stays there.
	@left = grep { !m{/kept/} } @left if $mode eq 'mounted';
	problem("$rule: then there is @left") if @left;
	# After a power cut that took the parking and left its record, the file was still at its place,
	# with the times of this copy of the disk: it counts as what the attempt left.
	my $places = $ENV{PAWL_FAULT_BOOT} ? 'kept|failed' : 'kept';
	my $kept = join "\n", map { get_file($_) } grep { m{/(?:$places)/.*/[ce](?:\.\d+)?$} } files('w');
	problem("$rule: then somebody's file is not in kept/") if $kept !~ /^mine$/m || $FAILS{$mode} && $kept !~ /^mine too$/m;
	expect_objects();
	expect_told($rule);
	$status = run_pawl({}, 'plan', '--check');
	problem("$rule: then plan --check ends with $status") if $status ne '0';
	$status = run_pawl({}, 'status');
	problem("$rule: then status ends with $status") if $status ne '0';
	expect_nothing_twice($mode, $rule) if $rule =~ /:(?:kill|torn)$/;
}

# No instance starts again with the same inputs after its end was recorded as done.
sub expect_nothing_twice {
	my ($mode, $rule) = @_;
	my %done;
	my @runs = sort glob 'w/.pawl/runs/*/events.jsonl';
	shift @runs; # the seed
	pop @runs; # --force
	for my $line (map { split /^/, get_file($_) } @runs) {
		$done{k} = 0 if $line =~ /"type":"compensation.finished".*"state":"compensated"/;
		my ($type, $instance) = $line =~ /"type":"(attempt\.\w+)".*"instance":"([^"]*)"/ or next;
		problem("$rule: $instance runs twice") if $type eq 'attempt.started' && $done{$instance};
		$done{$instance} = 1 if $line =~ /"state":"done"/ || $type eq 'attempt.lost' && $line =~ /is recorded/;
	}
}

# How many calls of each kind the run with the new manifest makes, and of `any` kind.
sub count_calls {
	my ($mode, @args) = @_;
	my %count = (any => 0);
	seed($mode);
	unlink 'fired';
	run_pawl({ PAWL_FAULT => 'any:1+:pass', PAWL_FAULT_FILE => '../fired' }, @args);
	$count{$_}++, $count{any}++ for get_file('fired') =~ / (\w+)$/mg;
	return \%count;
}

# Some of 1 … count, evenly, from `from` on: twice the root of `count`, by `part`. All with FAULT_LONG=1.
sub spaced {
	my ($count, $part, $from) = @_;
	return 1 .. $count if $ENV{FAULT_LONG} || !$count;
	my $step = $count / (1 + int($part * 2 * sqrt $count));
	$step = 1 if $step < 1;
	return map { 1 + int(($from % $count) / $count * $step + $_ * $step) } 0 .. int($count / $step) - 1;
}

1;
