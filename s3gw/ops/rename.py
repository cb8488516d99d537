"""RenameObject: another name for an object, in one step.

No byte moves. AWS has it for directory buckets; here every bucket has it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_RenameObject.html
"""

from __future__ import annotations

from s3gw.access import Access, authorize_key
from s3gw.http.reply import Reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.copy_source import read_source_path
from s3gw.s3.headers import read_condition, written_version_header
from s3gw.s3.routing import header, operation, path
from s3gw.wire.errors import Code, S3Error
from storage.errors import NotModified
from storage.values import RenameOptions

SOURCE = "x-amz-rename-source"


@operation("PUT", Level.OBJECT, marker="renameObject", access=Access.MOVE_OBJECT)
class RenameObject:
    bucket: str = path("Bucket")
    key: str = path("Key")
    rename_source: str = header(SOURCE)
    client_token: str = header("x-amz-client-token", default="")

    async def run(self, call: Call) -> Reply:
        bucket, source = read_source_path(self.rename_source, SOURCE)
        if bucket != self.bucket:
            message = "An object can be renamed within its bucket only."
            raise S3Error(Code.InvalidRequest, message)
        if source == self.key:
            raise S3Error(Code.InvalidRequest, "Source and destination are the same.")
        options = RenameOptions(
            condition=read_condition(call.headers),
            source_condition=read_condition(call.headers, f"{SOURCE}-"),
            token=self.client_token,
        )
        try:
            await authorize_key(call, "GetObject", source, Access.MOVE_OBJECT)
            await authorize_key(call, "DeleteObject", source, Access.MOVE_OBJECT)
            info = await call.objects.rename(
                call.context, call.bucket_info, source, self.key, options
            )
        except NotModified as error:
            raise S3Error(Code.PreconditionFailed) from error
        return Reply(headers=written_version_header(info))
