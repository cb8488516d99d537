"""Claims of the contract that Azure Blob Storage does not keep, or Azurite, with the reason.

The name of a test, or with its parameter in brackets one case of it.
"""

from __future__ import annotations

from collections.abc import Mapping

_CLOCK = "the remote has a clock of its own"
_ETAG = "Azure's ETag is not an MD5, and changes with the metadata"
_LISTING = "a listing of Azure says less than a HEAD"
_NAMES = "Azure, or what is on the way, refuses or folds some names"
_ONE_LIST = "a write of a name ends the uploads of it"
_OWNERS = "the owner of all buckets is the storage account"
_UPLOAD_LISTING = "blobs do not say which of them have uncommitted blocks"

AZURE: Mapping[str, str] = {
    "test_a_bucket_keeps_what_it_was_made_with": _OWNERS,
    "test_a_bucket_made_anew_is_empty_and_belongs_to_the_new_owner": _OWNERS,
    "test_a_second_bucket_of_a_name_is_refused_with_its_owner": _OWNERS,
    "test_buckets_are_listed_by_name": "a container has no dot in its name",
    "test_a_bucket_is_deleted_or_takes_the_object_never_both": (
        "Azure deletes a container with what is in it, and has no condition on that"
    ),
    "test_a_completed_upload_is_an_object": _ETAG,
    "test_the_usual_etag_of_an_upload": _ETAG,
    "test_an_object_reads_as_it_was_written": _ETAG,
    "test_put_returns_what_head_tells": _ETAG,
    "test_update_replaces_the_attributes_only": _ETAG,
    "test_update_with_touch_sets_the_time": _CLOCK,
    "test_a_part_tells_what_it_is": _CLOCK,
    "test_a_part_uploaded_again_replaces_the_first": _CLOCK,
    "test_a_put_replaces_bytes_facts_and_attributes": _CLOCK,
    "test_a_listing_tells_what_head_tells": _LISTING,
    "test_a_page_shows_what_was_said_of_an_object": _LISTING,
    "test_any_name_is_kept_as_it_is": _NAMES,
    "test_odd_names_are_all_different_and_in_byte_order": _NAMES,
    "test_pages_joined_are_the_listing_at_once": _NAMES,
    "test_a_prefix_may_end_with_the_last_of_its_kind[\x7f]": _NAMES,
    "test_a_prefix_may_end_with_the_last_of_its_kind[\\x7f]": _NAMES,
    "test_a_prefix_may_end_with_the_last_of_its_kind[\uffff]": _NAMES,
    "test_a_prefix_may_end_with_the_last_of_its_kind[\\uffff]": _NAMES,
    "test_names_are_ordered_by_utf8_not_by_utf16": _NAMES,
    "test_names_and_common_prefixes_may_take_turns": _NAMES,
    "test_complete_leaves_the_other_uploads_of_the_name": _ONE_LIST,
    "test_repeating_a_completion_does_not_bring_the_object_back": (
        "Azure remembers an upload as long as the object is that of the upload"
    ),
    "test_a_bucket_with_uploads_only_can_be_deleted_and_they_go_with_it": _UPLOAD_LISTING,
    "test_a_bucket_without_uploads_lists_none": _UPLOAD_LISTING,
    "test_a_completed_upload_is_no_longer_an_upload": _UPLOAD_LISTING,
    "test_a_limit_of_no_uploads_gives_an_empty_last_page": _UPLOAD_LISTING,
    "test_a_part_that_ends_after_the_abort_is_upload_not_found": _UPLOAD_LISTING,
    "test_abort_leaves_the_object_and_the_other_uploads": _UPLOAD_LISTING,
    "test_an_aborted_upload_is_upload_not_found": _UPLOAD_LISTING,
    "test_an_assembly_that_raises_leaves_everything_as_it_was": _UPLOAD_LISTING,
    "test_an_id_without_a_name_is_no_marker": _UPLOAD_LISTING,
    "test_an_upload_does_not_change_by_its_parts": _UPLOAD_LISTING,
    "test_an_upload_in_a_missing_bucket_is_bucket_not_found": _UPLOAD_LISTING,
    "test_an_upload_keeps_what_it_was_begun_with": _UPLOAD_LISTING,
    "test_pages_of_uploads_joined_are_the_listing_at_once": _UPLOAD_LISTING,
    "test_uploads_are_chosen_by_prefix_and_rolled_up": _UPLOAD_LISTING,
    "test_uploads_are_listed_by_name_and_id": _UPLOAD_LISTING,
    "test_uploads_behind_a_name_and_id_keep_the_later_ids": _UPLOAD_LISTING,
    "test_uploads_behind_a_name_leave_out_all_of_that_name": _UPLOAD_LISTING,
    "test_what_is_declared_works_and_what_is_not_is_refused_and_changes_nothing[list_uploads]": (
        _UPLOAD_LISTING
    ),
    "test_appends_are_listed_apart": "Azure's append blobs are another kind, and are not used",
}

_DELIMITER = "Azurite looks at the first character of a delimiter only"
_NOTHING = "Azurite answers for a range of nothing with byte -1"

AZURITE: Mapping[str, str] = {
    "test_a_delimiter_may_have_many_bytes_and_overlap_itself": _DELIMITER,
    "test_a_delimiter_rolls_up_what_stands_behind_the_prefix[-/c/-names5-prefixes5]": _DELIMITER,
    "test_no_range_of_an_empty_object_is_satisfiable[want0]": _NOTHING,
    "test_no_range_of_an_empty_object_is_satisfiable[want1]": _NOTHING,
}
