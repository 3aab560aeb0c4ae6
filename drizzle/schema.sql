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
vector_orphans: CHECK (((vectors_has_own_ids(doc_id, page, vector_ids) IS TRUE) OR ((jsonb_typeof(vector_ids) = 'array'::text) AND (NOT (vector_ids @? 'strict $[*]?(@.type() != "string")'::jsonpath))) OR vectors_ids_are_valid(vector_ids)))

-- constraint vectors_doc_id_fkey
vectors: FOREIGN KEY (doc_id) REFERENCES documents(id) ON DELETE CASCADE

-- constraint vectors_grid_check
vectors: CHECK (((grid IS NULL) OR ((grid @? 'strict $?(((((@."cols" >= 1 && @."rows" >= 1) && @."start" >= 0) && @."cols" % 1 == 0) && @."rows" % 1 == 0) && @."start" % 1 == 0)'::jsonpath) IS TRUE)))

-- constraint vectors_page_check
vectors: CHECK ((page > 0))

-- constraint vectors_pkey
vectors: PRIMARY KEY (id)

-- constraint vectors_vector_ids_check
vectors: CHECK ((vectors_has_own_ids(doc_id, page, vector_ids) OR ((jsonb_typeof(vector_ids) = 'array'::text) AND (NOT (vector_ids @? 'strict $[*]?(@.type() != "string")'::jsonpath))) OR vectors_ids_are_valid(vector_ids)))

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
CREATE INDEX ix_vectors_vector_ids ON vectors USING gin (vectors_index_keys(vector_ids)) WITH (fastupdate=off) WHERE (NOT vectors_has_own_ids(doc_id, page, vector_ids))

-- index vectors_pkey
CREATE UNIQUE INDEX vectors_pkey ON vectors USING btree (id)

-- trigger vectors_new_revision
CREATE TRIGGER vectors_new_revision BEFORE UPDATE OF vector_ids, indexed_at ON vectors FOR EACH ROW WHEN (((new.revision = old.revision) AND (((new.indexed_at IS NULL) AND (old.indexed_at IS NOT NULL)) OR (new.vector_ids <> old.vector_ids)))) EXECUTE FUNCTION vectors_new_revision()

-- trigger vectors_queue_deleted
CREATE TRIGGER vectors_queue_deleted AFTER DELETE ON vectors REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION vectors_queue_deleted()

-- trigger vectors_queue_moved
CREATE TRIGGER vectors_queue_moved BEFORE UPDATE OF doc_id ON vectors FOR EACH ROW WHEN (((old.doc_id <> new.doc_id) AND (old.vector_ids <> '[]'::jsonb) AND (old.vector_ids <> new.vector_ids))) EXECUTE FUNCTION vectors_queue_replaced()

-- trigger vectors_queue_replaced
CREATE TRIGGER vectors_queue_replaced AFTER UPDATE OF vector_ids ON vectors FOR EACH ROW WHEN (((old.doc_id = new.doc_id) AND (old.vector_ids <> '[]'::jsonb) AND (old.vector_ids <> new.vector_ids))) EXECUTE FUNCTION vectors_queue_replaced()

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
             WHEN (vector_ids @> '[{}]'::jsonb) THEN ( SELECT (sum(
                     CASE
                         WHEN ((element.value -> 'count'::text) IS NOT NULL) THEN ((element.value ->> 'count'::text))::numeric
                         WHEN ((element.value -> 'uuids'::text) IS NOT NULL) THEN ((((octet_length((element.value ->> 'uuids'::text)) * 3) / 4) / 16))::numeric
                         ELSE (1)::numeric
                     END))::integer AS sum
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
 SELECT ((row_number() OVER (ORDER BY element."position", part."position") - 1))::integer AS int4,
     part.vector_id
    FROM (jsonb_array_elements(vectors_expand_ids.vector_ids) WITH ORDINALITY element(value, "position")
      CROSS JOIN LATERAL ( SELECT 0 AS "position",
             (element.value #>> '{}'::text[]) AS vector_id
           WHERE (jsonb_typeof(element.value) = 'string'::text)
         UNION ALL
          SELECT tail.tail,
             (run.prefix || lpad(tails.digits, GREATEST(length(run.first), length(tails.digits)), '0'::text))
            FROM (((( SELECT (element.value ->> 'prefix'::text) AS prefix,
                     (element.value ->> 'from'::text) AS first,
                     (((element.value ->> 'count'::text))::numeric)::integer AS count,
                     COALESCE(((element.value -> 'radix'::text) = '16'::jsonb), false) AS hexadecimal
                   WHERE ((element.value -> 'prefix'::text) IS NOT NULL)) run
              CROSS JOIN LATERAL ( SELECT
                         CASE
                             WHEN run.hexadecimal THEN ((('x'::text || lpad(run.first, 8, '0'::text)))::bit(32))::integer
                             ELSE (run.first)::integer
                         END AS first) start(value))
              CROSS JOIN LATERAL generate_series(start.value, ((start.value + run.count) - 1)) tail(tail))
              CROSS JOIN LATERAL ( SELECT
                         CASE
                             WHEN run.hexadecimal THEN to_hex(tail.tail)
                             ELSE (tail.tail)::text
                         END AS tail) tails(digits))
         UNION ALL
          SELECT number.number,
                 CASE
                     WHEN pack.has_dashes THEN concat_ws('-'::text, substr(uuids.hex, 1, 8), substr(uuids.hex, 9, 4), substr(uuids.hex, 13, 4), substr(uuids.hex, 17, 4), substr(uuids.hex, 21))
                     ELSE uuids.hex
                 END AS hex
            FROM ((( SELECT decode((element.value ->> 'uuids'::text), 'base64'::text) AS bytes,
                     (NOT (element.value ? 'dashes'::text)) AS has_dashes
                   WHERE ((element.value -> 'uuids'::text) IS NOT NULL)
                  OFFSET 0) pack
              CROSS JOIN LATERAL generate_series(0, ((length(pack.bytes) / 16) - 1)) number(number))
              CROSS JOIN LATERAL ( SELECT encode(substr(pack.bytes, ((16 * number.number) + 1), 16), 'hex'::text) AS encode) uuids(hex))) part);
END

-- function vectors_has_own_ids
CREATE OR REPLACE FUNCTION ledger.vectors_has_own_ids(doc_id integer, page integer, vector_ids jsonb)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (((vector_ids -> 0) ->> 'from'::text) IS DISTINCT FROM '000'::text) THEN false WHEN ((vector_ids -> 1) IS NULL) THEN (((doc_id > 0) AND (((vector_ids -> 0) -> 'radix'::text) = '16'::jsonb) AND (((vector_ids -> 0) ->> 'prefix'::text) = (vectors_patch_id_head(doc_id, page) || '000000000'::text)) AND (vector_ids @? 'strict $[0]?(((@."count" >= 1 && @."count" <= 4096) && @."count" % 1 == 0) && (exists (@."uuids")) is unknown)'::jsonpath)) IS TRUE) ELSE ((doc_id > 0) AND (vector_ids = jsonb_path_query_array(vector_ids, 'strict $[*]?(((((((@."radix" == 16 && @."from" == "000") && @."count" >= 1) && @."count" <= 4096) && @."count" % 1 == 0) && @."prefix" starts with $"head") && @."prefix" like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-00000000[0-7]$") && (exists (@."uuids")) is unknown)'::jsonpath, ((('{"head": "'::text || vectors_patch_id_head(doc_id, page)) || '"}'::text))::jsonb, true))) END

-- function vectors_holding
CREATE OR REPLACE FUNCTION ledger.vectors_holding(keys jsonb)
 RETURNS TABLE(key text, doc_id integer, page integer)
 LANGUAGE plpgsql
 STABLE ROWS 100
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
AS $function$
#variable_conflict use_column
declare
  is_distributed boolean := false;
  batch text[];
  index_keys integer[];
begin
  -- In a statement of its own, because the table exists only with the extension.
  if to_regclass('pg_dist_partition') is not null then
    is_distributed := exists (
      select from pg_dist_partition join pg_type on typrelid = logicalrelid
      where pg_type.oid = pg_typeof(null::ledger.vectors)
    );
  end if;
  if is_distributed then
    -- Citus sends plain joins to the shards, but no subquery with `offset`. The index is searched for all keys of a batch
    -- at once. A search for more keys takes longer than several searches.
    for batch in
      select array_agg(value) from jsonb_array_elements_text(keys) with ordinality as wanted (value, n)
      group by n / 100
    loop
      index_keys := array(select ledger.vectors_index_key(value) from unnest(batch) as wanted (value));
      return query
      select distinct wanted.key, holding.doc_id, holding.page
      from ledger.vectors as holding
      cross join lateral unnest(ledger.vectors_index_keys(holding.vector_ids)) as own (index_key)
      join unnest(batch) as wanted (key) on ledger.vectors_index_key(wanted.key) = own.index_key
      where ledger.vectors_index_keys(holding.vector_ids) && index_keys
        and not ledger.vectors_has_own_ids(holding.doc_id, holding.page, holding.vector_ids);
    end loop;
    return;
  end if;
  return query
  select wanted.key, holding.doc_id, holding.page
  from jsonb_array_elements_text(keys) as wanted (key)
  -- `offset 0` makes PostgreSQL search the index once per key, so that each page comes with the key it has.
  cross join lateral (
    select doc_id, page
    from ledger.vectors
    where ledger.vectors_index_keys(vector_ids) && array[ledger.vectors_index_key(wanted.key)]
      -- The condition of the index.
      and not ledger.vectors_has_own_ids(doc_id, page, vector_ids)
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
declare
  pack text;
  bytes integer;
  last_four text;
begin
  if jsonb_typeof(vector_ids) <> 'array' then
    return false;
  end if;
  if not vector_ids @? 'strict $[*] ? (@.type() != "string")'::jsonpath then
    return true;
  end if;
  -- The query keeps only the valid elements. If its result differs, an element is invalid. In lax mode, a comparison with
  -- a field that contains an array looks at the elements of that array. So the query also checks the type of each field.
  if jsonb_path_query_array(vector_ids, '$[*] ? (@.type() == "string"
      || (@.type() == "object" && @.uuids.type() == "string" && !exists (@.prefix)
        && !exists (@.count) && (!exists (@.dashes) || (@.dashes.type() == "boolean" && @.dashes == false)))
      || (!exists (@.uuids) && @.prefix.type() == "string" && @.from.type() == "string" && @.count.type() == "number"
      && @.count >= 1 && @.count % 1 == 0 && (!exists (@.radix) || @.radix.type() == "number")
      && (((!exists (@.radix) || @.radix == 10) && @.from like_regex "^[0-9]{1,4}$"
           && @.from.double() + @.count <= 10000)
          || (@.radix == 16 && @.count <= 4096 && @.from like_regex "^[0-9a-f]{3}$"
              && @.prefix like_regex "^([0-9a-f]{29}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{9})$"))))')
      <> vector_ids
    or vector_ids @> '[{"radix": 16}]' and exists (
      select from jsonb_array_elements(vector_ids) as run
      where run -> 'radix'::text = '16'
        and ('x' || lpad(run ->> 'from'::text, 8, '0'))::bit(32)::integer + (run ->> 'count'::text)::numeric > 4096
    )
  then
    return false;
  end if;
  for pack in
    select element ->> 'uuids'::text from jsonb_array_elements(vector_ids) as element
    where element -> 'uuids'::text is not null
  loop
    bytes := octet_length(decode(pack, 'base64'));
    -- Must be base64 of 16 bytes per id, as the encoder writes it. decode() skips white space, so the length is checked.
    -- length() and right() would count characters, which takes several times as long as everything else here.
    if bytes = 0 or bytes % 16 <> 0 or octet_length(pack) <> (bytes + 2) / 3 * 4 then
      return false;
    end if;
    -- decode() ignores the unused bits of the last four characters.
    last_four := convert_from(substr(convert_to(pack, 'UTF8'), octet_length(pack) - 3), 'UTF8');
    if encode(decode(last_four, 'base64'), 'base64') <> last_four then
      return false;
    end if;
  end loop;
  return true;
exception when invalid_parameter_value then
  return false; -- decode() rejects it.
end $function$

-- function vectors_index_key
CREATE OR REPLACE FUNCTION ledger.vectors_index_key(text text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
RETURN hashtext(replace(lower((text COLLATE "C")), '-'::text, ''::text))

-- function vectors_index_keys
CREATE OR REPLACE FUNCTION ledger.vectors_index_keys(vector_ids jsonb)
 RETURNS integer[]
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (((vector_ids -> 1) IS NULL) AND (jsonb_typeof((vector_ids -> 0)) = 'string'::text)) THEN ARRAY[vectors_index_key((vector_ids ->> 0))] ELSE vectors_index_keys_of_many(vector_ids) END

-- function vectors_index_keys_of_many
CREATE OR REPLACE FUNCTION ledger.vectors_index_keys_of_many(vector_ids jsonb)
 RETURNS integer[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if not vector_ids @? 'strict $[*] ? (@.type() != "string")'::jsonpath then
    return array(select ledger.vectors_index_key(id) from jsonb_array_elements_text(vector_ids) as id);
  end if;
  -- One query for all elements. Appending to an array in a loop would copy it each time.
  return array(
    -- Cuts bytes, because cutting text counts the characters from its beginning each time.
    select hashtext(encode(substr(bytes, 16 * number + 1, 16), 'hex'))
    from jsonb_array_elements(vector_ids) as element
    cross join lateral (select decode(element ->> 'uuids'::text, 'base64') as bytes offset 0) as pack
    cross join lateral generate_series(0, length(bytes) / 16 - 1) as number
    union all
    select ledger.vectors_index_key(coalesce(element ->> 'prefix'::text, element #>> '{}'::text[]))
    from jsonb_array_elements(vector_ids) as element
    where element -> 'uuids'::text is null
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

-- function vectors_patch_id_head
CREATE OR REPLACE FUNCTION ledger.vectors_patch_id_head(doc_id integer, page integer)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN (((((((lpad(to_hex(doc_id), 8, '0'::text) || '-'::text) || substr(lpad(to_hex(page), 8, '0'::text), 2, 4)) || '-8'::text) || substr(lpad(to_hex(page), 8, '0'::text), 6)) || '-800'::text) || "left"(lpad(to_hex(page), 8, '0'::text), 1)) || '-'::text)

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
declare
  gone record;
begin
  if current_setting('citus.version', true) is null then
    insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
    select doc_id, page, vector_ids, vector_count, namespace
    from deleted cross join lateral ledger.vectors_count_ids(vector_ids)
    where vector_ids <> '[]';
    return null;
  end if;
  -- On Citus, a trigger on a shard can insert only one row per statement, only for the document of the deleted page, and
  -- the insert cannot select from `deleted`.
  for gone in
    select doc_id, page, vector_ids, vector_count, namespace
    from deleted cross join lateral ledger.vectors_count_ids(vector_ids)
    where vector_ids <> '[]'
  loop
    insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
    values (gone.doc_id, gone.page, gone.vector_ids, gone.vector_count, gone.namespace);
  end loop;
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
  return new;
end $function$

-- function vectors_queue_truncated
CREATE OR REPLACE FUNCTION ledger.vectors_queue_truncated()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET row_security TO 'off'
AS $function$
begin
  -- TRUNCATE also removes rows that this transaction's snapshot may not show. Their ids would be lost.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported',
      message = format('%s can only be truncated at isolation level read committed', tg_table_name);
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
