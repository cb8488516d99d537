"""SQL macros of DuckDB that convert values as S3 Select does.

They are created in a connection before it is locked. `error` ends a query: its text is the code of
S3, a bar, and the value that is at fault.
"""

from __future__ import annotations

from s3gw.wire.errors import Code

_ISO = (
    r"^(\d{4})(?:T|-(\d\d)(?:T|-(\d\d)(?:T(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?"
    r"(Z|[+-]\d\d:\d\d)?)?)?)?$"
)
_FIELDS = "['y','m','d','h','i','s','f','z']"

_MACROS = {
    "s3_fail(code, x)": "error(code || '|' || coalesce(left(CAST(x AS VARCHAR), 100), 'NULL'))",
    "s3_try_number(x)": "TRY_CAST(trim(x) AS DOUBLE)",
    "s3_try_long(x)": "TRY_CAST(trim(x) AS HUGEINT)",
    "s3_number(x)": """CASE WHEN x IS NULL THEN NULL WHEN s3_try_number(x) IS NULL
        THEN s3_fail('CastFailed', x) ELSE s3_try_number(x) END""",
    "s3_to_float(x)": "s3_number(x)",
    "s3_to_int(x)": """CASE WHEN x IS NULL THEN NULL
        WHEN NOT regexp_full_match(trim(x), '[+-]?[0-9]+(\\.0*)?') THEN s3_fail('CastFailed', x)
        ELSE coalesce(TRY_CAST(regexp_replace(trim(x), '\\.0*$', '') AS BIGINT),
            s3_fail('IntegerOverflow', x)) END""",
    "s3_to_decimal(x)": """CASE WHEN x IS NULL THEN NULL
        ELSE coalesce(TRY_CAST(trim(x) AS DECIMAL(38,10)), s3_fail('CastFailed', x)) END""",
    "s3_bool(x)": "CASE lower(trim(x)) WHEN 'true' THEN true WHEN 'false' THEN false END",
    "s3_to_bool(x)": """CASE WHEN x IS NULL THEN NULL
        ELSE coalesce(s3_bool(x), s3_try_number(x) <> 0, s3_fail('CastFailed', x)) END""",
    "s3_float(x)": """CASE WHEN isfinite(x) AND x = trunc(x) AND abs(x) < 1e15
        THEN CAST(CAST(x AS BIGINT) AS VARCHAR) ELSE CAST(x AS VARCHAR) END""",
    "s3_decimal(x)": """CASE WHEN contains(CAST(x AS VARCHAR), '.')
        THEN rtrim(rtrim(CAST(x AS VARCHAR), '0'), '.') ELSE CAST(x AS VARCHAR) END""",
    "s3_parts(x)": f"regexp_extract(x, '{_ISO}', {_FIELDS})",
    "s3_part(x, otherwise)": "CASE WHEN x = '' THEN otherwise ELSE x END",
    "s3_local(p)": """TRY_CAST(p.y || '-' || s3_part(p.m, '01') || '-' || s3_part(p.d, '01') || ' '
        || s3_part(p.h, '00') || ':' || s3_part(p.i, '00') || ':' || s3_part(p.s, '00') || '.'
        || left(s3_part(p.f, '0'), 6) AS TIMESTAMP)""",
    "s3_offset(z)": """CASE WHEN length(z) = 6 THEN (CASE left(z, 1) WHEN '-' THEN -1 ELSE 1 END)
        * (CAST(substr(z, 2, 2) AS INTEGER) * 60 + CAST(right(z, 2) AS INTEGER)) ELSE 0 END""",
    "s3_timestamp(x)": f"""CASE WHEN x IS NULL THEN NULL
        ELSE {{'t': coalesce(s3_local(s3_parts(x)), s3_fail('{Code.ValueParseFailure.name}', x)),
        'z': s3_offset(s3_parts(x).z)}} END""",
    "s3_of_time(x)": """CASE WHEN x IS NULL THEN NULL
        ELSE {'t': CAST(x AS TIMESTAMP), 'z': 0} END""",
    "s3_utc(x)": "x.t - to_minutes(x.z)",
    "s3_zone(z, utc, colon)": """CASE WHEN z = 0 THEN utc ELSE
        (CASE WHEN z < 0 THEN '-' ELSE '+' END) || lpad(CAST(abs(z) // 60 AS VARCHAR), 2, '0')
        || colon || lpad(CAST(abs(z) % 60 AS VARCHAR), 2, '0') END""",
    "s3_hour_zone(z, utc)": """CASE WHEN z % 60 = 0 THEN left(s3_zone(z, utc, ''), 3)
        ELSE s3_zone(z, utc, '') END""",
    "s3_iso(x)": """CASE WHEN x IS NULL THEN NULL ELSE strftime(x.t, '%Y-%m-%dT%H:%M:%S')
        || regexp_replace(regexp_replace(strftime(x.t, '.%f'), '0+$', ''), '^\\.$', '')
        || s3_zone(x.z, 'Z', ':') END""",
    # A pointer of RFC 6901, in which any name can be written.
    "s3_pointer(k)": "'/' || replace(replace(k, '~', '~0'), '/', '~1')",
    "s3_same_name(j, k)": """list_extract(list_filter(json_keys(j),
        lambda n: lower(n) = lower(k)), 1)""",
    "s3_member(j, k)": """coalesce(json_extract(j, s3_pointer(k)),
        CASE WHEN json_type(j) = 'OBJECT'
        THEN json_extract(j, s3_pointer(s3_same_name(j, k))) END)""",
    # Wildcards result in one record at least.
    "s3_all(l)": "CASE WHEN l IS NULL OR len(l) = 0 THEN [NULL] ELSE l END",
}


def statements() -> list[str]:
    """Return the statements that create the macros, each after those that it uses."""
    return [f"CREATE TEMP MACRO {head} AS ({body})" for head, body in _MACROS.items()]
