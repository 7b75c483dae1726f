-- A name in the ledger is what its writer gave. Beside it stands what the database knows by itself: as whom the session
-- signed in. session_user is that login, whatever role is set, and whatever the writer says.

create function ledger.note_login() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    new.signed_in_as := session_user;
    return new;
end
$$;
do $$
declare
    act text;
begin
    foreach act in array array[
        'contract_submission', 'contract_approval', 'charge_import', 'charge_approval', 'request', 'ruling',
        'first_approval', 'decision'
    ] loop
        execute 'alter table ledger.' || quote_ident(act) || ' add column signed_in_as name';
        execute 'create trigger note_login before insert on ledger.' || quote_ident(act)
            || ' for each row execute function ledger.note_login()';
        execute 'alter table ledger.' || quote_ident(act) || ' enable always trigger note_login';
    end loop;
end
$$;
