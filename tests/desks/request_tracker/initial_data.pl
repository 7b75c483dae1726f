# Who and what is there before the first ticket.
@Groups = ( { Name => 'Tier1' }, { Name => 'Tier2' } );
@Users = (
    (map { { Name => $_, EmailAddress => "$_\@rt.test", Privileged => 1, Password => 'of-no-use-here' } }
        qw(agent1 agent2 agent3 gone extract narrow)),
    (map { { Name => $_, EmailAddress => "$_\@example.org", Password => 'of-no-use-here' } } qw(cust1 cust2 cust3)),
);
@Queues = ( (map { { Name => $_, SLADisabled => 0 } } qw(Support Network)), { Name => 'Internal', SLADisabled => 1 } );
@CustomFields = (
    (map { { Name => $_, Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket' } } qw(Customer Channel Notes)),
    {   Name   => 'CSAT', Type => 'SelectSingle', LookupType => 'RT::Queue-RT::Ticket',
        Values => [ map { { Name => $_, SortOrder => $_ } } 1 .. 5 ],
    },
);
@Members = (
    (map { { Group => 'Tier1', GroupDomain => 'UserDefined', Class => 'RT::User', Name => $_ } } qw(agent1 agent2)),
    { Group => 'Tier2', GroupDomain => 'UserDefined', Class => 'RT::User', Name => 'agent3' },
);
my @desk = qw(Support Network);
@ACL = (
    (map { my $queue = $_; map { { GroupDomain => 'SystemInternal', GroupType => 'Everyone', Queue => $queue, Right => $_ } }
        qw(CreateTicket ReplyToTicket SeeQueue) } @desk),
    (map { my $queue = $_; map { { GroupDomain => 'SystemInternal', GroupType => 'Everyone', Queue => $queue, Right => $_ } }
        qw(ShowTicket SeeCustomField ModifyCustomField SetInitialCustomField) } @desk),
    (map { my ($queue, $user) = @$_; map { { UserId => $user, Queue => $queue, Right => $_ } }
        qw(ShowTicketComments ModifyTicket OwnTicket CommentOnTicket ReassignTicket DeleteTicket) }
        map { my $queue = $_; map { [ $queue, $_ ] } qw(agent1 agent2 agent3 gone) } @desk),
    (map { { UserId => 'extract', Queue => $_, Right => 'ShowTicketComments' } } @desk),
    (map { { UserId => $_, Right => 'SeeGroup' } } qw(extract narrow)),
);
