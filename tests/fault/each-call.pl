#!/usr/bin/perl
# each-call.pl WHAT MODE MOST KIND...: of each kind of call the n-th fails with one of what WHAT
# names (errnos, short, kill, torn, separated by commas), for at most MOST n each; see Pipeline.pm. With
# `+` behind WHAT all from the n-th on fail. KIND `all` is every kind that is called at all. Prints
# what it did; ends with 1 and the reason when something does not hold.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Pipeline;

my ($what, $mode, $most, @kinds) = @ARGV;
my $onwards = $what =~ s/\+$// ? '+' : '';
my @args = ('run', '-j1', '-k');
my $bad = 0;

for my $kind (@kinds) {
	my $count = count_calls($kind, $mode, @args);
	my $from = 0;
	my $made = 0;
	for my $name (split /,/, $what) {
		for my $n (spaced($count, $most, $from)) {
			my $rule = "$kind:$n$onwards:$name";
			seed($mode);
			unlink 'fired';
			my $status = run_pawl({ PAWL_FAULT => $rule, PAWL_FAULT_FILE => '../fired' }, @args);
			# Threads may share out calls in another way.
			next unless -e 'fired';
			$made++;
			eval { expect_safe($status, $mode, $rule); settle($mode, $rule); 1 } and next;
			print "FAILED $@\n";
			$bad++;
			exit 1 if $bad >= ($ENV{FAULT_BAD} // 1);
		}
		$from += 1 + int(rand(1 + $count / $most));
	}
	print "$kind: $count calls, $made faults\n";
}
exit($bad > 0);
