"""Requests for members of archives: selecting, reading and listing them.

The formats and the store's side are in `storage.archives`.
"""
