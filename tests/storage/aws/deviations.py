"""Claims of the contract that S3 does not keep, or one of its doubles, with the reason.

The name of a test, or with its parameter in brackets one case of it.
"""

from __future__ import annotations

from collections.abc import Mapping

_CLOCK = "the remote has a clock of its own"
_EXISTED = "S3 does not say whether there was something to delete"
_FORGETS = "S3 forgets an upload when it is completed"
_LISTING = "a listing of S3 says less than a HEAD"
_OWNERS = "owners of buckets are accounts of S3"
_PARTS = "S3 lists the parts of an object whose checksum is COMPOSITE, without their ETags"
_RICH = "S3 takes no tag with an empty key; test_aws_objects has attributes that it takes"
_STILL = "S3 has no condition on what a version still is"
_UPLOAD_LISTING = "S3 shows the attributes and the owner of an upload in the finished object only"

S3: Mapping[str, str] = {
    "test_a_bucket_keeps_what_it_was_made_with": _OWNERS,
    "test_a_bucket_made_anew_is_empty_and_belongs_to_the_new_owner": _OWNERS,
    "test_a_second_bucket_of_a_name_is_refused_with_its_owner": _OWNERS,
    "test_of_many_creators_of_a_bucket_one_wins": _OWNERS,
    "test_a_completed_upload_is_an_object": "S3 computes ETag and checksum of an upload itself",
    "test_a_part_tells_what_it_is": "S3 verifies a checksum, and the test's is invented",
    "test_a_part_uploaded_again_replaces_the_first": _CLOCK,
    "test_a_put_replaces_bytes_facts_and_attributes": _RICH,
    "test_attributes_are_kept_byte_for_byte": _RICH,
    "test_put_returns_what_head_tells": _RICH,
    "test_update_replaces_the_attributes_only": _RICH,
    "test_update_with_touch_sets_the_time": _CLOCK,
    "test_a_condition_that_says_nothing_deletes_as_none_does": _EXISTED,
    "test_delete_objects_answers_each_request_in_its_place": _EXISTED,
    "test_delete_objects_may_name_one_twice": _EXISTED,
    "test_delete_objects_takes_a_thousand_and_none": _EXISTED,
    "test_delete_tells_whether_there_was_one": _EXISTED,
    "test_deleting_what_is_deleted_or_never_was_adds_another": _EXISTED,
    "test_suspended_the_delete_marker_is_a_null_version": _EXISTED,
    "test_without_versioning_an_object_is_its_null_version": _EXISTED,
    "test_an_unknown_version_is_not_found": _EXISTED,
    "test_deleting_adds_a_delete_marker": "S3 says the time of a marker only when it is named",
    "test_a_version_is_removed_only_if_it_is_still_what_it_was": _STILL,
    "test_an_older_version_is_changed_where_it_stands": "S3 changes the current version only",
    "test_a_listing_tells_what_head_tells": _LISTING,
    "test_a_page_shows_what_was_said_of_an_object": _LISTING,
    "test_an_entry_is_what_head_tells": _LISTING,
    "test_head_tells_what_get_tells_and_has_no_body": "S3 sends no checksum with a range",
    "test_repeating_a_completion_gives_the_same_facts": _FORGETS,
    "test_repeating_a_completion_does_not_bring_the_object_back": _FORGETS,
    "test_an_upload_completes_into_a_new_version": _FORGETS,
    "test_of_many_completions_at_once_all_tell_the_same": _FORGETS,
    "test_parts_not_chosen_are_left_out": _PARTS,
    "test_the_parts_of_a_finished_object_are_kept": _PARTS,
    "test_update_keeps_the_parts": _PARTS,
    "test_abort_leaves_the_object_and_the_other_uploads": _UPLOAD_LISTING,
    "test_an_id_without_a_name_is_no_marker": _UPLOAD_LISTING,
    "test_an_upload_does_not_change_by_its_parts": _UPLOAD_LISTING,
    "test_an_upload_keeps_what_it_was_begun_with": _UPLOAD_LISTING,
    "test_assemble_is_shown_the_upload_and_the_chosen_parts": _UPLOAD_LISTING,
    "test_complete_leaves_the_other_uploads_of_the_name": _UPLOAD_LISTING,
    "test_an_assembly_that_raises_leaves_everything_as_it_was": _UPLOAD_LISTING,
    "test_uploads_are_listed_by_name_and_id": _UPLOAD_LISTING,
    "test_appends_are_listed_apart": "S3 has no appends",
}

GATEWAY: Mapping[str, str] = {}

_PATHS = "moto's web server folds `.`, `..` and `//` in paths"
_VERSIONS_AFTER = "moto heeds no marker of versions, and lists no delete marker alone"
_MARKER = "moto forgets that what was removed is a delete marker"
_SUSPENDED = "moto drops all versions when the null version is replaced"
_SERVER_ERROR = "moto answers 500 for an upload that is gone or of another name"
_PART_NUMBERS = "moto renumbers the parts of an upload, or keeps those that were not chosen"
_UPLOAD_MARKERS = "moto rolls up no uploads, and orders those of a name by nothing"
MOTO: Mapping[str, str] = {
    "test_any_name_is_kept_as_it_is": _PATHS,
    "test_odd_names_are_all_different_and_in_byte_order": _PATHS,
    "test_pages_joined_are_the_listing_at_once": _PATHS,
    "test_a_common_prefix_as_marker_skips_all_versions_under_it": _VERSIONS_AFTER,
    "test_a_common_prefix_stands_for_all_versions_under_it": _VERSIONS_AFTER,
    "test_a_limit_of_nothing_gives_no_versions": _VERSIONS_AFTER,
    "test_a_name_as_marker_skips_all_its_versions": _VERSIONS_AFTER,
    "test_a_version_as_marker_leaves_the_older_ones": _VERSIONS_AFTER,
    "test_a_version_marker_of_a_name_that_is_gone_goes_on_behind_it": _VERSIONS_AFTER,
    "test_a_version_marker_that_is_gone_leaves_all_versions_of_its_name": _VERSIONS_AFTER,
    "test_pages_of_versions_joined_are_the_listing_at_once": _VERSIONS_AFTER,
    "test_the_first_of_each_name_is_the_latest": _VERSIONS_AFTER,
    "test_current_names_are_those_without_a_marker": "moto rolls up names that are deleted",
    "test_removing_the_delete_marker_brings_the_object_back": _MARKER,
    "test_versions_keep_their_order_when_the_clock_jumps": _MARKER,
    "test_suspended_the_null_version_is_replaced_wherever_it_stands": _SUSPENDED,
    "test_a_completed_upload_is_no_longer_an_upload": _SERVER_ERROR,
    "test_a_part_that_ends_after_the_abort_is_upload_not_found": _SERVER_ERROR,
    "test_an_aborted_upload_is_upload_not_found": _SERVER_ERROR,
    "test_an_upload_of_another_name_is_upload_not_found": _SERVER_ERROR,
    "test_a_part_keeps_the_number_it_was_uploaded_with": _PART_NUMBERS,
    "test_a_part_reads_by_its_number": _PART_NUMBERS,
    "test_of_many_creators_exactly_one_wins": "moto looks at a condition, and then writes",
    "test_parts_are_listed_by_pages": "moto takes a marker of parts for one of places",
    "test_uploads_are_chosen_by_prefix_and_rolled_up": _UPLOAD_MARKERS,
    "test_uploads_behind_a_name_and_id_keep_the_later_ids": _UPLOAD_MARKERS,
    "test_a_stream_waits_before_its_file_is_opened": "moto closes each connection",
    "test_an_empty_object_reads_whole[want1]": "moto answers for a part of nothing with -1 bytes",
}

# Of test_aws_objects.
MOTO_OBJECTS: Mapping[str, str] = {
    "test_a_put_returns_what_head_says": "moto keeps no checksum that it did not choose",
    "test_a_sealed_checksum_goes_along_and_is_verified": "moto verifies no checksum",
    "test_the_parts_of_an_object_are_listed_by_size": "moto lists no parts of a finished object",
    "test_versions_and_markers_are_told_apart": "moto says of a marker that there is no object",
    "test_the_part_of_a_passed_through_upload_reads_by_its_number": _PART_NUMBERS,
}


def reason_to_skip(name: str, case: str, *tables: Mapping[str, str]) -> str | None:
    """`case` is the name with its parameters."""
    for table in tables:
        if reason := table.get(case) or table.get(name):
            return reason
    return None
