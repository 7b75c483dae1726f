-- What landed, what each load did with it, and what was kept out (quality).

-- Grain: one landed file. Key: source and content, so that the same file is landed once under whatever name.
-- modified_at is the file's own time: of files that landed at one instant, the one written last is the newer.
create table quality.landed_file (
    source text not null,
    sha256 text not null,
    name text not null,
    partition text not null,
    records bigint not null check (records >= 0),
    modified_at timestamptz not null,
    landed_at timestamptz not null,
    constraint landed_file_key primary key (source, sha256)
);
create index landed_file_partition on quality.landed_file (source, partition);

-- Grain: one page of a landed file. sha256 is of the page, path is relative to the landing folder.
create table quality.landed_page (
    source text not null,
    sha256 text not null,
    file_sha256 text not null,
    ordinal integer not null check (ordinal >= 0),
    partition text not null,
    records bigint not null check (records >= 0),
    path text not null,
    constraint landed_page_key primary key (source, file_sha256, ordinal),
    constraint landed_page_file foreign key (source, file_sha256) references quality.landed_file (source, sha256)
);
create index landed_page_sha256 on quality.landed_page (source, sha256);
create index landed_page_partition on quality.landed_page (source, partition);

-- Grain: one ticket on one page: where all of a ticket's raw rows are found again.
create table quality.landed_ticket (
    source text not null,
    ticket_key bigint not null,
    page_sha256 text not null,
    constraint landed_ticket_key primary key (source, ticket_key, page_sha256)
);
create index landed_ticket_page on quality.landed_ticket (source, page_sha256);

-- Grain: one source. Extraction is complete before complete_until.
create table quality.watermark (
    source text not null,
    complete_until timestamptz not null,
    updated_at timestamptz not null,
    constraint watermark_key primary key (source)
);

-- Grain: one load of one table. The raw records balance here or the row is refused; produced_* count canonical rows.
create table quality.load (
    run_id text not null,
    source text not null,
    partition text not null,
    table_name text not null,
    extracted bigint not null,
    loaded bigint not null,
    unchanged bigint not null,
    superseded bigint not null,
    quarantined bigint not null,
    produced_inserted bigint not null default 0,
    produced_updated bigint not null default 0,
    produced_unchanged bigint not null default 0,
    produced_superseded bigint not null default 0,
    produced_deleted bigint not null default 0,
    loaded_at timestamptz not null,
    -- A rerun of a run is another row: what the first attempt did stays on record.
    constraint load_key primary key (run_id, source, partition, table_name, loaded_at),
    constraint load_balance check (extracted = loaded + unchanged + superseded + quarantined),
    constraint load_not_negative check (least(loaded, unchanged, superseded, quarantined) >= 0)
);
create index load_source on quality.load (source, partition);

-- Grain: one record and the rule that it failed. record_no counts within the page.
create table quality.quarantine (
    id uuid not null default gen_random_uuid(),
    run_id text not null,
    source text not null,
    partition text not null,
    table_name text not null,
    suite text not null,
    rule text not null,
    severity text not null check (severity in ('critical', 'warning', 'info')),
    ticket_key bigint,
    page_sha256 text,
    record_no bigint,
    record jsonb not null,
    message text not null,
    quarantined_at timestamptz not null,
    replayed_at timestamptz,
    constraint quarantine_key primary key (id)
);
-- A rerun meets its own quarantined records again: insert ... on conflict do nothing keeps one row of each.
create unique index quarantine_once on quality.quarantine (
    source, table_name, suite, rule, page_sha256, record_no, ticket_key, md5(record::text)
) nulls not distinct where replayed_at is null;
create index quarantine_ticket on quality.quarantine (ticket_key) where replayed_at is null;
create index quarantine_partition on quality.quarantine (source, partition);

-- Grain: one suite in one run. statistics is the suite's own result: rules, counts, examples.
create table quality.validation (
    run_id text not null,
    suite text not null,
    success boolean not null,
    statistics jsonb not null,
    at timestamptz not null,
    constraint validation_key primary key (run_id, suite, at)
);

grant select, insert, update, delete on all tables in schema quality to loader;
grant select on all tables in schema quality to finance;
