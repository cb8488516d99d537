"""Placement of objects on targets, coordination and jobs, without HTTP."""
