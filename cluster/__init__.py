"""Placement of objects on targets, and the jobs on them, without HTTP frameworks or XML."""
