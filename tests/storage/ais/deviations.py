"""Claims of the contract that another cluster does not keep, with the reason.

The name of a test, or with its parameter in brackets one case of it.
"""

from __future__ import annotations

from collections.abc import Mapping

_BEFORE = "AIStore has no conditions: the object is looked at before it is written"
_CLOCK = "the remote has a clock of its own"
_ETAG = "the ETag is the checksum of the other cluster; test_ais_objects has the same claim"
_NAMES = "AIStore refuses some names; test_ais_objects has odd ones that it takes"
_OWNERS = "buckets belong to the other cluster"
_TAGS = "objects have no tags; test_ais_objects has the same claims without them"

AIS: Mapping[str, str] = {
    "test_any_name_is_kept_as_it_is": _NAMES,
    "test_odd_names_are_all_different_and_in_byte_order": _NAMES,
    "test_pages_joined_are_the_listing_at_once": _NAMES,
    "test_a_page_shows_what_was_said_of_an_object": _TAGS,
    "test_an_object_reads_as_it_was_written": _ETAG,
    "test_put_returns_what_head_tells": _TAGS,
    "test_attributes_are_kept_byte_for_byte": _TAGS,
    "test_a_put_replaces_bytes_facts_and_attributes": _TAGS,
    "test_update_replaces_the_attributes_only": _TAGS,
    "test_update_with_touch_sets_the_time": _CLOCK,
    "test_update_checks_its_condition": _TAGS,
    "test_if_match_is_checked_when_the_body_has_ended": _BEFORE,
    "test_a_bucket_keeps_what_it_was_made_with": _OWNERS,
    "test_a_second_bucket_of_a_name_is_refused_with_its_owner": _OWNERS,
    "test_of_many_creators_of_a_bucket_one_wins": _OWNERS,
    "test_a_bucket_made_anew_is_empty_and_belongs_to_the_new_owner": _OWNERS,
    "test_a_bucket_is_deleted_or_takes_the_object_never_both": (
        "AIStore destroys a bucket with all that is in it, so it is looked at before"
    ),
}
