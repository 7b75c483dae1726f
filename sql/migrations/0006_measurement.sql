-- What each share of a month's measuring was made from, so that a month is not measured twice from the same inputs.

-- Grain: one contract, month and group of shards. inputs_sha256 is over the contract's terms, its watermark, the
-- version of the code, and what had been loaded and quarantined; equal inputs give equal facts.
create table facts.measurement (
    contract text not null,
    month text not null,
    first_shard integer not null,
    last_shard integer not null,
    inputs_sha256 text not null,
    as_of timestamptz not null,
    tickets bigint not null,
    cycles bigint not null,
    measured_at timestamptz not null,
    constraint measurement_key primary key (contract, month, first_shard, last_shard)
);

alter table facts.measurement owner to loader;
grant select on facts.measurement to finance;
