"""AWS' Security Token Service: temporary keys for users, roles and web identities.

It is served at S3's root, so that SDKs with one endpoint find both.

https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
"""
