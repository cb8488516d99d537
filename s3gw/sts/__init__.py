"""AWS' Security Token Service: temporary keys for users, roles and web identities.

It is answered where S3 is, at the root: SDKs that are told of one endpoint find both there.

https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
"""
