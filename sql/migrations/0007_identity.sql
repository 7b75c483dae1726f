-- Which warehouse this is, so that a landing folder can tell its own from another one.

-- Grain: the warehouse, one row. A restored copy is the same warehouse; an empty one that is migrated is another.
create table quality.warehouse (
    id uuid not null default gen_random_uuid(),
    is_only boolean not null default true check (is_only),
    constraint warehouse_key primary key (is_only)
);
insert into quality.warehouse default values;

grant select on quality.warehouse to loader, finance;
