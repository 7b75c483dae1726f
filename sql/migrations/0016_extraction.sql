-- Extraction over HTTP: where each stream stands, what was asked, when an account may be asked again, which fields a
-- desk sends; and the pseudonyms of people and texts (schema personal).

-- Grain: one stream of one pull of a source. pull is `daily`, `full`, or the window that is pulled again; rows of the
-- last two are there only while their pull runs. cursor is the stream's own words; version rises with every step, so
-- that two runs cannot both take the same one. complete_until is as the last end said, and stands while a later pull
-- runs; ended_at is the desk's clock then.
create table quality.cursor (
    source text not null,
    pull text not null,
    stream text not null,
    section text not null,
    cursor jsonb,
    version bigint not null default 0,
    is_end boolean not null default false,
    ended_at timestamptz,
    complete_until timestamptz,
    pages bigint not null default 0,
    records bigint not null default 0,
    updated_at timestamptz not null,
    constraint cursor_key primary key (source, pull, stream),
    constraint cursor_not_negative check (least(version, pages, records) >= 0)
);

-- Grain: the newest answer to one request of a stream. records_sha256 is of its records alone: the same answer again
-- is not landed again. total is the desk's own count of what was asked, where it gives one. number counts the
-- stream's answers; the file of an answer with records is named after it.
create table quality.answered (
    source text not null,
    stream text not null,
    request_sha256 text not null,
    request text not null,
    number bigint not null check (number > 0),
    records bigint not null check (records >= 0),
    records_sha256 text not null,
    total bigint,
    answered_at timestamptz not null,
    constraint answered_key primary key (source, stream, request_sha256)
);
create index answered_number on quality.answered (source, stream, number);

-- Grain: one account at a desk, by its base URL. Nothing is asked of it before not_before.
create table quality.account_hold (
    account text not null,
    not_before timestamptz not null,
    reason text not null,
    noted_at timestamptz not null,
    constraint account_hold_key primary key (account)
);

-- Grain: one field that a stream's records have had, kept or not. kinds are the kinds of JSON that its values had.
create table quality.schema_field (
    source text not null,
    stream text not null,
    path text not null,
    kinds text[] not null,
    is_kept boolean not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    constraint schema_field_key primary key (source, stream, path)
);

grant select, insert, update, delete on
quality.cursor, quality.answered, quality.account_hold, quality.schema_field to loader;
grant select on quality.cursor, quality.answered, quality.account_hold, quality.schema_field to finance;

-- What stands for a person or for what somebody wrote, in landing and everywhere behind it. Destroying the row is the
-- erasure: what is left of it elsewhere is a random word.
create schema personal;

-- Grain: one source. The key of the digests; whoever has only the digests cannot try out names.
create table personal.digest_key (
    source text not null,
    key bytea not null,
    constraint digest_key_key primary key (source)
);

-- Grain: one pseudonym. digest is keyed and of kind and value: the same value is the same token while the row stands.
create table personal.token (
    token text not null,
    source text not null,
    kind text not null check (kind in ('person', 'text')),
    digest bytea not null,
    value text not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    constraint token_key primary key (token),
    constraint token_once unique (source, digest)
);
create index token_age on personal.token (source, kind, last_seen_at);

-- Grain: one erasure, of people who asked for it or of what had outlived its time: that it was done, not who it was.
create table personal.erasure (
    id uuid not null default gen_random_uuid(),
    source text not null,
    tokens bigint not null check (tokens >= 0),
    erased_by text not null,
    reason text not null,
    erased_at timestamptz not null,
    constraint erasure_key primary key (id)
);

-- Grain: one survey answer with a comment. What was written, as long as it is known; null once it is erased. For those
-- who answer unhappy customers: they need no right on the table behind it.
create view personal.survey_comment as
select
    answer.source,
    answer.survey_id,
    answer.answer_id,
    answer.ticket_key,
    answer.rating,
    case when answer.comment like 'text:%' then token.value else answer.comment end as comment
from core.survey_answer as answer
left join personal.token as token on answer.comment = token.token and answer.source = token.source
where answer.comment is not null;

grant usage on schema personal to loader;
grant select, insert, update, delete on all tables in schema personal to loader;
