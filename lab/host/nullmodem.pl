#!/usr/bin/perl
# A serial null modem for two nodes: two pseudo terminals with their bytes crossed.
#
# Prints the two slave paths on one line, then reads commands from stdin, each answered 'ok':
# 'cut' (bytes are lost both ways), 'heal'. Ends when stdin ends.
#
# Like a real line it keeps nothing for a listener who is not there: bytes that the node's kernel
# has not taken for STALE_S seconds (it is off, or hangs) are thrown away, so that a node which
# boots or thaws does not hear minutes-old frames. What a running kernel has taken for a port that
# no program has open, up to 64 KB, is its own: programs flush it when they open the port.
use strict;
use warnings;
use POSIX ();
use Fcntl qw(O_RDWR O_NOCTTY O_NONBLOCK F_GETFL F_SETFL);
use Time::HiRes qw(time);

use constant {
  TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430,
  FIONREAD => 0x541B, TCFLSH => 0x540B, TCIFLUSH => 0,
  STALE_S => 1.0, POLL_S => 0.25, CHUNK_BYTES => 4096,
};

sub open_end {
  sysopen(my $master, '/dev/ptmx', O_RDWR | O_NOCTTY) or die "open /dev/ptmx: $!\n";
  my $word = pack('i', 0);
  ioctl($master, TIOCSPTLCK, $word) or die "unlock pty: $!\n";
  ioctl($master, TIOCGPTN, $word) or die "name pty: $!\n";
  my $path = '/dev/pts/' . unpack('i', $word);
  # Kept open: a pty whose last user closes it would hang up on the other side.
  sysopen(my $slave, $path, O_RDWR | O_NOCTTY) or die "open $path: $!\n";
  my $mode = POSIX::Termios->new;
  $mode->getattr(fileno $slave);
  $mode->setiflag(0);
  $mode->setoflag(0);
  $mode->setlflag(0);
  $mode->setcflag(POSIX::CS8() | POSIX::CREAD() | POSIX::CLOCAL());
  $mode->setcc(POSIX::VMIN(), 1);
  $mode->setcc(POSIX::VTIME(), 0);
  defined $mode->setattr(fileno($slave), POSIX::TCSANOW()) or die "set $path raw: $!\n";
  fcntl($master, F_SETFL, fcntl($master, F_GETFL, 0) | O_NONBLOCK);
  return { master => $master, slave => $slave, path => $path, read_at => time };
}

# Throws away what the node behind this end has left unread for too long.
sub drop_stale {
  my ($end) = @_;
  my $unread = pack('i', 0);
  ioctl($end->{slave}, FIONREAD, $unread);
  my $bytes = unpack('i', $unread);
  if ($bytes == 0) { $end->{read_at} = time; return; }
  return if time - $end->{read_at} < STALE_S;
  ioctl($end->{slave}, TCFLSH, TCIFLUSH);
  $end->{read_at} = time;
}

my @ends = (open_end(), open_end());
my $forwarding = 1;
my %commands = (cut => sub { $forwarding = 0 }, heal => sub { $forwarding = 1 });
$| = 1;
print "$ends[0]{path} $ends[1]{path}\n";

while (1) {
  my $ready = '';
  vec($ready, fileno($_), 1) = 1 for *STDIN, map { $_->{master} } @ends;
  my $count = select($ready, undef, undef, POLL_S);
  drop_stale($_) for @ends;
  next if $count <= 0;
  for my $from (0, 1) {
    next unless vec($ready, fileno($ends[$from]{master}), 1);
    my $bytes = sysread($ends[$from]{master}, my $chunk, CHUNK_BYTES);
    syswrite($ends[1 - $from]{master}, $chunk) if $bytes && $forwarding;
  }
  next unless vec($ready, fileno(STDIN), 1);
  exit 0 unless sysread(STDIN, my $line, 256);
  for my $word (split ' ', $line) {
    print $commands{$word} ? ($commands{$word}->(), "ok\n")[-1] : "unknown command $word\n";
  }
}
