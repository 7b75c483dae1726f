-- A contract's version prices nothing until a second person has approved its terms as they are written.
-- terms is canonical JSON of the file's words: `contract` (what holds for every version) and `version` (its block).
-- Both tables are append-only. The newest approval of a version is the one that holds.

-- Grain: one row a time that somebody put terms forward.
create table ledger.contract_submission (
    submission_no bigint generated always as identity primary key,
    contract text not null,
    version integer not null check (version > 0),
    effective_from date not null,
    author text not null check (btrim(author) <> ''),
    terms text not null,
    terms_sha256 text not null,
    submitted_by text not null check (btrim(submitted_by) <> ''),
    comment text not null,
    submitted_at timestamptz not null,
    check (terms_sha256 = encode(sha256(convert_to(terms, 'UTF8')), 'hex')),
    check (contract = terms::jsonb #>> '{contract,contract}'),
    check (version = (terms::jsonb #>> '{version,number}')::integer),
    check (effective_from = (terms::jsonb #>> '{version,effective_from}')::date),
    check (author = terms::jsonb #>> '{version,author}')
);
create index contract_submission_by_version on ledger.contract_submission (contract, version);

-- Grain: one row an approved submission. approval_no is the order in which versions were approved.
create table ledger.contract_approval (
    submission_no bigint primary key references ledger.contract_submission (submission_no),
    approval_no bigint generated always as identity unique,
    approved_by text not null check (btrim(approved_by) <> ''),
    comment text not null,
    approved_at timestamptz not null
);

-- What is approved now. Grain: one row a version of a contract: its newest approval.
create view ledger.approved_version as
select distinct on (submission.contract, submission.version)
    submission.contract,
    submission.version,
    submission.effective_from,
    submission.author,
    submission.terms,
    submission.terms_sha256,
    submission.submitted_by,
    submission.submitted_at,
    approval.approved_by,
    approval.approved_at,
    approval.comment
from ledger.contract_submission as submission
inner join ledger.contract_approval as approval on submission.submission_no = approval.submission_no
order by submission.contract asc, submission.version asc, approval.approval_no desc;

-- Held while a contract's terms are submitted, approved, drafted from or posted.
create function ledger.lock_terms(contract text) returns void
language sql as $$
    select pg_advisory_xact_lock(hashtextextended('ledger.terms|' || contract, 0))
$$;

-- What a used version can never change again: all but names, who reviews, where and when its months are read, and their
-- end.
create function ledger.binding_terms(terms text) returns jsonb
language sql immutable as $$
    select terms::jsonb #- '{contract,title}' #- '{contract,parties}' #- '{contract,sources}' #- '{contract,backs}'
        #- '{contract,period,close_after}' #- '{contract,ends_on}' #- '{contract,review}'
$$;

create function ledger.refuse_submission() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    used text;
begin
    perform ledger.lock_terms(new.contract);
    select min(posting.statement_number) into used
    from ledger.posting as posting
    cross join lateral jsonb_array_elements(posting.terms -> 'approvals') as approved (terms)
    inner join ledger.contract_submission as submission
        on posting.contract = submission.contract
        and (approved.terms ->> 'version')::integer = submission.version
        and approved.terms ->> 'terms_sha256' = submission.terms_sha256
    where
        posting.contract = new.contract
        and submission.version = new.version
        and ledger.binding_terms(submission.terms) <> ledger.binding_terms(new.terms);
    if used is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'version ' || new.version || ' of ' || new.contract || ' refused: statement ' || used
                || ' used it, so it can never change',
            hint = 'Write the change as a new version.';
    end if;
    return new;
end
$$;
create trigger refuse_submission before insert on ledger.contract_submission
for each row execute function ledger.refuse_submission();
alter table ledger.contract_submission enable always trigger refuse_submission;

create function ledger.refuse_approval() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    submission ledger.contract_submission;
    fault text;
begin
    select * into submission from ledger.contract_submission as s where s.submission_no = new.submission_no;
    perform ledger.lock_terms(submission.contract);
    fault := case
        when submission.submission_no is null then 'there is no such submission'
        when ledger.folded(new.approved_by) = '' then 'the approval names nobody'
        when ledger.folded(new.approved_by) = ledger.folded(submission.author)
            then new.approved_by || ' wrote the version and cannot approve it'
        when ledger.folded(new.approved_by) = ledger.folded(submission.submitted_by)
            then new.approved_by || ' submitted the version and cannot approve it'
        when exists (
            select from ledger.contract_submission as s
            where
                s.contract = submission.contract
                and s.version = submission.version
                and s.submission_no > submission.submission_no
        ) then 'newer terms of this version were submitted since'
    end;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'approval of submission ' || coalesce(new.submission_no::text, 'null') || ' refused: ' || fault;
    end if;
    return new;
end
$$;
create trigger refuse_approval before insert on ledger.contract_approval
for each row execute function ledger.refuse_approval();
alter table ledger.contract_approval enable always trigger refuse_approval;

-- No draft and no posting, by any role, of a version whose approval is not the one that holds.
create function ledger.refuse_unapproved_terms() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    stated jsonb := case when jsonb_typeof(new.terms -> 'approvals') = 'array' then new.terms -> 'approvals' end;
    fault text;
begin
    perform ledger.lock_terms(new.contract);
    fault := case
        when not coalesce(stated @> jsonb_build_array(jsonb_build_object('version', new.version)), false)
            then 'version ' || new.version || ' is not approved'
        else (
            select min('version ' || (approval.terms ->> 'version') || ' is not approved as it stands')
            from jsonb_array_elements(stated) as approval (terms)
            left join ledger.approved_version as approved
                on
                    approved.contract = new.contract
                    and approved.version = (approval.terms ->> 'version')::integer
                    and approved.terms_sha256 = approval.terms ->> 'terms_sha256'
            where approved.contract is null
        )
    end;
    if fault is not null then
        raise exception using
            errcode = 'restrict_violation',
            message = 'ledger.' || tg_table_name || ' of ' || new.contract || ' refused: ' || fault,
            hint = 'Only versions that a second person approved are priced: deskledger contracts submit, approve.';
    end if;
    return new;
end
$$;
do $$
declare
    guarded text;
begin
    foreach guarded in array array['draft', 'posting'] loop
        execute 'create trigger refuse_unapproved_terms before insert on ledger.' || quote_ident(guarded)
            || ' for each row execute function ledger.refuse_unapproved_terms()';
        execute 'alter table ledger.' || quote_ident(guarded) || ' enable always trigger refuse_unapproved_terms';
    end loop;
end
$$;
call ledger.guard('contract_submission');
call ledger.guard('contract_approval');

grant select on ledger.contract_submission, ledger.contract_approval, ledger.approved_version to finance;
grant insert on ledger.contract_submission, ledger.contract_approval to finance;
