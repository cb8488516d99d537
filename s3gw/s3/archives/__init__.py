"""What both front ends do with archives: which members a request means, reading, listing, writing.

The formats and the store's side are in `storage.archives`.
"""
