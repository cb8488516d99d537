"""Blobs of a cluster, in one folder that all its machines share."""
