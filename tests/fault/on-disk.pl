#!/usr/bin/perl
# on-disk.pl begins|ended|failed: called by pawl (PAWL_FAULT_SYNC) in a workspace around each syncfs. What
# there is at `begins` is on the disk once `ended` is told: it is copied to $ON_DISK.next, which
# then takes the place of $ON_DISK. With LOSE_WRITES=SALT a sync that failed has lost bytes of all that was
# written since. See PowerCut.pm.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PowerCut;

my $disk = $ENV{ON_DISK} or exit 1;
take_picture('.', "$disk.next") if $ARGV[0] eq 'begins';
if ($ARGV[0] eq 'ended') {
	system('rm', '-rf', $disk);
	rename "$disk.next", $disk or die "$disk: $!";
}
if ($ARGV[0] eq 'failed' && $ENV{LOSE_WRITES}) {
	srand $ENV{LOSE_WRITES};
	lose_writes('.', $disk);
}
