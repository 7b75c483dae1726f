-- Who may read which marts: a reader sees a contract's months only if every account of it was granted to that reader.

-- Grain: one account that a contract is about; '*' for a contract of every account of its sources. Written with the
-- marts, from the contract as it stands.
create table mart.contract_account (
    contract text not null,
    account text not null,
    constraint contract_account_key primary key (contract, account)
);

-- Grain: one account that a role may read; '*' is every account. The role is a user's, or one of which users are
-- members.
create table mart.reader_grant (
    reader name not null,
    account text not null check (account <> ''),
    granted_by name not null default session_user,
    granted_at timestamptz not null default now(),
    constraint reader_grant_key primary key (reader, account)
);

-- The figures of a contract are sums over all of its accounts: they are for those who may see every one. session_user
-- is who logged in, whatever role is set and whoever owns the function.
create function mart.may_read(asked text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    with granted as (
        select g.account
        from mart.reader_grant as g
        inner join pg_roles as r on g.reader = r.rolname
        where pg_has_role(session_user, r.oid, 'member')
    ),

    covered as (
        select a.account, exists (select from granted as g where g.account in (a.account, '*')) as is_granted
        from mart.contract_account as a
        where a.contract = asked
    )

    select coalesce(bool_and(covered.is_granted), false) from covered
$$;
revoke execute on function mart.may_read(text) from public;
grant execute on function mart.may_read(text) to reader;

alter table mart.service_level_month enable row level security;
create policy by_account on mart.service_level_month for select to reader using (mart.may_read(contract));
create policy everything on mart.service_level_month to loader, finance using (true) with check (true);

alter table mart.statement_month enable row level security;
create policy by_account on mart.statement_month for select to reader using (mart.may_read(contract));
create policy everything on mart.statement_month to loader, finance using (true) with check (true);

grant select, insert, update, delete on mart.contract_account to loader, finance;
grant select, insert, delete on mart.reader_grant to finance;

-- Marts have no suite: what cannot be is refused here.
alter table mart.service_level_month
add constraint service_level_month_period check (period ~ '^\d{4}-(0[1-9]|1[0-2])$'),
add constraint service_level_month_counts check (least(sample, met_tickets, failed_tickets) >= 0);
alter table mart.statement_month
add constraint statement_month_period check (period ~ '^\d{4}-(0[1-9]|1[0-2])$'),
add constraint statement_month_levels check (levels_missed between 0 and levels),
add constraint statement_month_draft check ((draft_id is null) = (credit_amount is null)),
add constraint statement_month_incomplete check (incomplete_tickets >= 0);
