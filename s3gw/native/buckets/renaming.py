"""move-bck: a bucket gets another name, with everything in it.

No byte moves. What names the bucket elsewhere would continue to name the old one: a policy that
denies would silently stop working. So the rename is refused with the place that names it, to be
removed first. Events and access logs that wait for delivery keep the bucket's old name.
"""

from __future__ import annotations

import re

from cluster.jobs import move_bucket
from s3gw.access import Access
from s3gw.access.policy import BucketPolicy, read_policy
from s3gw.access.request import ARN
from s3gw.events.log_target import LoggingTarget
from s3gw.http.reply import Reply
from s3gw.identity.namespaces import in_arns
from s3gw.identity.permissions import BucketName
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.jobs.starting import begin_ended, jobs_of
from s3gw.native.jobs.target import read_uname
from s3gw.native.names import AIS, Bck, bck_of, check_new_bucket
from s3gw.native.operation import operation, query
from s3gw.wire.errors import S3Error
from storage.errors import BucketExists
from storage.settings import setting
from storage.values import BucketInfo


@operation(
    "POST",
    "buckets/{bucket}",
    action=move_bucket.KIND.name,
    access=Access.MOVE_BUCKET,
    known_as="DeleteBucket",
    is_audited=True,
)
class RenameBucket:
    """MOVE-BUCKET is enough for both names. The job is over when the answer has its id."""

    to: str = query("bck_to", default="")

    async def run(self, call: NativeCall) -> Reply:
        new = _new_name(call, self.to)
        call.made = new.cname()
        await _require_no_job(call)
        await _require_unnamed(call)
        try:
            await call.store.rename_bucket(
                call.bucket, new.stored, lambda info: _checked(info, call, new)
            )
        except BucketExists:
            message = f'bucket "{new.cname()}" already exists'
            raise NativeError(409, message, Tcode.BUCKET_EXISTS) from None
        job = move_bucket.MoveBucket(bucket=call.bucket, target=new.stored)
        return text_reply(await begin_ended(call, job))


def _new_name(call: NativeCall, to: str) -> Bck:
    """Parse the new name. Raise 400, and 501 where jobs are not kept."""
    jobs_of(call)
    new = read_uname(to, call)
    if not new.is_ours:
        raise NativeError(400, f'can only rename to {AIS}:// buckets of this cluster, not "{new}"')
    check_new_bucket(new.name)
    if new == call.bck:
        raise NativeError(400, f'cannot rename bucket "{new.cname()}" to itself')
    return new


async def _require_no_job(call: NativeCall) -> None:
    """Raise 409 while a job works on the bucket: it would not find it any more."""
    for known in await jobs_of(call).all():
        job = known.job
        if call.bucket in (job.bucket, job.target) and not (known.is_over or known.is_idle):
            raise _refusal(call, f"job {job.kind}[{job.xid}] works on it: wait for it, or stop it")


async def _require_unnamed(call: NativeCall) -> None:
    """Raise 409 while other buckets or roles name this one."""
    for other in await call.store.list_buckets():
        target = setting(other, LoggingTarget)
        if target is not None and target.bucket == call.bucket:
            name = bck_of(other.name).cname()
            raise _refusal(call, f'"{name}" delivers its access log to it: stop that first')
        if other.name != call.bucket and _names(setting(other, BucketPolicy), call.bucket):
            name = bck_of(other.name).cname()
            raise _refusal(call, f'the policy of "{name}" names it: remove or change that first')
    directory = call.native.authn.directory
    own = call.site.cluster_id
    named = BucketName(call.bck.name, namespace=call.bck.namespace)
    for role in directory.roles():
        if {named, named._replace(cluster=own)} & role.permissions.buckets.keys():
            raise _refusal(call, f'role "{role.name}" names it: change that first')


def _checked(info: BucketInfo, call: NativeCall, new: Bck) -> BucketInfo:
    """Return the bucket under its new name, if its own policy fits that name. Raise 409 if not."""
    policy = setting(info, BucketPolicy)
    if policy is not None and (_names(policy, info.name) or not _fits(policy, new)):
        raise _refusal(call, "its policy names it: remove that first, and put it again afterwards")
    return info


def _names(policy: BucketPolicy | None, bucket: str) -> bool:
    """Whether the policy's text has the bucket's name: as a resource, or in a condition."""
    if policy is None:
        return False
    named = re.escape(ARN + in_arns(bucket)) + r"(?![A-Za-z0-9._-])"
    return re.search(named, policy.text) is not None


def _fits(policy: BucketPolicy, new: Bck) -> bool:
    """Whether all resources of the policy are valid for the bucket's new name."""
    try:
        read_policy(policy.text, in_arns(new.stored))
    except S3Error:
        return False
    return True


def _refusal(call: NativeCall, why: str) -> NativeError:
    return NativeError(409, f'bucket "{call.bck.cname()}" cannot be renamed: {why}')
