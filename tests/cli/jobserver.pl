#!/usr/bin/perl
# What the tests of the jobserver need on the other side.
#
#   serve PIPE|FIFO TOKENS FILE COMMAND…   a jobserver with so many tokens, of different bytes, for
#       one command; the file says at the end which are there, sorted. FIFO is a path. Ends as the
#       command did. Its process id goes to FILE.pid.
#   count DIR FULL      a job: notes in DIR/most how many of its kind run at once at most, and stays
#       until FULL did once (DIR/full), and a little longer, so that more would be seen
#   tokens              prints how many tokens MAKEFLAGS leads to, and how many jobs it speaks of
#   take N              takes N tokens, waits for them, and kills itself
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock F_SETFD F_SETFL F_GETFL);
use POSIX qw(mkfifo :sys_wait_h);

my $mode = shift @ARGV;

# Both ends that MAKEFLAGS names.
sub ends {
    my ($auth) = ($ENV{MAKEFLAGS} // '') =~ /--jobserver-auth=(\S+)/ or die "no jobserver\n";
    my ($in, $out);
    if ($auth =~ /^fifo:(.*)/) {
        open $in, '+<', $1 or die "$1: $!\n";
        return ($in, $in);
    }
    my ($read, $write) = split /,/, $auth;
    open $in, '<&=', $read or die "$read: $!\n";
    open $out, '>&=', $write or die "$write: $!\n";
    return ($in, $out);
}

# All bytes that are there now.
sub all {
    my ($in) = @_;
    my $got = '';
    for (;;) {
        my $set = '';
        vec($set, fileno $in, 1) = 1;
        last unless select $set, undef, undef, 0;
        sysread $in, my $byte, 1 or last;
        $got .= $byte;
    }
    return $got;
}

sub put {
    my ($path, $text) = @_;
    open my $file, '>', "$path.$$" or die "$path: $!\n";
    print $file $text;
    close $file;
    rename "$path.$$", $path or die "$path: $!\n";
}

sub serve {
    my ($kind, $count, $file, @command) = @_;
    my ($in, $out);
    my $tokens = join '', map { chr(ord('a') + $_) } 0 .. $count - 1;
    my $jobs = $count + 1;
    $^F = 1000;    # descriptors are inherited
    if ($kind eq 'PIPE') {
        pipe $in, $out or die "pipe: $!\n";
        $ENV{MAKEFLAGS} = " -j$jobs --jobserver-auth=" . fileno($in) . ',' . fileno($out);
    } else {
        mkfifo $kind, 0600 or die "$kind: $!\n";
        open $in, '+<', $kind or die "$kind: $!\n";
        fcntl $in, F_SETFD, 1;
        $out = $in;
        $ENV{MAKEFLAGS} = " -j$jobs --jobserver-auth=fifo:$kind";
    }
    syswrite $out, $tokens if $count;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for 'INT', 'HUP', 'TERM';
        exec @command or die "$command[0]: $!\n";
    }
    put("$file.pid", $pid);
    waitpid $pid, 0;
    my $status = $?;
    my $blocks = fcntl($in, F_GETFL, 0) & O_NONBLOCK ? 'no' : 'yes';
    put($file, join('', sort split //, all($in)) . " blocks $blocks\n");
    exit(($status & 127) ? 128 + ($status & 127) : $status >> 8);
}

# Changes the number of those that run; the new one.
sub running {
    my ($dir, $change) = @_;
    open my $lock, '>>', "$dir/lock" or die "$dir: $!\n";
    flock $lock, LOCK_EX;
    my %is;
    for my $name ('now', 'most') {
        open my $file, '<', "$dir/$name" or next;
        $is{$name} = <$file>;
    }
    my $now = ($is{now} // 0) + $change;
    put("$dir/now", $now);
    put("$dir/most", $now) if $now > ($is{most} // 0);
    return $now;
}

sub count {
    my ($dir, $full) = @_;
    my $tries = 0;
    put("$dir/full", '') if running($dir, 1) >= $full;
    until (-e "$dir/full" or $tries++ > 2000) { select undef, undef, undef, 0.005 }
    select undef, undef, undef, 0.05;
    running($dir, -1);
}

sub tokens {
    my ($in, $out) = ends();
    my $got = all($in);
    syswrite $out, $got if length $got;
    my ($jobs) = $ENV{MAKEFLAGS} =~ / -j(\d+)/;
    printf "%d of -j%s\n", length $got, $jobs // '';
}

sub take {
    my ($count) = @_;
    my ($in) = ends();
    while ($count > 0) {
        my $set = '';
        vec($set, fileno $in, 1) = 1;
        select $set, undef, undef, 10 or die "no token came\n";
        $count-- if sysread $in, my $byte, 1;
    }
    kill 'KILL', $$;
}

if ($mode eq 'serve') { serve(@ARGV) }
elsif ($mode eq 'count') { count(@ARGV) }
elsif ($mode eq 'tokens') { tokens() }
elsif ($mode eq 'take') { take(@ARGV) }
else { die "jobserver.pl: what is '$mode'?\n" }
