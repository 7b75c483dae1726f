-- A field that every record of a stream had, and that none of a page has any more, has vanished: the page is refused.

-- always is in how many records the field was there without an exception, counted no further than what is enough to be
-- sure of it; -1 since the first exception.
alter table quality.schema_field add column always smallint not null default 0;
