# One authentication token for each user that is named, as "name token".
use lib '/usr/share/request-tracker5/lib';
use RT;
RT::LoadConfig();
RT::Init();
for my $name (@ARGV) {
    my $user = RT::User->new(RT->SystemUser);
    $user->Load($name);
    my ($made, $why, $token) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $user->id, Description => 'test');
    die "$name: $why" unless $made;
    print "$name $token\n";
}
