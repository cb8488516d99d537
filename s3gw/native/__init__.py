"""AIStore's `/v1` API: the native front end.

Objects and buckets are the same that S3 sees. Like an S3 operation, a native one is a class in the
module of its subject; `catalog` lists those modules.
"""
