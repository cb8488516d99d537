"""The native front end: AIStore's `/v1`, as its own clients speak it.

Objects and buckets are the same that S3 sees. Like an S3 operation, a native one is a class that
stands in the module of the thing it is about; `catalog` lists those modules.
"""
