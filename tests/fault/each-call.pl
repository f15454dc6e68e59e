#!/usr/bin/perl
# each-call.pl WHAT MODE PART KIND...: of each kind of call the n-th fails with one of what WHAT names
# (errnos, short, kill, torn, separated by commas), for PART of its n, see `spaced` in Pipeline.pm. With
# `+` behind WHAT all from the n-th on fail. KIND `any` counts all calls together, `all` is each kind
# that is called. Prints what it did; ends with 1 and the reason when something does not hold, or a
# KIND is never called.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Pipeline;

my ($what, $mode, $part, @kinds) = @ARGV;
my $onwards = $what =~ s/\+$// ? '+' : '';
my @args = ('run', '-j1', '-k');
my $bad = 0;
my $count = count_calls($mode, @args);

sub made_fault {
	my ($rule) = @_;
	seed($mode);
	unlink 'fired';
	my $status = run_pawl({ PAWL_FAULT => $rule, PAWL_FAULT_FILE => '../fired' }, @args);
	# Threads may share out calls in another way.
	return 0 unless -e 'fired';
	eval { expect_safe($status, $mode, $rule); settle($mode, $rule); 1 } or do {
		print "FAILED $@\n";
		exit 1 if ++$bad >= ($ENV{FAULT_BAD} // 1);
	};
	return 1;
}

@kinds = grep { $_ ne 'any' } sort keys %$count if "@kinds" eq 'all';
for my $kind (@kinds) {
	my $most = $count->{$kind} or die "$kind is never called\n";
	my ($from, $made) = (int rand $most, 0);
	for my $name (split /,/, $what) {
		$made += made_fault("$kind:$_$onwards:$name") for spaced($most, $part, $from);
		$from += 1 + int rand $most;
	}
	print "$kind: $most calls, $made faults\n";
}
exit($bad > 0);
