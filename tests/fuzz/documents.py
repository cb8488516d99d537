"""XML documents, each sent to an operation that reads one."""

from __future__ import annotations

from tests.fuzz.front_door import BUCKET, OWNER, open_door
from tests.fuzz.mutation import one_of, spliced

_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
# Where each goes, and a good one.
TARGETS: dict[str, str] = {
    "PUT ?tagging": f"<Tagging {_NAMESPACE}><TagSet><Tag><Key>a</Key><Value>b</Value></Tag>"
    "</TagSet></Tagging>",
    "PUT ?cors": "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*"
    "</AllowedOrigin><MaxAgeSeconds>5</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    "PUT ?lifecycle": "<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter>"
    "<And><Prefix>x</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter><Expiration><Days>1"
    "</Days></Expiration></Rule></LifecycleConfiguration>",
    "PUT ?acl": "<AccessControlPolicy><Owner><ID>" + "a" * 64 + "</ID></Owner><AccessControlList>"
    '<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:type="CanonicalUser"><ID>' + "b" * 64 + "</ID></Grantee><Permission>READ</Permission>"
    "</Grant></AccessControlList></AccessControlPolicy>",
    "PUT ?notification": "<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sqs:a:b:c"
    "</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>",
    "PUT ?website": "<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument>"
    "<RoutingRules><RoutingRule><Redirect><HostName>h</HostName></Redirect></RoutingRule>"
    "</RoutingRules></WebsiteConfiguration>",
    "PUT ?versioning": "<VersioningConfiguration><Status>Enabled</Status>"
    "</VersioningConfiguration>",
    "PUT ?logging": "<BucketLoggingStatus><LoggingEnabled><TargetBucket>private</TargetBucket>"
    "<TargetPrefix>p</TargetPrefix></LoggingEnabled></BucketLoggingStatus>",
    "PUT ?object-lock": "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
    "</ObjectLockConfiguration>",
    "PUT ?ownershipControls": "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter"
    "</ObjectOwnership></Rule></OwnershipControls>",
    "PUT ?encryption": "<ServerSideEncryptionConfiguration><Rule>"
    "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
    "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
    "PUT ?publicAccessBlock": "<PublicAccessBlockConfiguration><BlockPublicAcls>true"
    "</BlockPublicAcls></PublicAccessBlockConfiguration>",
    "POST ?delete": "<Delete><Quiet>false</Quiet><Object><Key>a</Key><VersionId>v</VersionId>"
    "</Object></Delete>",
    "POST key?uploadId=x": "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag>"
    "</Part></CompleteMultipartUpload>",
    "PUT key?retention": "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z"
    "</RetainUntilDate></Retention>",
    "PUT key?tagging": "<Tagging><TagSet/></Tagging>",
}
_WORDS = list(TARGETS)
SEEDS = [bytes([number]) + b"\0\0\0\0" for number in range(len(_WORDS))] + [
    b"\0\1<!DOCTYPE d [<!ENTITY a 'aaaa'>]><Tagging>&a;</Tagging>",
    b"\0\1" + b"<a>" * 300,
]


def one_input(data: bytes) -> None:
    target, rest = one_of(_WORDS, data)
    method, _, place = target.partition(" ")
    key, _, query = place.partition("?")
    path = f"/{BUCKET}/{key}" if key else f"/{BUCKET}"
    body = spliced(TARGETS[target].encode(), rest)
    headers = [(b"x-account", OWNER.account.encode())]
    open_door().ask(method, path.encode(), query.encode(), headers, body)
