"""Queries of objects by conditions: AIStore's `/v1/query`."""
