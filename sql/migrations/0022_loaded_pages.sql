-- A page is loaded once a load has read it: what lands beside a load is not told by when either of them began.

-- loaded_at is when the first load that read the page began; null until one has.
alter table quality.landed_page add column loaded_at timestamptz;

with known as (
    select
        page.source,
        page.file_sha256,
        page.ordinal,
        min(load.loaded_at) as loaded_at
    from quality.landed_page as page
    inner join quality.landed_file as file on page.source = file.source and page.file_sha256 = file.sha256
    inner join quality.load as load
        on page.source = load.source and page.partition = load.partition and file.landed_at <= load.loaded_at
    group by page.source, page.file_sha256, page.ordinal
)

update quality.landed_page as page
set loaded_at = known.loaded_at
from known
where known.source = page.source and known.file_sha256 = page.file_sha256 and known.ordinal = page.ordinal;

create index landed_page_unloaded on quality.landed_page (source, partition) where loaded_at is null;
