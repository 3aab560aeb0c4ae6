-- column vector_orphans.id
bigint not null default nextval('vector_orphans_id_seq'::regclass)

-- column vector_orphans.doc_id
integer

-- column vector_orphans.page
integer

-- column vector_orphans.vector_ids
jsonb not null storage external

-- column vector_orphans.vector_count
integer not null

-- column vector_orphans.namespace
text

-- column vector_orphans.orphaned_at
timestamp with time zone not null default now()

-- column vector_orphans.attempts
integer not null default 0

-- column vector_orphans.tried_at
timestamp with time zone

-- column vector_orphans.due_at
timestamp with time zone not null default now()

-- column vectors.id
integer not null default nextval('vectors_id_seq'::regclass)

-- column vectors.doc_id
integer not null

-- column vectors.page
integer not null

-- column vectors.vector_ids
jsonb not null

-- column vectors.grid
jsonb

-- column vectors.namespace
text

-- column vectors.recorded_at
timestamp with time zone not null default now()

-- column vectors.indexed_at
timestamp with time zone default now()

-- column vectors.revision
integer not null default 1

-- constraint vector_orphans_pkey
vector_orphans: PRIMARY KEY (id)

-- constraint vector_orphans_vector_ids_check
vector_orphans: CHECK (((((doc_id > 0) AND ((vector_ids -> 1) IS NULL) AND (((vector_ids -> 0) -> 'radix'::text) = '16'::jsonb) AND (((vector_ids -> 0) ->> 'prefix'::text) = ((((((((lpad(to_hex(doc_id), 8, '0'::text) || '-'::text) || substr(lpad(to_hex(page), 8, '0'::text), 2, 4)) || '-8'::text) || substr(lpad(to_hex(page), 8, '0'::text), 6)) || '-800'::text) || "left"(lpad(to_hex(page), 8, '0'::text), 1)) || '-'::text) || '000000000'::text)) AND (vector_ids @? 'strict $[0]?(((@."from" == "000" && @."count" >= 1) && @."count" <= 4096) && @."count" % 1 == 0)'::jsonpath)) IS TRUE) OR ((jsonb_typeof(vector_ids) = 'array'::text) AND ((NOT (vector_ids @? 'strict $[*]?(@.type() != "string")'::jsonpath)) OR vectors_ids_are_valid(vector_ids)))))

-- constraint vectors_doc_id_fkey
vectors: FOREIGN KEY (doc_id) REFERENCES documents(id) ON DELETE CASCADE

-- constraint vectors_grid_check
vectors: CHECK (((grid IS NULL) OR ((grid @? 'strict $?(((((@."cols" >= 1 && @."rows" >= 1) && @."start" >= 0) && @."cols" % 1 == 0) && @."rows" % 1 == 0) && @."start" % 1 == 0)'::jsonpath) IS TRUE)))

-- constraint vectors_page_check
vectors: CHECK ((page > 0))

-- constraint vectors_pkey
vectors: PRIMARY KEY (id)

-- constraint vectors_vector_ids_check
vectors: CHECK ((((((doc_id > 0) AND ((vector_ids -> 1) IS NULL) AND (((vector_ids -> 0) -> 'radix'::text) = '16'::jsonb) AND (((vector_ids -> 0) ->> 'prefix'::text) = ((((((((lpad(to_hex(doc_id), 8, '0'::text) || '-'::text) || substr(lpad(to_hex(page), 8, '0'::text), 2, 4)) || '-8'::text) || substr(lpad(to_hex(page), 8, '0'::text), 6)) || '-800'::text) || "left"(lpad(to_hex(page), 8, '0'::text), 1)) || '-'::text) || '000000000'::text)) AND (vector_ids @? 'strict $[0]?(((@."from" == "000" && @."count" >= 1) && @."count" <= 4096) && @."count" % 1 == 0)'::jsonpath)) IS TRUE) OR ((jsonb_typeof(vector_ids) = 'array'::text) AND ((NOT (vector_ids @? 'strict $[*]?(@.type() != "string")'::jsonpath)) OR vectors_ids_are_valid(vector_ids)))) AND (((vector_ids)::text !~ '[A-F]'::text) OR vectors_ids_have_one_case(vector_ids))))

-- index ix_vector_orphans_doc_page
CREATE INDEX ix_vector_orphans_doc_page ON vector_orphans USING btree (doc_id, page)

-- index ix_vector_orphans_due
CREATE INDEX ix_vector_orphans_due ON vector_orphans USING btree (due_at, id)

-- index vector_orphans_pkey
CREATE UNIQUE INDEX vector_orphans_pkey ON vector_orphans USING btree (id)

-- index ix_vectors_doc_id
CREATE INDEX ix_vectors_doc_id ON vectors USING btree (doc_id)

-- index ix_vectors_doc_page
CREATE UNIQUE INDEX ix_vectors_doc_page ON vectors USING btree (doc_id, page)

-- index ix_vectors_pending
CREATE INDEX ix_vectors_pending ON vectors USING btree (doc_id, page) WHERE (indexed_at IS NULL)

-- index ix_vectors_vector_ids
CREATE INDEX ix_vectors_vector_ids ON vectors USING gin (vector_ids jsonb_path_ops) WITH (fastupdate=off) WHERE (((doc_id > 0) AND ((vector_ids -> 1) IS NULL) AND (((vector_ids -> 0) -> 'radix'::text) = '16'::jsonb) AND (((vector_ids -> 0) ->> 'prefix'::text) = ((((((((lpad(to_hex(doc_id), 8, '0'::text) || '-'::text) || substr(lpad(to_hex(page), 8, '0'::text), 2, 4)) || '-8'::text) || substr(lpad(to_hex(page), 8, '0'::text), 6)) || '-800'::text) || "left"(lpad(to_hex(page), 8, '0'::text), 1)) || '-'::text) || '000000000'::text))) IS NOT TRUE)

-- index vectors_pkey
CREATE UNIQUE INDEX vectors_pkey ON vectors USING btree (id)

-- trigger vectors_new_revision
CREATE TRIGGER vectors_new_revision BEFORE UPDATE OF vector_ids, indexed_at ON vectors FOR EACH ROW WHEN (((new.revision = old.revision) AND (((new.indexed_at IS NULL) AND (old.indexed_at IS NOT NULL)) OR (new.vector_ids <> old.vector_ids)))) EXECUTE FUNCTION vectors_new_revision()

-- trigger vectors_queue_deleted
CREATE TRIGGER vectors_queue_deleted AFTER DELETE ON vectors REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION vectors_queue_deleted()

-- trigger vectors_queue_replaced
CREATE TRIGGER vectors_queue_replaced AFTER UPDATE OF vector_ids ON vectors FOR EACH ROW WHEN (((old.vector_ids <> '[]'::jsonb) AND (old.vector_ids <> new.vector_ids))) EXECUTE FUNCTION vectors_queue_replaced()

-- trigger vectors_queue_truncated
CREATE TRIGGER vectors_queue_truncated BEFORE TRUNCATE ON vectors FOR EACH STATEMENT EXECUTE FUNCTION vectors_queue_truncated()

-- trigger vectors_wait_after_insert
CREATE TRIGGER vectors_wait_after_insert AFTER INSERT ON vectors REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION vectors_wait_for_purge()

-- trigger vectors_wait_after_update
CREATE TRIGGER vectors_wait_after_update AFTER UPDATE ON vectors REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION vectors_wait_for_purge()

-- function vectors_count_ids
CREATE OR REPLACE FUNCTION ledger.vectors_count_ids(vector_ids jsonb)
 RETURNS TABLE(vector_count integer)
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT
         CASE
             WHEN (vector_ids @> '[{}]'::jsonb) THEN ( SELECT (sum(COALESCE(((element.value ->> 'count'::text))::numeric, (1)::numeric)))::integer AS sum
                FROM jsonb_array_elements(vectors_count_ids.vector_ids) element(value))
             ELSE jsonb_array_length(vector_ids)
         END AS jsonb_array_length;
END

-- function vectors_expand_ids
CREATE OR REPLACE FUNCTION ledger.vectors_expand_ids(vector_ids jsonb)
 RETURNS TABLE(patch integer, vector_id text)
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT ((row_number() OVER (ORDER BY element."position", tail.value) - 1))::integer AS int4,
         CASE
             WHEN (run.count IS NULL) THEN (element.value #>> '{}'::text[])
             ELSE (run.prefix || lpad(digits.value, GREATEST(length(run.from_tail), length(digits.value)), '0'::text))
         END AS "case"
    FROM ((((jsonb_array_elements(vectors_expand_ids.vector_ids) WITH ORDINALITY element(value, "position")
      CROSS JOIN LATERAL ( SELECT (element.value ->> 'prefix'::text) AS prefix,
             (element.value ->> 'from'::text) AS from_tail,
             (((element.value ->> 'count'::text))::numeric)::integer AS count,
             ((element.value -> 'radix'::text) = '16'::jsonb) AS hexadecimal) run)
      CROSS JOIN LATERAL ( SELECT
                 CASE
                     WHEN run.hexadecimal THEN ((('x'::text || lpad(run.from_tail, 8, '0'::text)))::bit(32))::integer
                     ELSE (run.from_tail)::integer
                 END AS value) first)
      CROSS JOIN LATERAL generate_series(COALESCE(first.value, 0), COALESCE(((first.value + run.count) - 1), 0)) tail(value))
      CROSS JOIN LATERAL ( SELECT
                 CASE
                     WHEN run.hexadecimal THEN to_hex(tail.value)
                     ELSE (tail.value)::text
                 END AS value) digits);
END

-- function vectors_holding
CREATE OR REPLACE FUNCTION ledger.vectors_holding(elements jsonb)
 RETURNS TABLE(element jsonb, doc_id integer, page integer)
 LANGUAGE plpgsql
 STABLE ROWS 100
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
AS $function$
#variable_conflict use_column
begin
  return query
  select wanted.element, holding.doc_id, holding.page
  from jsonb_array_elements(elements) as wanted (element)
  -- `offset 0` searches the index once per key. Without it, PostgreSQL scans the table for a few keys, and
  -- `@> any (array)` would compare every key with every row that it finds.
  cross join lateral (
    select doc_id, page
    from ledger.vectors
    where vector_ids @> jsonb_build_array(wanted.element)
      -- Exactly the condition of the index, so that PostgreSQL uses it.
      and (doc_id > 0 and vector_ids -> 1 is null and vector_ids -> 0 -> 'radix'::text = '16'
        and vector_ids -> 0 ->> 'prefix'::text = lpad(to_hex(doc_id), 8, '0') || '-'
          || substr(lpad(to_hex(page), 8, '0'), 2, 4) || '-8' || substr(lpad(to_hex(page), 8, '0'), 6)
          || '-800' || left(lpad(to_hex(page), 8, '0'), 1) || '-' || '000000000') is not true
    offset 0
  ) as holding;
end $function$

-- function vectors_ids_are_valid
CREATE OR REPLACE FUNCTION ledger.vectors_ids_are_valid(vector_ids jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- Removing every invalid element must leave the array unchanged.
  return jsonb_path_query_array(vector_ids, '$[*] ? (@.type() == "string" || (
      @.prefix.type() == "string" && @.from.type() == "string" && @.count.type() == "number"
      && @.count >= 1 && @.count % 1 == 0
      && (((!exists (@.radix) || @.radix == 10) && @.from like_regex "^[0-9]{1,4}$"
           && @.from.double() + @.count <= 10000)
          || (@.radix == 16 && @.count <= 4096 && @.from like_regex "^[0-9a-f]{3}$"
              && @.prefix like_regex "^([0-9a-f]{29}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{9})$"))))')
      = vector_ids
    and not (vector_ids @> '[{"radix": 16}]' and exists (
      select from jsonb_array_elements(vector_ids) as run
      where run -> 'radix' = '16'
        and ('x' || lpad(run ->> 'from', 8, '0'))::bit(32)::integer + (run ->> 'count')::numeric > 4096
    ));
end $function$

-- function vectors_ids_have_one_case
CREATE OR REPLACE FUNCTION ledger.vectors_ids_have_one_case(vector_ids jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return not exists (
    select from jsonb_array_elements(vector_ids) as element
    cross join lateral (
      select coalesce(element ->> 'prefix', element #>> '{}') || coalesce(element ->> 'from', '') as id
    ) as first
    where id ~ '^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$'
      and id <> lower(id) and id <> upper(id)
  );
end $function$

-- function vectors_new_revision
CREATE OR REPLACE FUNCTION ledger.vectors_new_revision()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  new.revision := old.revision + 1;
  new.recorded_at := clock_timestamp();
  return new;
end $function$

-- function vectors_purge_lock_key
CREATE OR REPLACE FUNCTION ledger.vectors_purge_lock_key(doc_id integer)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
RETURN (((1668246639)::bigint << 32) + (doc_id & 63))

-- function vectors_queue_deleted
CREATE OR REPLACE FUNCTION ledger.vectors_queue_deleted()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
  select doc_id, page, vector_ids, vector_count, namespace
  from deleted cross join lateral ledger.vectors_count_ids(vector_ids)
  where vector_ids <> '[]';
  return null;
end $function$

-- function vectors_queue_replaced
CREATE OR REPLACE FUNCTION ledger.vectors_queue_replaced()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
  select old.doc_id, old.page, old.vector_ids, vector_count, old.namespace
  from ledger.vectors_count_ids(old.vector_ids);
  return null;
end $function$

-- function vectors_queue_truncated
CREATE OR REPLACE FUNCTION ledger.vectors_queue_truncated()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- TRUNCATE also removes rows that an older snapshot does not show, and those would be lost.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported',
      message = 'vectors can only be truncated at isolation level read committed';
  end if;
  -- `only` the truncated table, because each partition has its own trigger.
  execute $insert$
    insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
    select doc_id, page, vector_ids, vector_count, namespace
    from only $insert$ || tg_relid::regclass::text || $insert$
    cross join lateral ledger.vectors_count_ids(vector_ids)
    where vector_ids <> '[]'$insert$;
  return null;
end $function$

-- function vectors_wait_for_purge
CREATE OR REPLACE FUNCTION ledger.vectors_wait_for_purge()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock_shared(lock.key)
  from (select distinct ledger.vectors_purge_lock_key(doc_id) as key from written order by 1) as lock;
  return null;
end $function$

-- view vector_patches
SELECT v.doc_id,
    v.page,
    expanded.patch,
    expanded.vector_id
   FROM (vectors v
     CROSS JOIN LATERAL vectors_expand_ids(v.vector_ids) expanded(patch, vector_id));
