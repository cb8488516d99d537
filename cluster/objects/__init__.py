"""Operations on objects, uploads and buckets of a cluster: its index and its bytes together."""
