"""Operations on objects, uploads and buckets of a cluster."""
