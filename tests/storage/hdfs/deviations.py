"""Claims of the contract that HDFS does not keep, with the reason.

The name of a test, or with its parameter in brackets one case of it.
"""

from __future__ import annotations

from collections.abc import Mapping

_FOLDERS = "HttpFS makes the folders above a new file"
_CLOCK = "the remote has a clock of its own"
_ETAG = "the ETag is of the file's id, time and length; test_hdfs_objects has the same claim"
_LISTING = "a listing of HDFS says less than a HEAD"
_NAMES = "HDFS refuses some names; test_hdfs_objects has odd ones that it takes"
_OWNERS = "buckets belong to HDFS, which does not keep when a folder was made"
_REPLACED = "a file that is replaced while it is read is an error, and never a mix"
_TREE = "a file is not a folder too; test_hdfs_listing has the same claims for what can be"

HDFS: Mapping[str, str] = {
    "test_any_name_is_kept_as_it_is": _NAMES,
    "test_odd_names_are_all_different_and_in_byte_order": _NAMES,
    "test_pages_joined_are_the_listing_at_once": _NAMES,
    "test_names_and_common_prefixes_may_take_turns": _TREE,
    "test_a_prefix_chooses": _TREE,
    "test_a_delimiter_rolls_up_what_stands_behind_the_prefix": _TREE,
    "test_a_delimiter_may_have_many_bytes_and_overlap_itself": _TREE,
    "test_a_common_prefix_as_marker_is_skipped_whole": _TREE,
    "test_a_marker_inside_a_common_prefix_is_behind_all_of_it": _TREE,
    "test_a_marker_that_ends_with_the_delimiter_is_a_name_behind_a_longer_prefix": _TREE,
    "test_without_a_delimiter_a_marker_skips_only_itself": _TREE,
    "test_common_prefixes_count_against_the_limit": _TREE,
    "test_a_limit_of_nothing_gives_an_empty_last_page": _TREE,
    "test_a_page_shows_what_was_said_of_an_object": _LISTING,
    "test_an_object_reads_as_it_was_written": _ETAG,
    "test_put_returns_what_head_tells": _ETAG,
    "test_a_put_replaces_bytes_facts_and_attributes": _CLOCK,
    "test_update_with_touch_sets_the_time": _CLOCK,
    "test_an_open_object_reads_on_to_its_old_end": _REPLACED,
    "test_an_object_opened_but_not_begun_is_the_old_one": _REPLACED,
    "test_readers_and_writers_see_one_object_or_the_other": _REPLACED,
    "test_a_put_whose_bucket_goes_meanwhile_fails": (
        "a folder with a file that is being written is not empty"
    ),
    "test_a_bucket_keeps_what_it_was_made_with": _OWNERS,
    "test_a_second_bucket_of_a_name_is_refused_with_its_owner": _OWNERS,
    "test_of_many_creators_of_a_bucket_one_wins": "HDFS makes a folder that is there again",
    "test_a_bucket_made_anew_is_empty_and_belongs_to_the_new_owner": _OWNERS,
}

# Besides, behind HttpFS.
BY_HTTPFS: Mapping[str, str] = {
    "test_a_bucket_is_deleted_or_takes_the_object_never_both": _FOLDERS,
}
