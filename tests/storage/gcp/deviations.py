"""Claims of the contract that Cloud Storage does not keep, or a server for it, with the reason.

The name of a test, or with its parameter in brackets one case of it.
"""

from __future__ import annotations

from collections.abc import Mapping

_CLOCK = "the remote has a clock of its own"
_ETAG = "the object of an upload in parts has no MD5, and the ETag of Cloud Storage"
_FORGETS = "Cloud Storage forgets an upload when it is completed"
_NAMES = "no name has line breaks, or is a dot or two; test_gcp_objects has all the others"
_OWNERS = "buckets belong to a project"
_PARTS = "Cloud Storage forgets the parts of an object"
_TAGS = "objects have no tags; test_gcp_objects has the same claims without them"
_UPLOAD_LISTING = "attributes and owner of an upload show in the finished object only"

GCS: Mapping[str, str] = {
    "test_a_bucket_keeps_what_it_was_made_with": _OWNERS,
    "test_a_bucket_made_anew_is_empty_and_belongs_to_the_new_owner": _OWNERS,
    "test_a_second_bucket_of_a_name_is_refused_with_its_owner": _OWNERS,
    "test_any_name_is_kept_as_it_is": _NAMES,
    "test_odd_names_are_all_different_and_in_byte_order": _NAMES,
    "test_pages_joined_are_the_listing_at_once": _NAMES,
    "test_a_page_shows_what_was_said_of_an_object": _TAGS,
    "test_a_put_replaces_bytes_facts_and_attributes": _TAGS,
    "test_attributes_are_kept_byte_for_byte": _TAGS,
    "test_put_returns_what_head_tells": _TAGS,
    "test_update_checks_its_condition": _TAGS,
    "test_update_keeps_the_parts": _TAGS,
    "test_update_replaces_the_attributes_only": _TAGS,
    "test_update_with_touch_sets_the_time": _TAGS,
    "test_a_completed_upload_is_an_object": _TAGS,
    "test_the_usual_etag_of_an_upload": _ETAG,
    "test_a_part_tells_what_it_is": _CLOCK,
    "test_a_part_uploaded_again_replaces_the_first": _CLOCK,
    "test_a_part_keeps_the_number_it_was_uploaded_with": _PARTS,
    "test_a_part_reads_by_its_number": _PARTS,
    "test_an_upload_of_one_empty_part_is_an_empty_object": _PARTS,
    "test_parts_not_chosen_are_left_out": _PARTS,
    "test_the_parts_of_a_finished_object_are_kept": _PARTS,
    "test_repeating_a_completion_gives_the_same_facts": _FORGETS,
    "test_repeating_a_completion_does_not_bring_the_object_back": _FORGETS,
    "test_of_many_completions_at_once_all_tell_the_same": _FORGETS,
    "test_abort_leaves_the_object_and_the_other_uploads": _UPLOAD_LISTING,
    "test_an_assembly_that_raises_leaves_everything_as_it_was": _UPLOAD_LISTING,
    "test_an_id_without_a_name_is_no_marker": _UPLOAD_LISTING,
    "test_an_upload_does_not_change_by_its_parts": _UPLOAD_LISTING,
    "test_an_upload_keeps_what_it_was_begun_with": _UPLOAD_LISTING,
    "test_assemble_is_shown_the_upload_and_the_chosen_parts": _UPLOAD_LISTING,
    "test_complete_leaves_the_other_uploads_of_the_name": _UPLOAD_LISTING,
    "test_uploads_are_listed_by_name_and_id": _UPLOAD_LISTING,
    "test_appends_are_listed_apart": "Cloud Storage has no appends",
}

_NOT_EMPTY = "fake-gcs-server answers 412 for a bucket that is not empty"
_DELIMITERS = "fake-gcs-server ends a common prefix with the first byte of a delimiter"
_NO_UPLOADS = "the backend has uploads, which fake-gcs-server has not"
_DECLARED = "test_what_is_declared_works_and_what_is_not_is_refused_and_changes_nothing"

FAKE: Mapping[str, str] = {
    "test_a_bucket_has_no_location_unless_asked": "it has another location for such buckets",
    "test_a_bucket_is_deleted_or_takes_the_object_never_both": _NOT_EMPTY,
    "test_a_bucket_with_an_object_cannot_be_deleted": _NOT_EMPTY,
    "test_a_refused_deletion_of_a_bucket_harms_no_put": _NOT_EMPTY,
    "test_a_delimiter_may_have_many_bytes_and_overlap_itself": _DELIMITERS,
    "test_a_delimiter_rolls_up_what_stands_behind_the_prefix": _DELIMITERS,
    **{
        f"{_DECLARED}[{method}]": _NO_UPLOADS
        for method in (
            "abort_upload",
            "complete_upload",
            "create_upload",
            "head_upload",
            "list_object_parts",
            "list_parts",
            "list_uploads",
            "put_part",
        )
    },
}
