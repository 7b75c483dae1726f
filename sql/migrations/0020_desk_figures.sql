-- What the desk itself says of its tickets, to be held against ours: its counts.

-- Grain: one count, each time the desk gave it: of its tickets created in [created_from, created_before), or up to the
-- number last_ticket. Deleted tickets are in none.
create table core.desk_count (
    source text not null,
    what text not null,
    counted_at timestamptz not null,
    created_from timestamptz,
    created_before timestamptz,
    last_ticket bigint,
    tickets bigint not null,
    landed_at timestamptz not null,
    constraint desk_count_key primary key (source, what, counted_at)
);

grant select, insert, update, delete, truncate on core.desk_count to loader;
grant select on core.desk_count to finance;
