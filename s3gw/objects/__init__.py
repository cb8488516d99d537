"""Object service: write, copy, rename, assemble, encrypt, lock, chunk and batch objects.

It takes a `Context` and parsed options and knows no HTTP request. Front ends and jobs call it.
"""
